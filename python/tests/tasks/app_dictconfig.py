"""A Celery app whose logging is configured by a dict, in the parent, before it forks."""

import logging
import logging.config
import os

from celery import Celery
from celery.signals import setup_logging, worker_process_shutdown

app = Celery("numbered", broker=os.environ["BROKER"], backend=os.environ["BROKER"], include=["numbered"])
app.conf.worker_prefetch_multiplier = 1

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"verbose": {"format": "%(asctime)s %(levelname)s %(processName)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "verbose"},
        "cloudwatch": {
            "class": "splashdam.CloudWatchLogHandler",
            "formatter": "verbose",
            "use_queues": False,
            "log_group_name": "/splashdam/tests",
            "log_stream_name": "celery-{process_id}",
        },
    },
    "root": {"handlers": ["console", "cloudwatch"], "level": "INFO"},
    # The numbers are many: they go to CloudWatch alone, and nothing else is in the way of what interrupts them.
    "loggers": {"numbered": {"handlers": ["cloudwatch"], "propagate": False}},
}


@setup_logging.connect
def configure_logging(**_):
    logging.config.dictConfig(LOGGING)


# Celery's children end with os._exit, which skips Python's own end of logging. All that was logged is with the
# sidecar by then; only what waits in the process because the sidecar is away needs this.
@worker_process_shutdown.connect
def end_logging(**_):
    logging.shutdown()
