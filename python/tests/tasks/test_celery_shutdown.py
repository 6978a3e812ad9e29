"""The worker is told to end while tasks log."""

import signal

import pytest
from celery_site import COLD
from programs import PATIENCE


def test_warm_shutdown_lets_running_tasks_log_to_their_end(site):
    site.start_worker("--concurrency", "2")
    _, asked = site.counts(tasks=2, each=300, pause=0.002)
    site.wait_for_marks(20)
    assert len(site.marked()) < len(asked), "the tasks are still running"
    assert site.worker.stop() == 0
    assert site.marked().keys() == asked
    assert site.check(asked).keys() == asked


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
