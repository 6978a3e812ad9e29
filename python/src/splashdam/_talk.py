"""One channel's conversation with the sidecar: connecting, handing over, hearing, telling of losses, asking to flush.

Each method is a step that never waits, taken within a call of the link, which holds the lock. `now` is monotonic time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Optional

from . import _exit, _quiet, _wire
from ._backoff import Backoff
from ._channel import Channel
from ._pipe import Pipe, absence

if TYPE_CHECKING:
    from ._client import Client
    from ._flush import Barrier

#: How much of a backlog one call hands over, so that no single call pays for all of it.
CATCH_UP = 256 * 1024
#: A sidecar that owes us an answer and is silent for so many seconds is taken for hung.
HUNG_AFTER = 30.0
#: The least time between two rounds of loss reports, in seconds.
REPORT_EVERY = 0.1
#: The sidecar lets so many flushes wait on one connection.
MOST_FLUSHES = 64
#: Failed connections in a row before the absence of a sidecar is worth a line.
PATIENT_FAILURES = 3


def unconnected(_frame: bytes, _flags: int) -> int:
    raise BrokenPipeError


class Talk:
    """The part of a `Link` that talks."""

    def __init__(self, client: Client, group: str, stream: str, app: str) -> None:
        self.client = client
        self.group, self.stream, self.app = group, stream, app
        self.reset()

    def reset(self) -> None:
        """As new: at the start, and in a forked child, where connection, window and account are the parent's."""
        pipe: Optional[Pipe] = getattr(self, "pipe", None)
        self.channel = Channel(os.urandom(16))
        self.pipe: Optional[Pipe] = None
        if pipe is not None:
            pipe.close()
        self._send: Callable[[bytes, int], int] = unconnected
        self._backoff = Backoff(self.channel.client_id)
        self._retry_at = 0.0
        self._problem = ""
        self._said_refused = False
        self._silent_since: Optional[float] = None
        self._next_report = 0.0
        self.connections = 0
        self.tickets: dict[int, Optional[_wire.FlushDone]] = {}
        self._last_ticket = 0
        #: A flush without an explicit time ran out; until something has moved, none waits again.
        self.flushed_in_vain = False

    def _advance(self, now: float, most: int = CATCH_UP) -> None:
        """Connects if it is time, and hands over what waits; on a connection that fails at it, once more."""
        for _ in range(2):
            if self.pipe is None and now >= self._retry_at and self._has_business():
                self._connect(now)
            if self.pipe is None:
                return
            if now >= self._next_report:
                self._report(now)
            try:
                self.pipe.write(self.channel.sent, self.channel.unsent, most)
                return
            except OSError as error:
                _quiet.raise_unless_ours(error)
                self._hear(now)
                self._hang_up(now)

    def _has_business(self) -> bool:
        channel = self.channel
        return bool(channel.unsent or channel.unended() or channel.losses.reports or channel.losses.untold())

    def _report(self, now: float) -> None:
        """Tells the sidecar of the losses it has not heard of."""
        if self.pipe is not None and self.pipe.up and self.channel.losses.untold():
            self._next_report = now + REPORT_EVERY
            for report in self.channel.losses.new_reports():
                self.pipe.ask(report)

    def _connect(self, now: float) -> None:
        _exit.arrange()  # From now on there is something that the end of the process must not miss.
        try:
            pipe = Pipe(self.client.path)
        except OSError as error:
            _quiet.raise_unless_ours(error)
            self._retry_at = now + self._backoff.next()
            self._problem = absence(error)
            if self._backoff.failures >= PATIENT_FAILURES:
                self.client.is_away(self._problem, now)
            return
        self.pipe, self._send = pipe, pipe.send
        self.connections += 1
        self._silent_since = None
        oldest = self.channel.greet()
        pipe.ask(_wire.hello(self.channel.client_id, os.getpid(), oldest, self.app, self.group, self.stream))

    def _hang_up(self, now: float) -> None:
        """Ends the connection; all that is kept waits to be sent on the next one."""
        pipe, self.pipe, self._send = self.pipe, None, unconnected
        if pipe is None:
            return
        pipe.close()
        self.channel.rewind()
        first, wait = self._backoff.failures == 0, self._backoff.next()
        # A sidecar that was well a moment ago may have been restarted: it is asked at once, then with patience.
        self._retry_at = now if first and pipe.up else now + wait
        self._problem = "the sidecar has closed the connection"

    def _hear(self, now: float) -> None:
        if self.pipe is None:
            return
        try:
            told, there = self.pipe.read()
        except _wire.ProtocolError as error:
            self._backoff.discourage()
            self._hang_up(now)
            self._problem = f"no sidecar answers there, but something that says {error}"
            return
        before = (self.channel.marks, self.channel.counts)
        for frame in told:
            self._take_in(frame, now)
        if before != (self.channel.marks, self.channel.counts):
            self.flushed_in_vain = False  # Things move again.
        if told or (self.channel.unended() == 0 and not self.tickets):
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= HUNG_AFTER:
            there = False
        if not there:
            self._hang_up(now)

    def _take_in(self, frame: _wire.Told, now: float) -> None:
        if isinstance(frame, _wire.Ack):
            self._backoff.reset()
            self.channel.ack(frame)
        elif isinstance(frame, _wire.FlushDone):
            self.channel.count(frame.delivered, frame.rejected, frame.dropped)
            if frame.ticket in self.tickets:
                self.tickets[frame.ticket] = frame
        elif isinstance(frame, _wire.Welcome):
            self._welcomed(frame, now)
        elif isinstance(frame, _wire.Draining):
            if self.pipe is not None:
                self.pipe.draining = True
            self._problem = "the sidecar is about to stop"
        elif isinstance(frame, _wire.Error):
            if frame.code in (_wire.UNSUPPORTED_VERSION, _wire.BAD_SEQUENCE, _wire.NOT_PERMITTED):
                self._backoff.discourage()
            self._hang_up(now)
            self._problem = f"the sidecar refuses: {frame.text}"

    def _welcomed(self, welcome: _wire.Welcome, now: float) -> None:
        if self.pipe is None or self.pipe.up:
            return
        if welcome.version != _wire.VERSION:
            self._backoff.discourage()
            self._hang_up(now)
            self._problem = f"the sidecar speaks version {welcome.version} of the protocol"
            return
        self.pipe.up = True
        self.channel.welcome(welcome)
        for _, report in self.channel.losses.reports:
            self.pipe.ask(report)
        if welcome.destination_refused and not self._said_refused:
            self._said_refused = True
            name = f"{self.group or '(its own group)'}:{self.stream or '(its own stream)'}"
            refused = f"the sidecar refuses the destination {name} (see --allow); records go to its default one"
            _quiet.say(f"{self.client.path}: {refused}")

    def _ask(self, barrier: Barrier, now: float) -> None:
        """Sends the flush once all before it is on its way, and again on each new connection."""
        pipe = self.pipe
        if pipe is None or not pipe.up or self.channel.unsent or barrier.asked_on == self.connections:
            return
        if not barrier.ticket:
            if len(self.tickets) >= MOST_FLUSHES:
                return  # The watermarks will answer.
            self._last_ticket += 1
            barrier.ticket = self._last_ticket
            self.tickets[barrier.ticket] = None
        barrier.asked_on = self.connections
        pipe.ask(_wire.flush(barrier.ticket, barrier.level, barrier.milliseconds_left(now)))
        self._advance(now)

    def forget(self, barrier: Barrier) -> None:
        """The flush waits no longer."""
        self.tickets.pop(barrier.ticket, None)

    def hurry(self, now: float) -> None:
        """Somebody waits for the sidecar to come back: it is looked for ten times a second."""
        if self.pipe is None:
            self._retry_at = min(self._retry_at, now + 0.1)

    def wanted(self) -> Optional[tuple[int, bool]]:
        """The descriptor to wait for, and whether for writing, too."""
        pipe = self.pipe
        return None if pipe is None else (pipe.fileno, pipe.wants_to_write(self.channel.unsent))

    def problem(self) -> str:
        return self._problem or "the sidecar does not read"
