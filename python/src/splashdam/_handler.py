"""The handler for new code, and what the drop-in for Watchtower shares with it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from types import CodeType
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _client, _flush, _names
from ._losses import QUEUE_FULL
from ._report import FlushReport, Stats

if TYPE_CHECKING:
    from ._link import Link

#: The errors that our own code can raise, unlike those that somebody's signal handler or timer raises into it.
_OUR_MODULES = ("builtins", "struct")


class Handler(logging.Handler):
    """Hands each record to the splashdam sidecar, through its Unix socket, within the call that logs it.

    - `socket`: path of the sidecar's socket; else ``SPLASHDAM_SOCKET``, else ``/run/splashdam/splashdam.sock``.
    - `group`, `stream`: the destination, where it is not the sidecar's own. Any stream of the sidecar's group may be
      named, other groups where the sidecar's ``--allow`` has them; in place of a refused one the default is used.
    - `app`: what the sidecar's ``{app}`` stands for; else the program's name.
    - `window`: how much is kept for sending again, for all destinations at this socket together, in bytes (4 MiB).
    - `max_wait`: the longest that a call waits where the sidecar does not read, in seconds, once an episode (0.25);
      never in a thread where an asyncio loop runs, nor in a greenlet.
    - `wait_for`, `exit_timeout`: what the end of the process, `close` and a plain `flush` wait for, and for how many
      seconds at most: ``"none"``, ``"admitted"`` (in the sidecar's memory), ``"durable"`` (on its disk) or ``"ended"``.

    Nothing is read, connected or waited for in the constructor. Raises `ValueError` for settings that cannot be.
    Handlers with the same socket and destination share one connection. ``SPLASHDAM_DISABLED=1`` makes them do nothing.
    """

    def __init__(
        self,
        socket: Optional[Union[str, os.PathLike[str]]] = None,
        group: Optional[str] = None,
        stream: Optional[str] = None,
        *,
        level: Union[int, str] = logging.NOTSET,
        app: Optional[str] = None,
        window: int = 4 * 1024 * 1024,
        max_wait: float = 0.25,
        wait_for: str = "admitted",
        exit_timeout: float = 2.0,
    ) -> None:
        super().__init__(level)
        if wait_for not in _flush.WAIT_FOR:
            raise ValueError(f"wait_for={wait_for!r}: it must be one of {', '.join(_flush.WAIT_FOR)}")
        if not 64 * 1024 <= window <= 1 << 30:
            raise ValueError(f"window={window!r}: it must be from 64 KiB to 1 GiB, in bytes")
        if not 0 <= max_wait <= 60 or not 0 <= exit_timeout <= 3600:
            raise ValueError(f"max_wait={max_wait!r} is 0 to 60 s, exit_timeout={exit_timeout!r} 0 to 3600 s")
        self.socket = _names.socket_path(socket)
        self.group = group or ""
        self.stream = _names.stream_name(stream or "")
        self.app = _names.program_name() if app is None else app
        self.window, self.max_wait = window, max_wait
        self.wait_for, self.exit_timeout = wait_for, exit_timeout
        self.disabled = _names.is_disabled()
        self._client = _client.client_of(self.socket)
        self._link: Optional[Link] = None
        self._links: dict[tuple[str, str], Link] = {}
        self._start_account()

    def _start_account(self) -> None:
        self._pid = os.getpid()
        self._empty = self._failed = self._truncated = self._redirected = 0
        self._retrying = False
        # Counts of links that made room for others.
        self._past = Stats()

    def emit(self, record: logging.LogRecord) -> None:
        """Formats in the calling thread and hands the record over. Never raises what is not the app's own."""
        if self.disabled:
            return
        try:
            text = self.format(record)
            link = self._link
            if link is None or (record.process != self._pid and os.getpid() != self._pid):
                link = self._open()
            timestamp_ms = milliseconds(record.created)
            encoded = encode(text)
        except Exception as error:
            self._failed_before(record, error)
            return
        if encoded:
            self._hand_over(link, timestamp_ms, encoded, record)
        else:
            self._empty += 1

    def _hand_over(self, link: Link, timestamp_ms: int, text: bytes, record: logging.LogRecord) -> None:
        try:
            while not link.log(timestamp_ms, text):
                self._link = None
                link = self._link_to(link.stream)
        except Exception as error:
            if not _is_our_own(error):
                raise
            self._failed += 1
            self.handleError(record)

    def _failed_before(self, record: logging.LogRecord, error: Exception) -> None:
        """The record could not be formatted, or a signal handler (Celery's soft time limit) raised meanwhile.

        That must end the task, not a line of its log; and what comes and goes must not cost the record: once more.
        """
        from_signal = _is_from_a_signal_handler(error)
        if self._retrying:
            if from_signal:
                raise error
            self._failed += 1
            # Where the stack is used up even telling may fail.
            with contextlib.suppress(Exception):
                self.handleError(record)
            return
        self._retrying = True
        try:
            self.emit(record)
        finally:
            self._retrying = False
        if from_signal:
            raise error

    def _open(self) -> Link:
        """The link to the handler's own destination."""
        self._link = self._link_to(self.stream)
        return self._link

    def _link_to(self, stream: str) -> Link:
        """The link to a stream; remembers it for flush, stats and close."""
        pid = os.getpid()
        if pid != self._client.pid:
            _client.after_fork(self._client)  # A fork that Python was not told of.
        if pid != self._pid:
            self._start_account()
        link = self._links.get((self.group, stream))
        if link is None or link.retired:
            with self._client.lock:
                self._forget_retired()
                link = self._client.link(self.group, stream, self.app)
                self._links[(link.group, link.stream)] = link
        self._redirected += link.stream != stream
        self._client.window = max(self._client.window, self.window)
        link.max_wait = max(link.max_wait, self.max_wait)
        link.exit_timeout = max(link.exit_timeout, self.exit_timeout)
        link.wait_for = max(link.wait_for, self.wait_for, key=_flush.WAIT_FOR.index)
        return link

    def _forget_retired(self) -> None:
        with self._client.lock:
            retired = [(destination, link) for destination, link in self._links.items() if link.retired]
            for destination, link in retired:
                self._past = _add(self._past, link, 0)
                del self._links[destination]

    def flush(  # type: ignore[override]  # `logging` asks for nothing back; we have something to tell.
        self, timeout: Optional[float] = None, level: Optional[str] = None
    ) -> FlushReport:
        """Waits until everything logged so far has reached a level, and says what became of it.

        `level` is the handler's `wait_for` unless it is given; `timeout` is in seconds. Without a `timeout` it waits at
        most `exit_timeout`, and not at all where the sidecar is away or has not answered the last such flush: that is
        what `logging.shutdown` and a second ``dictConfig`` call. In a thread where an asyncio loop runs it never waits;
        use `flush_async` there. Raises `ValueError` for a level that is none.
        """
        level = self.wait_for if level is None else level
        if level not in _flush.WAIT_FOR:
            raise ValueError(f"level={level!r}: it must be one of {', '.join(_flush.WAIT_FOR)}")
        patient = timeout is not None
        seconds = self.exit_timeout if timeout is None else min(max(0.0, timeout), 1e6)
        if os.getpid() != self._pid:
            self._open()
        with self._client.lock:
            self._forget_retired()
            links, past = list(self._links.values()), self._past
        wire_level = "admitted" if level == "none" else level
        deadline = time.monotonic() + (0.0 if level == "none" else seconds)
        reached = _flush.await_all([_flush.Barrier(link, wire_level, deadline) for link in links], patient)
        report = _flush.report(links, level, reached or level == "none")
        if not past.logged:
            return report
        return FlushReport(
            level,
            report.reached,
            report.timed_out,
            report.delivered + past.delivered,
            report.rejected + past.rejected,
            report.dropped + past.dropped,
            report.lost_in_client + past.lost_total,
            report.spooled,
            report.pending,
        )

    async def flush_async(self, timeout: Optional[float] = None, level: Optional[str] = None) -> FlushReport:
        """`flush` for coroutines: waits in a thread of the loop's default executor."""
        import asyncio  # Only for those who have it anyway.

        return await asyncio.get_running_loop().run_in_executor(None, self.flush, timeout, level)

    def stats(self) -> Stats:
        """The account of this handler's destinations in this process."""
        if os.getpid() != self._pid:
            self._open()
        with self._client.lock:
            self._forget_retired()
            stats = self._past
            for link in self._links.values():
                stats = _add(stats, link, 1)
        return _changed(
            stats,
            empty=self._empty,
            failed=self._failed,
            truncated=self._truncated,
            redirected=self._redirected,
        )

    def close(self) -> None:
        """Flushes as `flush()` does. What is unacknowledged stays with the process, and a later record opens again."""
        if self._links and os.getpid() == self._pid:
            self.flush()
            for link in list(self._links.values()):
                link.leave()
        super().close()

    def __repr__(self) -> str:
        destination = f"{self.group or '(its group)'}:{self.stream or '(its stream)'}"
        return f"<{type(self).__name__} {self.socket} {destination} ({logging.getLevelName(self.level)})>"


def milliseconds(created: float) -> int:
    """A record's time as CloudWatch has it. Raises `OverflowError` for what is no 64-bit number."""
    if -9.2e15 < created < 9.2e15:
        return int(created * 1000)
    raise OverflowError(f"created={created!r} is no time")


def encode(text: str) -> bytes:
    """The text as UTF-8; lone surrogates, which UTF-8 does not have, as Python writes them."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _changed(stats: Stats, **changes: Any) -> Stats:
    return Stats(**{**stats.__dict__, **changes})


def _add(stats: Stats, link: Link, open_links: int) -> Stats:
    channel = link.channel
    late, counts = len(link._late), channel.counts
    lost = dict(stats.lost)
    for reason, count in channel.losses.totals().items():
        lost[reason] = lost.get(reason, 0) + count
    pending = channel.unended() + late
    pipe = link.pipe
    return _changed(
        stats,
        # Counted apart from what became of them, so that the identity can fail.
        logged=stats.logged + channel.last() + channel.losses.totals().get(QUEUE_FULL, 0) + late,
        delivered=stats.delivered + counts.delivered,
        rejected=stats.rejected + counts.rejected,
        dropped=stats.dropped + counts.dropped,
        lost=lost,
        pending=stats.pending + pending,
        unsent=stats.unsent + link.unhanded(),
        window_bytes=stats.window_bytes + channel.held + link._granted - link._credit,
        at_risk=stats.at_risk + channel.at_risk,
        split=stats.split + channel.split,
        reconnects=stats.reconnects + max(0, link.connections - 1),
        channels=stats.channels + open_links,
        connected=stats.connected + (pipe is not None and pipe.up),
        refused=stats.refused + (channel.refused and bool(open_links)),
    )


def _codes(error: BaseException) -> list[CodeType]:
    """Where an error came through, the innermost place last."""
    codes, trace = [], error.__traceback__
    while trace is not None:
        codes.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return codes


def _is_our_own(error: Exception) -> bool:
    """Whether our code raised it, not somebody's signal handler or timer into it: that must not be swallowed."""
    if type(error).__module__ not in _OUR_MODULES:
        return False
    codes = _codes(error)
    return bool(codes) and codes[-1].co_filename.startswith(_HERE)


def _is_from_a_signal_handler(error: Exception) -> bool:
    """Whether a Python function that handles a signal stands in the way the error came."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [getattr(handler, "func", handler) for handler in handlers if callable(handler)]
    codes = {getattr(getattr(function, "__func__", function), "__code__", None) for function in functions}
    codes |= {getattr(type(function).__call__, "__code__", None) for function in functions}
    return not codes.isdisjoint(_codes(error))


_HERE = os.path.dirname(os.path.abspath(__file__))
