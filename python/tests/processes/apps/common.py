"""What the programs of these tests share: one logger with our handler, and the ways in which a process can leave."""

import logging
import os
import signal
import sys

import splashdam

# A stream for each process: a record that the wrong process sent would stand in the wrong stream.
handler = splashdam.CloudWatchLogHandler("/splashdam/tests", "{process_id}")
handler.setFormatter(logging.Formatter("pid=%(process)d %(message)s"))
log = logging.getLogger("app")
log.setLevel(logging.INFO)
log.addHandler(handler)


def say(numbers):
    for number in numbers:
        log.info("n=%d", number)


def say_returned(number):
    """Says it, then writes it down where no death of this process can take it back."""
    log.info("n=%d", number)
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
