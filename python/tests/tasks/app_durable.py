"""A Celery app in which each task's records are in CloudWatch before the child takes the next task."""

import logging
import os

from app_dictconfig import app  # noqa: F401
from celery.signals import task_postrun


@task_postrun.connect
def flush_logs(task_id, **_):
    for handler in logging.getLogger("numbered").handlers:
        report = handler.flush(timeout=30, level="ended")
        outcome = "all delivered" if report.all_delivered else f"{report}"
        os.write(2, f"flushed {task_id}: {outcome}\n".encode())  # In one piece, beside the other child's.
