"""What every conftest needs: the sidecar's binary, named by `SPLASHDAM_BIN` (`make test` sets it), and a folder."""

import os
import tempfile
from pathlib import Path

import pytest


def pytest_configure(config):
    binary = os.environ.get("SPLASHDAM_BIN", "")
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"SPLASHDAM_BIN={binary!r} is no program; `make test` builds it and sets the variable")


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="splashdam-") as path:
        yield Path(path)
