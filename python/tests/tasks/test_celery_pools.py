"""Celery's pools: every record of every task arrives, once."""

import pytest

from programs import PATIENCE


def pids(site):
    return set(site.marked().values())


@pytest.mark.parametrize("app", ["app_dictconfig", "app_hijacked"])
def test_prefork(site, app):
    site.start_worker("--pool", "prefork", "--concurrency", "2", app=app)
    results, asked = site.counts(tasks=300, each=3)
    for result in results:
        result.get(timeout=PATIENCE)
    assert len(pids(site)) == 2 and site.worker.process.pid not in pids(site)
    streams = {f"celery-{pid}" for pid in pids(site)}
    assert site.check(asked).keys() == asked
    assert streams <= set(site.cloud.streams())


@pytest.mark.parametrize("pool", ["solo", "threads", "gevent"])
def test_pools_in_the_main_process(site, pool):
    site.start_worker("--pool", pool, "--concurrency", "4")
    results, asked = site.counts(tasks=100, each=3)
    for result in results:
        result.get(timeout=PATIENCE)
    assert pids(site) == {site.worker.process.pid}
    assert site.check(asked).keys() == asked


def test_children_that_are_replaced_after_some_tasks(site):
    site.start_worker("--concurrency", "2", "--max-tasks-per-child", "5")
    results, asked = site.counts(tasks=60, each=5)
    for result in results:
        result.get(timeout=PATIENCE)
    assert len(pids(site)) >= 12
    assert site.check(asked).keys() == asked


def test_the_logger_that_celery_keeps_from_the_root(site):
    site.start_worker("--concurrency", "1", app="app_hijacked")
    site.run("count_as_task", 0, 100)
    assert site.check(set(range(100))).keys() == set(range(100))
