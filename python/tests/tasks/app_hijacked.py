"""A Celery app that leaves logging to Celery and adds its handler when Celery has set its own up."""

import logging
import os

from celery import Celery
from celery.signals import after_setup_logger, after_setup_task_logger

import splashdam

app = Celery("numbered", broker=os.environ["BROKER"], backend=os.environ["BROKER"], include=["numbered"])

handler = splashdam.CloudWatchLogHandler(
    log_group_name="/splashdam/tests", log_stream_name="celery-{process_id}", use_queues=False
)
handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(processName)s %(name)s %(message)s"))


@after_setup_logger.connect
@after_setup_task_logger.connect  # Celery's logger for tasks does not hand its records on to the root logger.
def add_handler(logger, **_):
    logger.addHandler(handler)
