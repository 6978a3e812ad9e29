"""greenlets.py HANDLER: many greenlets log; measures how long the hub was away, and a log call took, at most."""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

GREENLETS, EACH, SIZE = 40, 40, 2000
BEAT = 0.005
ROUNDS = 3
log = logging.getLogger("app")


def work(first, longest):
    for number in range(first, first + EACH):
        begun = time.monotonic()
        log.info("n=%d %s", number, "x" * SIZE)
        longest["call"] = max(longest["call"], time.monotonic() - begun)
        gevent.sleep(0)


def beat(longest):
    last = time.monotonic()
    while True:
        gevent.sleep(BEAT)
        now = time.monotonic()
        longest["gap"] = max(longest["gap"], now - last - BEAT)
        last = now


def run_round(first):
    longest = {"gap": 0.0, "call": 0.0}
    heart = gevent.spawn(beat, longest)
    works = [gevent.spawn(work, first + k * EACH, longest) for k in range(GREENLETS)]
    gevent.joinall(works, raise_error=True)
    heart.kill()
    for name, seconds in longest.items():
        print(name, seconds, flush=True)


def turn(name):
    """Waits for the test, which hangs or wakes the sidecar meanwhile."""
    print(name, flush=True)
    while not os.path.exists(os.path.join(os.environ["TURNS"], name.replace(" ", "-"))):
        gevent.sleep(0.01)


if sys.argv[1] == "control":
    log.setLevel(logging.INFO)
    log.addHandler(logging.NullHandler())
    handler = None
else:
    from common import handler
for k in range(ROUNDS):
    turn(f"round {k}")
    run_round(k * GREENLETS * EACH)
    turn(f"after {k}")
    if handler:
        report = handler.flush(30, "ended")
        assert report.all_delivered, report
