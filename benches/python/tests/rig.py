"""The far side, and the apps as the driver starts them: programs of their own, ended with the test."""

import http.client
import json
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

from programs import CREDENTIALS, PATIENCE, Program, Sidecar, wait_for

HERE = Path(__file__).parents[1]
PACKAGES = (HERE, HERE.parents[1] / "python" / "src")
MODES = ("none", "null", "stdout", "splashdam", "sync", "queue", "shipper")
SHIPS = ("splashdam", "sync", "queue", "shipper")
#: Whose process says what it could not write.
SAYS = ("splashdam", "shipper")
RECORD = re.compile(r"^n=(\d{10}) t=(\d{16}) .* \| (INFO|WARNING) \| ")


class Emulator(Program):
    """`splashdam emulator --count`."""

    def __init__(self):
        command = [os.environ["SPLASHDAM_BIN"], "emulator", "--listen", "127.0.0.1:0", "--count"]
        super().__init__([*command, "--secret-key", CREDENTIALS["AWS_SECRET_ACCESS_KEY"]])
        self.url = self.line(r"listening on (http://\S+)")[1]

    def report(self, expected):
        address = self.url.removeprefix("http://")
        return get(address, f"/_emulator/report?expect={expected}")[1]

    def unique(self):
        """How many different numbers have arrived."""
        return self.report(0)["marks"]["unique"]

    def calls(self):
        """How often PutLogEvents was called."""
        return self.report(0)["calls"].get("PutLogEvents", {"total": 0})["total"]

    def check(self, expected):
        """Numbers 0 up to `expected` arrived, each once, and nothing else did."""
        marks = self.report(expected)["marks"]
        found = {name: marks[name] for name in ("unique", "doubled", "missing", "unmarked", "out_of_range")}
        assert found == {"unique": expected, "doubled": 0, "missing": 0, "unmarked": 0, "out_of_range": 0}


class App(Program):
    """`python -m workloads`, its two outputs in one."""

    def __init__(self, *arguments, **environment):
        environment["PYTHONPATH"] = os.pathsep.join([*map(str, PACKAGES), os.environ.get("PYTHONPATH", "")])
        super().__init__([sys.executable, "-m", "workloads", *arguments], CREDENTIALS | environment)

    def told(self, word):
        """What stands behind a word at the beginning of lines, as JSON."""
        return [json.loads(line.removeprefix(word)) for line in self.lines if line.startswith(word)]

    def records(self):
        """Number, time and level of each line that is a record."""
        found = [match for match in map(RECORD.match, list(self.lines)) if match]
        return [(int(match[1]), int(match[2]), match[3]) for match in found]

    def end(self):
        """Waits for its end by itself."""
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


class Api(App):
    """Django under gunicorn, ready."""

    def __init__(self, database, *arguments):
        super().__init__("api", "--database", database, *arguments)
        self.address = self.line(r"^listening on http://(\S+)$")[1]

    def get(self, path):
        return get(self.address, path)


def get(address, path):
    """Status and JSON of one request on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if text.startswith(b"{") else None


@contextmanager
def far_side(mode, folder, emulator):
    """The flags of a mode; at the end a sidecar, where there is one, has delivered what it had."""
    if mode not in SAYS:
        yield ["--mode", mode, "--endpoint-url", emulator.url]
        return
    with Sidecar(folder, emulator.url, "--group", "bench", "--stream", "bench") as sidecar:
        yield ["--mode", mode, "--socket", sidecar.socket]
        assert sidecar.stop() == 0, sidecar.output()


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for member in found:
        found += map(int, Path(f"/proc/{member}/task/{member}/children").read_text().split())
    return found


def state(pid):
    """Process state, group and session; None where there is no such process any more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else (fields[0], int(fields[2]), int(fields[3]))


def wait_until_gone(pids):
    wait_for("all of its processes are gone", lambda: not any(map(state, pids)))
