"""What the client may not do to the app: wait where a loop runs, and hang on a standard error that nobody reads."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any, Optional

from ._errors import is_from_a_signal_handler

#: Modules whose functions run a loop.
_LOOPS = frozenset({"asyncio.runners", "asyncio.base_events", "trio._core._run", "twisted.internet.base"})


def loop_runs() -> bool:
    """Whether an event loop runs in the calling thread, or the caller is a greenlet: waiting would stop others."""
    if _asyncio_runs():
        return True
    current = _of("greenlet", "getcurrent")
    return (current is not None and current().parent is not None) or _other_loop_runs()


def _of(module: str, name: str) -> Any:
    """Something of a module if that is loaded; not if it is only being loaded, perhaps by another thread."""
    return getattr(sys.modules.get(module), name, None)


def _asyncio_runs() -> bool:
    running = _of("asyncio", "_get_running_loop")
    return running is not None and running() is not None


def _other_loop_runs() -> bool:
    in_trio = getattr(_of("trio", "lowlevel"), "in_trio_run", None)
    if in_trio is not None and in_trio():
        return True
    in_reactors_thread = _of("twisted.python.threadable", "isInIOThread")
    return bool(_of("twisted.internet.reactor", "running") and in_reactors_thread and in_reactors_thread())


def loop_runs_elsewhere() -> bool:
    """Whether an event loop runs in any thread, by the functions on its stack. For those who are about to wait."""
    for innermost in sys._current_frames().values():
        frame: Optional[FrameType] = innermost
        while frame is not None:
            module = frame.f_globals.get("__name__")
            if module in _LOOPS and frame.f_code.co_name in ("run", "run_forever", "run_until_complete"):
                return True
            frame = frame.f_back
    return False


def may_block() -> bool:
    """Whether a call that is asked to wait, a flush, may do so here: yes, also where waiting is cooperative."""
    if not loop_runs():
        return True
    if _asyncio_runs() or _other_loop_runs():
        return False
    is_patched = _of("gevent.monkey", "is_module_patched")
    return is_patched is not None and bool(is_patched("select"))


def wait_ready(wanted: Iterable[tuple[int, bool]], seconds: float) -> None:
    """Waits until one of the descriptors can be read (or written, where that is wanted, too), at most so long."""
    try:
        if hasattr(select, "poll"):
            poller = select.poll()
            for fileno, writing in wanted:
                poller.register(fileno, select.POLLIN | (select.POLLOUT if writing else 0))
            poller.poll(max(0, int(seconds * 1000 + 0.5)))
        else:  # eventlet takes `poll` away.
            readers = [fileno for fileno, _ in wanted]
            select.select(readers, [fileno for fileno, writing in wanted if writing], [], max(0.0, seconds))
    except OSError as error:
        # A descriptor that another thread has just closed: the next look finds out.
        raise_unless_ours(error)


def raise_unless_ours(error: OSError) -> None:
    """Raises an error that no system call made: an app's signal handler may raise `TimeoutError` into our calls."""
    if error.errno is None or is_from_a_signal_handler(error):
        raise error


def say(line: str) -> None:
    """Writes one line to standard error, unless that would wait or fail."""
    for stream in (sys.stderr, sys.__stderr__):
        # Nowhere to say it, or closed: logging must not fail for that. And what has no descriptor may be a logger
        # (Celery redirects standard error into its log): our own trouble does not belong in there.
        with contextlib.suppress(Exception):
            if stream is not None and _writable(stream.fileno()):
                # A pipe that is writable at all takes 4,096 bytes at once.
                stream.write(f"splashdam: {line}\n"[:2000])
                stream.flush()
                return


def _writable(fileno: int) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([], [fileno], [], 0)[1])
    poller = select.poll()
    poller.register(fileno, select.POLLOUT)
    return bool(poller.poll(0))
