"""The sidecar goes away while tasks run, and comes back."""

import itertools

from harness import wait_for
from programs import PATIENCE


def test_sidecar_killed_and_restarted_with_its_spool_while_tasks_run(spooling_site):
    site = spooling_site
    site.start_worker("--concurrency", "2", app="app_ended")
    before, asked_before = site.counts(tasks=10, each=100)
    site.wait_for_marks(200)
    site.kill_sidecar()
    after, asked_after = site.counts(tasks=10, each=100, first=1_000)
    site.wait_for_marks(1_200)
    site.start_sidecar()
    for result in before + after:
        result.get(timeout=PATIENCE)
    asked = asked_before | asked_after
    assert site.marked().keys() == asked
    # What was in flight at the kill may come twice: CloudWatch does not deduplicate.
    assert site.settle().keys() == asked


def test_records_that_wait_for_the_sidecar_arrive_when_the_child_ends_logging(site):
    site.start_worker("--concurrency", "1", app="app_ended")
    site.run("count", 0, 10)
    site.cloud.wait_for_numbers(range(10))
    site.kill_sidecar()
    site.run("count", 10, 10)
    site.start_sidecar()
    assert site.settle().keys() == set(range(20))


def test_no_sidecar_at_start_and_celery_has_redirected_stderr_to_the_log(site):
    """The handler says on stderr that the sidecar is away, which Celery gives to the handler as a record."""
    site.kill_sidecar()
    site.sidecar.socket.unlink()
    site.start_worker("--concurrency", "1", app="app_hijacked")
    site.run("count", 0, 100)
    site.start_sidecar()
    later = itertools.count(100)
    wait_for("a later record has found the sidecar", lambda: site.run("count", next(later), 1) or site.cloud.numbers())
    asked = set(range(next(later)))
    assert site.marked().keys() == asked
    assert site.check(asked).keys() == asked
