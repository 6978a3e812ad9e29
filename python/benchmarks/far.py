"""The far sides: what takes a row's records, in processes of its own, and what it says has arrived."""

import json
import sys
import time
import urllib.request

from benchmarks import PYTHON
from benchmarks.handlers import GROUP
from benchmarks.reader import READY
from benchmarks.rows import MARKER, OURS, SYSLOG, WATCHTOWER
from programs import CREDENTIALS, PATIENCE, REGION, Program, Sidecar, wait_for


def cpu_seconds(process):
    """User and system time of all of another process's threads, to the nanosecond; a clock id is made of a pid so."""
    return time.clock_gettime((~process.pid << 3) | 2)


class Nobody:
    """Rows whose records go nowhere."""

    address = ""
    environment = ()
    receiver = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_for(self, emitted, patience):
        """Waits until so many records have arrived, or so many seconds in vain."""

    def settle(self):
        """Ends the receiver orderly, so that nothing is under way any more, and gives unique and doubled records."""
        return {}


class CloudWatch(Nobody):
    """The emulator at some latency, counting; Watchtower talks to it itself."""

    def __init__(self, binary, row, _folder):
        command = [binary, "emulator", "--listen", "127.0.0.1:0", "--count", "--count-marker", MARKER]
        command += ["--secret-key", CREDENTIALS["AWS_SECRET_ACCESS_KEY"]]
        command += ["--latency", row.latency_ms] if row.latency_ms else []
        self.emulator = Program(command)
        self.url = self.emulator.line(r"listening on (http://\S+)")[1]
        self.environment = {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url}

    def __exit__(self, *error):
        self.emulator.__exit__(*error)

    def report(self):
        with urllib.request.urlopen(f"{self.url}/_emulator/report", timeout=PATIENCE) as answer:
            return json.load(answer)

    def wait_for(self, emitted, patience):
        try:
            wait_for("all have arrived", lambda: self.report()["marks"]["unique"] >= emitted, patience)
        except AssertionError:
            return

    def settle(self):
        report = self.report()
        found = {name: report["marks"][name] for name in ("unique", "doubled", "unmarked", "out_of_range")}
        calls = report["calls"].get("PutLogEvents", {"total": 0})
        return {**found, "violations": report["violations"]["total"], "calls": calls["total"]}


class ThroughSidecar(CloudWatch):
    """The sidecar between the app and the emulator."""

    def __init__(self, binary, row, folder):
        super().__init__(binary, row, folder)
        flags = ["--group", GROUP, "--stream", "default"]
        try:
            self.receiver = Sidecar(folder, self.url, *flags, binary=binary)
        except BaseException:
            self.emulator.__exit__()
            raise
        self.environment = ()
        self.address = str(self.receiver.socket)

    def __exit__(self, *error):
        self.receiver.__exit__(*error)
        super().__exit__(*error)

    def settle(self):
        # It delivers what it has before it ends.
        self.receiver.stop()
        return {**super().settle(), "sidecar": self.receiver.account()}


class Syslog(Nobody):
    """A process that reads, as the honest floor: no acknowledgement, no resending, nothing said of losses."""

    def __init__(self, row, folder):
        self.address = str(folder / "log")
        command = [sys.executable, "-m", "benchmarks.reader", row.kind.split("-")[1], self.address, MARKER]
        self.receiver = Program(command, {"PYTHONPATH": str(PYTHON)})
        self.receiver.line(READY)

    def __exit__(self, *error):
        self.receiver.__exit__(*error)

    def settle(self):
        self.receiver.stop()
        return json.loads(self.receiver.lines[-1])


def far_side(row, binary, folder):
    """What the row needs at its other end."""
    if row.kind in OURS:
        return ThroughSidecar(binary, row, folder)
    if row.kind in WATCHTOWER:
        return CloudWatch(binary, row, folder)
    return Syslog(row, folder) if row.kind in SYSLOG else Nobody()
