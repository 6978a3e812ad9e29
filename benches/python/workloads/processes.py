"""Other processes: that they die with their parent, and how much CPU time they have had."""

import ctypes
import signal
import time
from contextlib import suppress

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """In a child: the kernel kills it when its parent has died, in whatever way."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for member in found:
        with suppress(OSError), open(f"/proc/{member}/task/{member}/children", encoding="ascii") as children:
            found += map(int, children.read().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of all of a process's threads; 0 where there is none. A clock's id is made of a pid so."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
