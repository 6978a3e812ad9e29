"""A Celery app whose logs go to CloudWatch through splashdam; `run.py` runs it."""

import logging
import logging.config
import os

from celery import Celery
from celery.signals import setup_logging, task_postrun, worker_process_shutdown

import splashdam

app = Celery("shop", broker=os.environ["BROKER"], backend=os.environ["BROKER"])

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"verbose": {"format": "%(asctime)s %(levelname)s %(processName)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "verbose"},
        "cloudwatch": {
            "class": "splashdam.CloudWatchLogHandler",
            "formatter": "verbose",
            "log_group_name": "/shop",
            "log_stream_name": "{logger_name}",
        },
    },
    "root": {"handlers": ["console", "cloudwatch"], "level": "INFO"},
}


# Once, in the worker's main process, before it forks: each child opens a connection of its own at its first record.
@setup_logging.connect
def configure_logging(**_):
    logging.config.dictConfig(LOGGING)


# Celery's children end with os._exit, which skips Python's own end of logging. What was logged is with the sidecar
# by then; only what waits in the process because the sidecar is away needs this.
@worker_process_shutdown.connect
def end_logging(**_):
    logging.shutdown()


log = logging.getLogger("orders")
payments = logging.getLogger("payments")


@app.task
def order(number):
    log.info("order %d came in", number)
    return charge.delay(number).id


@app.task
def charge(number):
    if number % 5 == 0:
        payments.warning("order %d: the card was declined", number)
    else:
        payments.info("order %d was paid", number)


# Only for those who want each task's records in CloudWatch before the child takes the next task.
@task_postrun.connect(sender=charge)
def flush_logs(task_id, **_):
    for handler in logging.getLogger().handlers:
        if isinstance(handler, splashdam.Handler):
            report = handler.flush(timeout=10, level="ended")
            if not report.all_delivered:
                log.error("task %s: its logs are not all in CloudWatch: %s", task_id, report)
