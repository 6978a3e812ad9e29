"""Starting the programs in `apps`, and what CloudWatch has of them."""

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

from harness import GROUP, Program
from programs import PATIENCE

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


class App(Program):
    """One of the programs, logging to the sidecar in `folder`."""

    def __init__(self, folder, name, *arguments):
        self.returned_file = folder / f"returned-{name}"
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        environment = {"PYTHONPATH": path, "SPLASHDAM_SOCKET": str(folder / "s"), "TURNS": str(folder)}
        command = [sys.executable, HERE / "apps" / f"{name}.py", *arguments]
        super().__init__(command, {**environment, "RETURNED": str(self.returned_file), "LEAD_A_GROUP": "yes"})

    def __exit__(self, *_):
        # Its children, too, also where one of them hangs.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        super().__exit__()

    def end(self):
        """Waits for its end, and gives its exit code."""
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def returned(self):
        """The numbers whose log calls have returned, in whichever process."""
        return [int(line) for line in self.returned_file.read_text().split()]


def run(folder, name, *arguments):
    """Runs one to its orderly end."""
    with App(folder, name, *arguments) as app:
        assert app.end() == 0, app.output()
    return app


def prove(cloud, sidecar, expected, possible=()):
    """CloudWatch has each of these records once, besides them at most `possible` ones, each in its process's stream."""
    # It ends when it has delivered all; with --fail-on-loss its 0 says that nothing was lost, to its knowledge.
    assert sidecar.stop() == 0, sidecar.output()
    arrived = cloud.numbers()
    assert {number: times for number, times in arrived.items() if times != 1} == {}
    assert sorted(set(arrived) - set(possible)) == sorted(expected)
    for stream in set(cloud.streams(GROUP)) - {"shared"}:
        assert {pid for text in cloud.messages(stream) for pid in re.findall(r"^pid=(\d+) ", text)} <= {stream}
