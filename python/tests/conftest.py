"""What the tests share. See also `stage` (tests/interop), which the interop tests use as well."""

import pytest

from harness import Cloud, Emulator
from stage import folder, pytest_configure

__all__ = ["cloud", "emulator", "folder", "pytest_configure"]


@pytest.fixture
def emulator():
    """A strict CloudWatch Logs endpoint, empty at the start of each test."""
    with Emulator() as running:
        yield running


@pytest.fixture
def cloud(emulator):
    """What CloudWatch has, read back with boto3."""
    return Cloud(emulator.url)
