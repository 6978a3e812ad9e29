"""What the tests share: an endpoint that counts, and a database that is made once. See also `stage` (tests/interop)."""

import pytest

from rig import Emulator
from stage import folder, pytest_configure

__all__ = ["database", "emulator", "folder", "pytest_configure"]


@pytest.fixture
def emulator():
    """CloudWatch's endpoint in counting mode."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """Where the first server of the run makes its database, and the others find it."""
    return tmp_path_factory.mktemp("inventory") / "inventory.sqlite"
