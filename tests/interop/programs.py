"""Starting other programs, waiting for what they promise, and ending them whatever happens."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PATIENCE = 60
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
REGION = "eu-central-1"
PR_SET_PDEATHSIG = 1


def wait_for(what, condition, patience=PATIENCE):
    """Returns the first true value of `condition`; asks often, sleeps little, gives up with a clear message."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {patience} s in vain until {what}"
        time.sleep(0.01)


def die_with_parent():
    """In the child: the kernel kills it when pytest dies, even by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A child process whose output is kept, line by line."""

    def __init__(self, command, environment=()):
        # Nothing of the caller's AWS configuration or of ours may leak in.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPLASHDAM_"))}
        self.lines = []
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=kept | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join(PATIENCE)

    def output(self):
        return "\n".join(self.lines)

    def alive(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.output()}"

    def line(self, pattern):
        """Waits for a line in which `pattern` is found."""

        def look():
            found = next(filter(None, (re.search(pattern, line) for line in list(self.lines))), None)
            if not found:
                self.alive()
            return found

        return wait_for(f"a line with {pattern!r} came", look)

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


class Moto(Program):
    """moto's server, as a process of its own on a free port of the loopback."""

    def __init__(self):
        program = Path(sys.executable).with_name("moto_server")
        super().__init__([program, "-H", "127.0.0.1", "-p", "0"])
        self.url = self.line(r"Running on (http://127\.0\.0\.1:\d+)")[1]


class Sidecar(Program):
    """`splashdam run`, ready to be written to."""

    def __init__(self, folder, endpoint, *flags, environment=(), binary=None):
        self.socket = folder / "s"
        command = [binary or os.environ["SPLASHDAM_BIN"], "run", "--socket", self.socket, "--endpoint-url", endpoint]
        command += ["--region", REGION, "--fail-on-loss", *flags]
        if "--admin" not in flags:
            command += ["--admin", "off"]
        super().__init__(command, CREDENTIALS | dict(environment))
        wait_for("the sidecar serves", self._serves)

    def _serves(self):
        self.alive()
        # The file is there a moment before anybody listens.
        listening = re.compile(rf"^\S+ \S+ \S+ 00010000 .* {re.escape(str(self.socket))}$", re.MULTILINE)
        return listening.search(Path("/proc/net/unix").read_text())

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(str(self.socket))
        return client

    def account(self):
        """The final account, from the last line."""
        told = [line for line in self.lines if "final account" in line]
        assert told, f"no final account:\n{self.output()}"
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", told[-1])}
