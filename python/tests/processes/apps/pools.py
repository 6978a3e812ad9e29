"""pools.py KIND METHOD: a pool whose tasks log; its workers are ended by the pool, not by their own will."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from common import say

TASKS, EACH = 40, 10


def task(number):
    say(range(number * EACH, (number + 1) * EACH))


if __name__ == "__main__":
    kind, method = sys.argv[1:]
    context = multiprocessing.get_context(method)
    task(0)
    if kind == "Pool":
        # Leaving the block terminates the workers (SIGTERM) at once.
        with context.Pool(3, maxtasksperchild=5) as pool:
            pool.map(task, range(1, TASKS), chunksize=1)
    else:
        with ProcessPoolExecutor(3, mp_context=context) as pool:
            list(pool.map(task, range(1, TASKS)))
    task(TASKS)
