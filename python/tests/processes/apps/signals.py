"""A signal handler that logs, and that interrupts logging itself again and again."""

import itertools
import signal
import sys
from pathlib import Path

from common import say

import splashdam

OURS = str(Path(splashdam.__file__).parent)
FIRST_OF_SIGNALS = 100_000
WANTED = 50
# `next` is one step: one run of the signal handler may interrupt another, too.
numbers = itertools.count(FIRST_OF_SIGNALS)
inside = 0


def on_alarm(_, frame):
    global inside
    say([next(numbers)])
    while frame:
        if frame.f_code.co_filename.startswith(OURS):
            inside += 1
            break
        frame = frame.f_back


signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
number = 0
while inside < WANTED:
    say([number])
    number += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(f"logged {number}, in signal handlers {next(numbers) - FIRST_OF_SIGNALS}, of which inside the handler {inside}")
sys.stdout.flush()
