"""What the tests share. They need `SPLASHDAM_BIN`, the path of the sidecar's binary (`make test` sets it)."""

import os
import tempfile
from pathlib import Path

import pytest

from harness import Cloud, Emulator


def pytest_configure(config):
    binary = os.environ.get("SPLASHDAM_BIN", "")
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"SPLASHDAM_BIN={binary!r} is no program; `make test` builds it and sets the variable")


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="splashdam-") as path:
        yield Path(path)


@pytest.fixture
def emulator():
    """A strict CloudWatch Logs endpoint, empty at the start of each test."""
    with Emulator() as running:
        yield running


@pytest.fixture
def cloud(emulator):
    """What CloudWatch has, read back with boto3."""
    return Cloud(emulator.url)
