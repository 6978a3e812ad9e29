"""children.py METHOD HOW: four children of multiprocessing log beside their parent, and leave in the way named."""

import multiprocessing
import sys

from common import leave, say

CHILDREN, EACH = 4, 100


def child(number, how):
    say(range(number * EACH, (number + 1) * EACH))
    leave(how)


if __name__ == "__main__":
    method, how = sys.argv[1:]
    context = multiprocessing.get_context(method)
    say(range(EACH))
    children = [context.Process(target=child, args=(number, how)) for number in range(1, CHILDREN + 1)]
    for process in children:
        process.start()
        # The parent logs between the starts: each child inherits another state of the handler.
        say(range(1000 + process.pid * 100, 1000 + process.pid * 100 + 10))
        print("parent", 1000 + process.pid * 100, flush=True)
    for process in children:
        process.join()
