"""Fixtures for tests of the handler itself, against a sidecar that the test plays."""

import logging
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import splashdam
from fake import FakeSidecar
from splashdam import _client


@pytest.fixture
def path(folder):
    return folder / "s"


@pytest.fixture
def sidecar(path):
    with FakeSidecar(path) as fake:
        yield fake


@pytest.fixture
def logger(path):
    """A logger with a handler of its own: `.handler`. Nothing of it outlives the test."""
    made = logging.Logger(os.urandom(4).hex())
    made.handler = splashdam.Handler(socket=path, max_wait=0.0)
    made.addHandler(made.handler)
    yield made
    client = _client._clients.pop(str(path))
    for link in client.links.values():
        link.reset()  # Closes its connection.


@pytest.fixture
def link(logger):
    """The handler's link."""
    return logger.handler._open()


@pytest.fixture
def python():
    """Runs a program in a fresh interpreter; what it printed, and how long the whole of it took (`.seconds`)."""

    def run(source, *flags, environment=()):
        folders = [Path(__file__).parents[2] / "src", Path(__file__).parent, Path(__file__).parents[1]]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), **dict(environment)}
        command = [sys.executable, *flags, "-c", textwrap.dedent(source)]
        began = time.monotonic()
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
        done.seconds = time.monotonic() - began
        return done

    return run
