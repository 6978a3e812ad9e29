"""Log a number, then write it down in a file that no death of this process can take back."""

import logging
import os

from django.conf import settings

LOGGERS = [logging.getLogger(name) for name in ("shop", "billing", "mail")]


def log(number, size=0):
    """One record; its number stands in the file only after the log call has returned."""
    LOGGERS[number % len(LOGGERS)].info("n=%d %s", number, "x" * size)
    file = os.open(settings.RETURNED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, b"%d\n" % number)
    finally:
        os.close(file)
