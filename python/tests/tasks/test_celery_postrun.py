"""For those who want each task's records to be safe before the task counts as done: a flush in `task_postrun`."""

import re

from harness import wait_for


def test_each_tasks_records_are_in_cloudwatch_when_postrun_has_flushed(site):
    site.start_worker("--concurrency", "2", app="app_durable")
    tasks = [site.send("count", first, 10) for first in range(0, 100, 10)]
    told = wait_for("each task was flushed", lambda: flushed(site) if len(flushed(site)) == len(tasks) else None)
    # Whatever happens to the sidecar now, which keeps nothing on disk: the records have ended already.
    site.kill_sidecar()
    assert told == dict.fromkeys([task.id for task in tasks], "all delivered")
    assert site.cloud.numbers() == dict.fromkeys(range(100), 1)


def flushed(site):
    """What the app said of its flushes, by the task's id."""
    return dict(re.findall(r"flushed (\S+): ([a-z ]+)", site.worker.output()))
