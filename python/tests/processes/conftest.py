"""What the tests of processes share."""

import signal

import pytest

from harness import start_sidecar


@pytest.fixture
def sidecar(folder, emulator):
    with start_sidecar(folder, emulator.url) as running:
        yield running
        # A stopped process would not hear of its end.
        running.process.send_signal(signal.SIGCONT)
