"""The handler for new code, and what the drop-in for Watchtower shares with it."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Optional, Union

from . import _account, _client, _exit, _flush, _names
from ._clock import clock
from ._errors import is_from_a_signal_handler, is_our_own
from ._report import FlushReport, Stats

if TYPE_CHECKING:
    from ._link import Link


class Handler(logging.Handler):
    """Hands each record to the splashdam sidecar, through its Unix socket, within the call that logs it.

    - `socket`: path of the sidecar's socket; else ``SPLASHDAM_SOCKET``, else ``/run/splashdam/splashdam.sock``.
    - `group`, `stream`: the destination, where it is not the sidecar's own. Any stream of the sidecar's group may be
      named, other groups where the sidecar's ``--allow`` has them; in place of a refused one the default is used.
      Both are taken as they are: templates are Watchtower's (`CloudWatchLogHandler`) and the sidecar's.
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
        if wait_for not in _flush.WAIT_FOR:
            raise ValueError(f"wait_for={wait_for!r}: it must be one of {', '.join(_flush.WAIT_FOR)}")
        _check("window", window, 64 * 1024, 1 << 30, "bytes")
        _check("max_wait", max_wait, 0, 60, "seconds")
        _check("exit_timeout", exit_timeout, 0, 3600, "seconds")
        self.socket = _names.socket_path(socket)
        # Last of what may fail: `logging` would end a half-made handler, too.
        super().__init__(level)
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
            if not is_our_own(error):
                raise
            self._failed += 1
            self.handleError(record)

    def _failed_before(self, record: logging.LogRecord, error: Exception) -> None:
        """The record could not be formatted, or a signal handler (Celery's soft time limit) raised meanwhile.

        That must end the task, not a line of its log; and what comes and goes must not cost the record: once more.
        """
        from_signal = is_from_a_signal_handler(error)
        if self._retrying:
            if from_signal:
                raise error
            self._failed += 1
            error.__context__ = None  # The first time it failed in the same way.
            # Where the stack is used up even telling may fail.
            with contextlib.suppress(Exception):
                self.handleError(record)
            return
        self._retrying = True
        try:
            self._emit_again(record)
        finally:
            self._retrying = False
        if from_signal:
            raise error

    def _emit_again(self, record: logging.LogRecord) -> None:
        Handler.emit(self, record)  # Not a subclass's, which would do its own things twice.

    def _open(self) -> Link:
        """The link to the handler's own destination."""
        link = self._link_to(self.stream)
        # Where too many others are in use it is asked for again at the next record.
        self._link = link if link.stream == self.stream and link.group == self.group else None
        return link

    def _link_to(self, stream: str) -> Link:
        """The link to a stream; remembers it for flush, stats and close."""
        pid = os.getpid()
        if pid != self._client.pid:
            _client.after_fork()  # A fork that Python was not told of.
        if pid != self._pid:
            self._start_account()
        link = self._links.get((self.group, stream))
        if link is None or link.retired:
            with self._client.lock:
                self._forget_retired()
                link = self._client.link(self.group, stream, self.app)
                self._links[(link.group, link.stream)] = link
        self._redirected += (link.group, link.stream) != (self.group, stream)
        self._client.window = max(self._client.window, self.window)
        link.users.add(self)
        return link

    def _forget_retired(self) -> None:
        with self._client.lock:
            retired = [(destination, link) for destination, link in self._links.items() if link.retired]
            for destination, link in retired:
                self._past = _account.add(self._past, link, 0)
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
        deadline = clock.monotonic() + seconds if patient else _exit.deadline(seconds)
        if level == "none":
            deadline = 0.0
        reached = _flush.await_all([_flush.Barrier(link, wire_level, deadline) for link in links], patient)
        if _exit.is_over():
            _exit.tell_of_the_rest(links)
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
                stats = _account.add(stats, link, 1)
        return _account.changed(
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
                link.forget_user(self)
            self._use_anew()
        super().close()

    def _use_anew(self) -> None:
        """The next record asks for its link again."""
        self._link = None

    def __repr__(self) -> str:
        destination = f"{self.group or '(its group)'}:{self.stream or '(its stream)'}"
        return f"<{type(self).__name__} {self.socket} {destination} ({logging.getLevelName(self.level)})>"


def _check(name: str, value: float, least: int, most: int, unit: str) -> None:
    if not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{name}={value!r}: it must be a number of {unit} from {least} to {most}")


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
