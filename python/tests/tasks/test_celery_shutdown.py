"""The worker is told to end while tasks log."""

import signal

import pytest
from celery_site import COLD

from programs import PATIENCE


def test_warm_shutdown_lets_running_tasks_log_to_their_end(site):
    site.start_worker("--concurrency", "2")
    go = site.folder / "go"
    for first in (0, 200):
        site.send("count_in_two_parts", first, 200, str(go))
    site.wait_for_marks(200)
    site.worker.process.send_signal(signal.SIGTERM)
    site.worker.line("Warm shutdown")
    go.touch()
    assert site.worker.process.wait(PATIENCE) == 0
    assert site.marked().keys() == set(range(400))
    assert site.check(range(400)).keys() == set(range(400))


@pytest.mark.parametrize("signals", COLD.values(), ids=COLD.keys())
def test_cold_shutdown_loses_nothing_whose_call_returned(site, signals):
    site.start_worker("--concurrency", "2")
    for first in (0, 10_000_000):
        site.send("count_until_ended", first)
    site.wait_for_marks(500)
    site.worker.signal(*signals)
    site.worker.process.wait(PATIENCE)
    assert len(site.check(range(20_000_000))) >= 500


def test_the_worker_is_killed(site):
    site.start_worker("--concurrency", "2")
    for first in (0, 10_000_000):
        site.send("count_until_ended", first)
    site.wait_for_marks(500)
    # Its children go the same way: they asked the kernel to be killed when the worker goes.
    site.worker.process.send_signal(signal.SIGKILL)
    site.worker.process.wait(PATIENCE)
    assert len(site.check(range(20_000_000))) >= 500
