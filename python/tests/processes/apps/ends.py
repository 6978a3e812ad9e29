"""ends.py HOW: a process that logs and leaves at once, in one of several ways."""

import atexit
import os
import sys
import threading

# Callbacks run in the reverse order: this one runs after logging's own shutdown, which importing logging registers.
atexit.register(lambda: say_returned(2))

from common import leave, say_returned  # noqa: E402

atexit.register(lambda: say_returned(1))


def endless(first):
    while True:
        say_returned(first)
        first += 1


how = sys.argv[1]
if how == "daemon":
    for k in (1, 2):
        threading.Thread(target=endless, args=(100_000 * k,), daemon=True).start()
    while not os.path.exists(os.environ["RETURNED"]):
        pass
    how = "return"
for number in range(10, 200):
    say_returned(number)
leave(how)
