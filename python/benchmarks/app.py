"""The app: one process that logs a row's records, times each call, and says what it found as its last line.

`python -m benchmarks.app SPEC`, SPEC being JSON: kind, address, format, records, warm_up, pace_us, kill. With `kill` it
ends itself with SIGKILL at once after the last call and says nothing.

One loop serves the measured call and the empty one that is subtracted, so that both pay the same for the loop.
"""

import array
import dataclasses
import json
import logging
import os
import signal
import sys
import time

from benchmarks.handlers import build
from benchmarks.rows import FORMATS

RESULT = "benchmark result: "
# A paced row's time is not to be spent on its empty loop.
EMPTY_WHEN_PACED = 500
TEMPLATE = "id=%08d Recalculated the concurrent usage of user %s on %s, runs: %d"
ARGUMENTS = ("7214", "2022-04-12", 37)
logger = logging.getLogger("app.views")


class RequestContext(logging.Filter):
    """What the middleware of an app adds to its records."""

    request_id = ""

    def filter(self, record):
        record.request_id = self.request_id
        record.account_number = "1460290"
        return True


def work(number):
    """The call that is measured."""
    logger.info(TEMPLATE, number, *ARGUMENTS)


def nothing(number):
    """What is left of it when the logging is taken away."""


def timed(call, numbers, context, pace_us=0):
    """Calls once for each number; gives what each call took, in nanoseconds. Paced calls have a due time each."""
    took = array.array("q", bytes(8 * len(numbers)))
    clock = time.perf_counter_ns
    began = clock()
    for index, number in enumerate(numbers):
        context.request_id = f"{number:08d}-7b1e-4c55-9d0e-3f2a9c61d7e4"
        if pace_us:
            time.sleep(max(0, began + index * pace_us * 1_000 - clock()) / 1e9)
        start = clock()
        call(number)
        took[index] = clock() - start
    return took


def percentiles(took):
    """Nearest rank, in microseconds."""
    ordered = sorted(took)
    ranks = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1}
    return {name: ordered[max(0, -int(-rank * len(ordered) // 1) - 1)] / 1e3 for name, rank in ranks.items()}


def record_bytes(text_format, context):
    """How long a record's text is."""
    place = (os.path.abspath(__file__), work.__code__.co_firstlineno + 2)
    record = logger.makeRecord(logger.name, logging.INFO, *place, TEMPLATE, (0, *ARGUMENTS), None, work.__name__)
    context.filter(record)
    return len(logging.Formatter(text_format).format(record).encode())


def peak_rss_kib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def measure(spec, handler, context):
    """Warms up, measures, waits for what the handler still has to do, and measures the empty loop."""
    first, records, pace_us = spec["warm_up"], spec["records"], spec["pace_us"]
    timed(work, range(first), context)
    cpu = time.process_time()
    took = timed(work, range(first, first + records), context, pace_us)
    report = stats = None
    if handler is not None:
        report = handler.flush()
        stats = handler.stats() if hasattr(handler, "stats") else None
        handler.close()
    cpu = time.process_time() - cpu
    rss = peak_rss_kib()
    passes = EMPTY_WHEN_PACED if pace_us else records
    empty_cpu = time.process_time()
    empty = percentiles(timed(nothing, range(passes), context, pace_us))
    # A sleep's CPU time is too unsteady to be subtracted; it stays in, the same for each paced row.
    empty_cpu = 0 if pace_us else time.process_time() - empty_cpu
    return {
        **{name: value - empty["p50"] for name, value in percentiles(took).items()},
        "empty": empty,
        "cpu_seconds": cpu - empty_cpu,
        "rss_kib": rss,
        "record_bytes": record_bytes(FORMATS[spec["format"]], context),
        "flush": dataclasses.asdict(report) if dataclasses.is_dataclass(report) else report,
        "stats": dataclasses.asdict(stats) if dataclasses.is_dataclass(stats) else stats,
    }


def main():
    spec = json.loads(sys.argv[1])
    handler = build(spec["kind"], spec["address"], FORMATS[spec["format"]])
    context = RequestContext()
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addFilter(context)
    if handler is not None:
        logger.addHandler(handler)
    if spec["kill"]:
        timed(work, range(spec["records"]), context)
        os.kill(os.getpid(), signal.SIGKILL)
    print(RESULT + json.dumps(measure(spec, handler, context), default=repr), flush=True)


if __name__ == "__main__":
    main()
