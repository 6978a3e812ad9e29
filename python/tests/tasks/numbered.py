"""Tasks that log numbers. Each number is put down in the file `MARKS`, too, *after* the call that logged it returned.

What stands in that file has to arrive, whatever became of the process; a number that does not may or may not.
"""

import itertools
import logging
import logging.config
import os
import random
import signal
import threading
import time
from pathlib import Path

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

log = logging.getLogger(__name__)
task_log = get_task_logger(__name__)
# Appending is one step for the kernel, so that processes and threads can share the file.
marks = os.open(os.environ["MARKS"], os.O_WRONLY | os.O_APPEND)


def log_number(number, text="", logger=log):
    logger.info("n=%d%s", number, text)
    os.write(marks, b"%d %d\n" % (number, os.getpid()))


@shared_task
def count(first, amount):
    for number in range(first, first + amount):
        log_number(number)
        time.sleep(0.001)


@shared_task
def count_in_two_parts(first, amount, go):
    """Logs one half, and the other once there is a file `go`."""
    for number in range(first, first + amount):
        while number == first + amount // 2 and not Path(go).exists():
            time.sleep(0.01)
        log_number(number)


@shared_task
def count_as_task(first, amount):
    """The same with Celery's logger for tasks, which does not hand its records on to the root logger."""
    for number in range(first, first + amount):
        log_number(number, logger=task_log)


@shared_task
def count_until_ended(first):
    """Logs in bursts until something ends it. A burst is short enough for the socket's buffer."""
    for number in itertools.count(first):
        log_number(number)
        if number % 20 == 0:
            time.sleep(0.001)


@shared_task
def count_until_soft_limit(first, most):
    """Logs until Celery says that the time is up; gives how many."""
    number = first
    try:
        for number in range(first, first + most):
            log_number(number)
            time.sleep(0.0001)
    except SoftTimeLimitExceeded:
        return number - first
    return most


@shared_task
def be_interrupted(first, rounds):
    """In each round Celery's handler of SIGUSR1 raises SoftTimeLimitExceeded once, in the middle of logging.

    Gives how many numbers were used, and in how many rounds the exception came out of the logging calls.
    """
    number, caught = first, 0
    for _ in range(rounds):
        sent = threading.Event()
        shot = threading.Timer(random.uniform(0, 0.002), lambda sent=sent: _interrupt(sent))
        try:
            shot.start()
            afterwards = 0
            # The exception is due as soon as the signal was sent: had somebody swallowed it, this would not end.
            while afterwards < 100:
                number += 1
                log_number(number)
                afterwards += sent.is_set()
        except SoftTimeLimitExceeded:
            caught += 1
        shot.join()
    return number - first, caught


def _interrupt(sent):
    os.kill(os.getpid(), signal.SIGUSR1)
    sent.set()


@shared_task
def configure_again(first, times):
    """Configures logging anew between numbers, as `django.setup` in a task does; gives the longest time."""
    from app_dictconfig import LOGGING

    longest = 0.0
    for number in range(first, first + times):
        log_number(number)
        began = time.monotonic()
        logging.config.dictConfig(LOGGING)
        longest = max(longest, time.monotonic() - began)
    log_number(first + times)
    return longest


@shared_task
def fan_out(tasks, records, length):
    """One task that starts all the others, each with its even share of the records."""
    borders = [records * task // tasks for task in range(tasks + 1)]
    for first, end in zip(borders[1:], borders[2:]):
        count_padded.delay(first, end, length)
    count_padded(borders[0], borders[1], length)


@shared_task
def count_padded(first, end, length):
    for number in range(first, end):
        log_number(number, " " + "x" * (length - 63))
