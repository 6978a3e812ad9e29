"""A Celery app whose logging is configured by a dict, in the parent, before it forks.

It does nothing for its logs when a child ends: what arrives has left the process within the call that logged it.
"""

import logging
import logging.config
import os

from celery import Celery
from celery.signals import setup_logging

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
