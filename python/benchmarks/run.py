"""One run of one row: a far side, a fresh process that logs, and what both say afterwards."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import PYTHON
from benchmarks.app import RESULT
from benchmarks.far import cpu_seconds, far_side
from programs import Program

# Watchtower's queue mode may take its time at the end, and machines can be slow; nothing may hang the benchmark.
LONGEST = 120  # seconds
# What the far side is given for what has been sent, in seconds. After a kill that may be less than was logged.
ARRIVES = 15
UNDER_WAY = 1
PER = 100_000


class Broken(Exception):
    """A run that cannot count."""


def run(row, binary, quick=False, most=None):
    """Runs the row once; gives its figures and its account."""
    records = min(row.quick if quick else row.records, most or sys.maxsize)
    warm_up = min(row.warm_up, records)
    emitted = records + warm_up
    spec = {
        **{name: getattr(row, name) for name in ("kind", "format", "pace_us", "kill")},
        "records": records,
        "warm_up": warm_up,
    }
    with tempfile.TemporaryDirectory(prefix="splashdam-") as path, far_side(row, binary, Path(path)) as far:
        receiver = far.receiver and far.receiver.process
        before = cpu_seconds(receiver) if receiver else 0
        found = log({**spec, "address": far.address}, far.environment)
        far.wait_for(emitted, UNDER_WAY if row.kill else ARRIVES)
        found.update(receiver_after(receiver, before, emitted))
        return {"row": row.name, "records": records, **found, **account(emitted, far.settle())}


def log(spec, environment):
    """Runs the app; gives what it said, with its CPU time for a hundred thousand records."""
    # The path of the checkout's handler comes with the package `benchmarks`.
    command = [sys.executable, "-m", "benchmarks.app", json.dumps(spec)]
    with Program(command, {"PYTHONPATH": str(PYTHON), **dict(environment)}) as app:
        code = app.process.wait(LONGEST)
        app.reader.join(LONGEST)
        if spec["kill"]:
            if code != -signal.SIGKILL:
                raise Broken(f"{spec['kind']} was to die by SIGKILL and ended with {code}:\n{app.output()}")
            return {}
        told = [line for line in app.lines if line.startswith(RESULT)]
        if code != 0 or not told:
            raise Broken(f"{spec['kind']} ended with {code}:\n{app.output()}")
        found = json.loads(told[-1][len(RESULT) :])
        found["said"] = [line for line in app.lines if not line.startswith(RESULT)][:20]
        found["app_cpu"] = found.pop("cpu_seconds") * PER / spec["records"]
        return found


def receiver_after(process, before, emitted):
    """What the sidecar, or the syslog reader, has used for the records; its warm-up's are among them."""
    if process is None:
        return {"receiver_cpu": None, "receiver_rss_kib": None}
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return {"receiver_cpu": (cpu_seconds(process) - before) * PER / emitted, "receiver_rss_kib": rss}


def account(emitted, arrived):
    """What was logged and what of it arrived, by the far side's own count; nothing for rows without a far side."""
    if not arrived:
        return {"emitted": emitted, "delivered": None, "doubled": None, "missing": None}
    unique = arrived["unique"]
    return {
        "emitted": emitted,
        "delivered": unique,
        "doubled": arrived["doubled"],
        "missing": emitted - unique,
        "far": arrived,
    }


def binary_or_complain(given):
    """The sidecar's program."""
    path = given or os.environ.get("SPLASHDAM_BIN", "")
    if not os.access(path, os.X_OK):
        raise Broken(f"{path!r} is no program: build with `cargo build --release`, give --splashdam or SPLASHDAM_BIN")
    return path
