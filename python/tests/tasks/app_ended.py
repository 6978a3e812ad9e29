"""A Celery app whose children end logging when they end in good order."""

import logging

from app_dictconfig import app  # noqa: F401
from celery.signals import worker_process_shutdown


@worker_process_shutdown.connect
def end_logging(**_):
    logging.shutdown()
