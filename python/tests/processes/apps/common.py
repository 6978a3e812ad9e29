"""What the programs of these tests share: loggers with our handlers, and the ways in which a process can leave."""

import logging
import os
import signal
import sys

import splashdam

# The program leads a group of its own, so that the test can end whatever it leaves behind.
if os.environ.pop("LEAD_A_GROUP", None):
    os.setpgrp()

# A stream for each process: a record that the wrong process sent would stand in the wrong stream.
handler = splashdam.CloudWatchLogHandler("/splashdam/tests", "{process_id}")
# A stream for all of them: what a child inherits of the parent's connection is of the very same destination.
shared = splashdam.Handler(stream="shared")


def logger(name, handler):
    handler.setFormatter(logging.Formatter("pid=%(process)d %(message)s"))
    made = logging.getLogger(name)
    made.setLevel(logging.INFO)
    made.addHandler(handler)
    return made


LOGGERS = [logger("app", handler), logger("shared", shared)]


def say(numbers):
    for number in numbers:
        LOGGERS[number % 2].info("n=%d", number)


def say_returned(number):
    """Says it, then writes it down where no death of this process can take it back."""
    say([number])
    file = os.open(os.environ["RETURNED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, b"%d\n" % number)
    os.close(file)


def leave(how):
    """The end of this process. `return` and `exit` run what is registered with atexit where that is Python's way."""
    if how == "exit":
        sys.exit(0)
    elif how == "os._exit":
        os._exit(0)
    elif how != "return":
        os.kill(os.getpid(), getattr(signal, how))
