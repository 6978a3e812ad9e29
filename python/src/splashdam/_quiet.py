"""What the client may not do to the app: wait where a loop runs, and hang on a standard error that nobody reads."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Iterable
from typing import Any

from ._errors import is_from_a_signal_handler


def loop_runs() -> bool:
    """Whether an event loop runs in the calling thread, or the caller is a greenlet: waiting would stop others."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return True
    greenlet: Any = sys.modules.get("greenlet")
    if greenlet is not None and greenlet.getcurrent().parent is not None:
        return True
    return _other_loop_runs()


def _other_loop_runs() -> bool:
    trio: Any = sys.modules.get("trio")
    if trio is not None and hasattr(trio.lowlevel, "in_trio_run") and trio.lowlevel.in_trio_run():
        return True
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    threadable: Any = sys.modules.get("twisted.python.threadable")
    return bool(reactor is not None and reactor.running and threadable is not None and threadable.isInIOThread())


def may_block() -> bool:
    """Whether a call that is asked to wait, a flush, may do so here: yes, also where waiting is cooperative."""
    if not loop_runs():
        return True
    asyncio: Any = sys.modules.get("asyncio")
    if (asyncio is not None and asyncio._get_running_loop() is not None) or _other_loop_runs():
        return False
    monkey: Any = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("select"))


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
