"""What the tests of the drop-in share: one far side for each module, loggers that go with their test, programs."""

import logging
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

import splashdam
from harness import Cloud, Emulator, start_sidecar
from programs import PATIENCE, die_with_parent, wait_for
from splashdam import _client

SOURCE = str(Path(splashdam.__file__).parents[1])


class Side:
    """A strict endpoint, a real sidecar before it, and what arrived."""

    def __init__(self, folder, emulator, sidecar):
        self.folder, self.emulator, self.sidecar = folder, emulator, sidecar
        self.socket = str(sidecar.socket)
        self.cloud = Cloud(emulator.url)
        self.handlers = []

    def handler(self, stream, **keywords):
        handler = splashdam.CloudWatchLogHandler(log_stream_name=stream, socket=self.socket, **keywords)
        self.handlers.append(handler)
        return handler

    def wait_for_messages(self, stream, expected):
        """What another process logged: waits until as many have arrived, and compares."""
        wait_for("the records arrived", lambda: len(self.read(stream)) >= len(expected))
        assert self.read(stream) == expected

    def read(self, stream):
        return self.cloud.messages(stream) if stream in self.cloud.streams() else []

    def close(self):
        """So that the sidecar need not wait for clients when it is told to stop."""
        for handler in self.handlers:
            handler.close()

    def arrived(self, handler, stream):
        """What a stream has once everything that the handler took has ended, and well."""
        report = handler.flush(PATIENCE, "ended")
        assert report.all_delivered, f"{report}\n{handler.stats()}\n{self.sidecar.output()}"
        return self.cloud.messages(stream)


@pytest.fixture(scope="module")
def side():
    """One for all tests of a module, which have streams of their own. In the end nothing may be lost or refused."""
    with tempfile.TemporaryDirectory(prefix="splashdam-") as folder, Emulator() as emulator:
        with start_sidecar(Path(folder), emulator.url) as sidecar:
            side = Side(Path(folder), emulator, sidecar)
            yield side
            side.close()
            code = sidecar.stop()
            assert code == 0, sidecar.output()
        violations = emulator.report()["violations"]
        assert violations["total"] == 0, violations


@pytest.fixture
def stream():
    """A name that no other test has."""
    return f"stream-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def logger():
    """A logger of the test's own, which nobody else knows, pytest included; its handlers are closed in the end."""
    logger = logging.Logger(f"compat.{uuid.uuid4().hex[:12]}", logging.DEBUG)
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def told(monkeypatch):
    """What `logging.Handler.handleError` was called for: the records, and the errors' types."""
    calls = []

    def tell(_handler, record):
        calls.append((record, sys.exc_info()[0]))

    monkeypatch.setattr(logging.Handler, "handleError", tell)
    return calls


@pytest.fixture
def eager(monkeypatch):
    """A process that keeps few streams open, and takes one's place as soon as nothing of it is on its way."""
    monkeypatch.setattr(_client, "MOST_LINKS", 30)
    monkeypatch.setattr(_client, "IDLE_AFTER", 0.0)
    monkeypatch.setattr(_client, "ASK_AGAIN_AFTER", 0.0)


@pytest.fixture
def run_app(side):
    """Runs Python code, or a file, in a process of its own beside the module's sidecar; answers as `subprocess.run`."""

    def run(code, *arguments, flags=(), environment=()):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPLASHDAM_", "PYTHON"))}
        kept.update({"SPLASHDAM_SOCKET": side.socket, "PYTHONPATH": SOURCE})
        kept.update(environment)
        program = [str(code)] if isinstance(code, Path) else ["-c", code]
        command = [sys.executable, *flags, *program, *map(str, arguments)]
        return subprocess.run(
            command, env=kept, capture_output=True, text=True, timeout=PATIENCE, preexec_fn=die_with_parent, check=False
        )

    return run
