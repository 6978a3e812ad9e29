"""Children that are ended in the middle of a task: what they logged arrives, and the next children log on."""

import itertools
import os
import signal

import pytest

from harness import wait_for

ROOM = 1_000_000
LATER = 100 * ROOM


def start_three(site, **options):
    """Three children, each with a task that logs until something ends it."""
    site.start_worker("--concurrency", "3")
    return [site.send("count_until_ended", first, **options) for first in (0, ROOM, 2 * ROOM)]


def wait_for_all(site):
    """Waits until all three have logged a hundred numbers; gives the three processes."""
    wanted = {100, ROOM + 100, 2 * ROOM + 100}
    marked = wait_for("all three log", lambda: (m := site.marked()) and wanted <= m.keys() and m)
    return {marked[number] for number in wanted}


def log_on_and_check(site):
    """Tasks that come after the accident log from new children; all of it arrives."""
    killed = set(site.marked().values())
    after = set(range(LATER, LATER + 50))
    site.run("count", LATER, 50)
    assert {site.marked()[number] for number in after}.isdisjoint(killed)
    assert after <= site.check(range(LATER + 50)).keys()


def test_children_are_killed(site):
    start_three(site)
    children = wait_for_all(site)
    assert len(children) == 3
    for child in children:
        os.kill(child, signal.SIGKILL)
    log_on_and_check(site)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_tasks_are_revoked_and_terminated(site, name):
    tasks = start_three(site)
    wait_for_all(site)
    for task in tasks:
        task.revoke(terminate=True, signal=name)
    for task in tasks:
        wait_for("the task has ended", task.ready)
    log_on_and_check(site)


def test_the_hard_time_limit(site):
    tasks = start_three(site, time_limit=1)
    for task in tasks:
        wait_for("the task has ended", task.ready)
    for turn in itertools.count(3):
        if site.marked():
            break  # At least one has logged before its time was up: on a busy machine that takes some tries.
        wait_for("the task has ended", site.send("count_until_ended", turn * ROOM, time_limit=1).ready)
    log_on_and_check(site)
