"""Threads log without a pause while the main thread forks by hand; each child logs and forks once more."""

import os
import threading

from common import leave, say, say_returned

FORKS = 15
FIRST_OF_THREADS = 100_000
over = threading.Event()


def busy(first):
    while not over.is_set():
        say_returned(first)
        first += 1


def child(number):
    say([10 * number, 10 * number + 1])
    if os.fork() == 0:
        # Grandchildren have never been parents of the thread that was logging.
        say([10 * number + 2, 10 * number + 3])
        leave("os._exit")
    say([10 * number + 4])
    os.wait()
    leave("SIGKILL" if number % 2 else "os._exit")


threads = [threading.Thread(target=busy, args=(FIRST_OF_THREADS * k,)) for k in (1, 2)]
for thread in threads:
    thread.start()
for number in range(FORKS):
    pid = os.fork()
    if pid == 0:
        child(number)
    os.waitpid(pid, 0)
over.set()
for thread in threads:
    thread.join()
