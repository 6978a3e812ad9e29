"""What a process says of its own records at its end, when every handler has had its own end.

Handlers end in functions that were registered with `atexit`: `logging.shutdown` when `logging` was imported, ours when
splashdam is. The account has to come after both, so it takes the first place, and `logging.shutdown` the one after.
Nothing here flushes or closes a handler: each shall end as it does for its users.
"""

import atexit
import json
import logging
import os
import sys
from typing import Any

from workloads.context import tally
from workloads.lines import LineHandler
from workloads.modes import LOGGER

_counted_pid = 0


def count_this_process() -> None:
    """Has the account told at this process's end; a forked child's is its own affair."""
    global _counted_pid
    _counted_pid = os.getpid()


def account() -> dict[str, int]:
    """The counts so far."""
    counts = {"emitted": tally.emitted, "requests": tally.requests}
    for handler in logging.getLogger(LOGGER).handlers:
        lost = lost_in(handler)
        if lost is not None:
            counts["lost_in_client"] = lost
    return counts


def lost_in(handler: Any) -> int | None:
    """Records that our handler has given up, or still has at the end, or that no shipper took. Others do not say."""
    if isinstance(handler, LineHandler):
        return handler.lost
    if not hasattr(handler, "stats"):
        return None
    stats = handler.stats()
    return int(stats.lost_total + stats.unsent + stats.failed)


def tell() -> None:
    if _counted_pid == os.getpid():
        # One write: the workers share the pipe.
        os.write(sys.stderr.fileno(), f"account: {json.dumps(account())}\n".encode())


atexit.unregister(logging.shutdown)
atexit.register(tell)
atexit.register(logging.shutdown)
