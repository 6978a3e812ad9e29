"""One channel at work: the call of `log`, its connection, and everything that such calls look after on their way.

No thread serves a link. A call hands its record to the kernel and, now and then, reads what the sidecar said, frees
what is safe, reconnects, catches up and tells of losses; so do `flush` and the end of the process. Between calls
nothing happens.

The life of a call, in `log`: encode, keep, write. That path is taken while the state is READY: connected, nothing
waiting to be written, and credit left. Credit is the number of bytes until the next look; it is given out of the
window's room, so that the path need not look at the window. Everything else is `_log_slowly`.

Three things may happen to a call that is under way, and the state tells them apart:
- another thread calls: it waits for the lock, which is never held across a wait longer than `max_wait`;
- the same thread calls again (a signal handler that logs, a `__del__`): the state is BUSY, and the record waits in
  `_late` until the call under way takes it in;
- an exception is raised into it (a signal handler of gunicorn or Celery): the state is BROKEN, and the next call
  repairs.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Callable, Optional
from weakref import WeakSet

from . import _flush, _quiet, _wire
from ._channel import FRAME_COST, MOST_FREED
from ._clock import clock
from ._losses import QUEUE_FULL
from ._pipe import FLAGS
from ._talk import Talk, unconnected
from ._wire import RECORD, RECORD_HEAD, RECORD_LENGTH, RECORDS

if TYPE_CHECKING:
    from ._client import Client
    from ._flush import Barrier
    from ._handler import Handler

#: Bytes between two looks; about 64 records of 200 bytes.
LOOK_EVERY = 16 * 1024
#: Milliseconds after which a call looks whatever it logs.
LOOK_AFTER_MS = 250
#: Records that calls inside a call may leave.
MOST_LATE = 1000

IDLE, READY, BUSY, BROKEN = range(4)

_PACK = RECORD.pack


class Link(Talk):
    """The channel of this process to one destination. All methods may be called from any thread."""

    def __init__(self, client: Client, group: str, stream: str, app: str) -> None:
        #: The handlers that log here; the most patient one decides.
        self.users: WeakSet[Handler] = WeakSet()
        self._patience = ("none", 0.0, 0.0)
        #: Given up for another destination; the client has another link for what still comes.
        self.retired = False
        super().__init__(client, group, stream, app)

    def reset(self) -> None:
        """As new: at the start, and in a forked child, where connection, window and account are the parent's."""
        super().reset()
        self._lock = threading.RLock()
        self._state = IDLE
        #: Longer texts take the long way.
        self._longest = 0
        self._credit = self._granted = 0
        self._look_at = 0
        self._late: deque[tuple[int, bytes]] = deque()
        self._waited = False
        self.last_used = 0.0
        #: Records that the end of the process has said are lost.
        self.told_as_lost = 0

    def patience(self) -> tuple[str, float, float]:
        """What the end of the process waits for, for how many seconds, and how long a call waits for room."""
        users = list(self.users)
        if users:
            levels = [_flush.WAIT_FOR.index(user.wait_for) for user in users]
            exit_timeout = max(user.exit_timeout for user in users)
            self._patience = (_flush.WAIT_FOR[max(levels)], exit_timeout, max(user.max_wait for user in users))
        return self._patience

    def forget_user(self, user: Handler) -> None:
        """The handler is closed: others decide now, or, where there are none, what it wanted still holds."""
        self.patience()
        self.users.discard(user)

    def log(self, timestamp_ms: int, text: bytes) -> bool:
        """Hands one record over, or keeps it, or counts it as lost. Raises only what signal handlers raise.

        False: this link has made room for another and takes nothing any more; the client has its successor.
        """
        size = len(text)
        with self._lock:
            if self._state != READY or size > self._longest:
                return self._log_slowly(timestamp_ms, text)
            self._state = BUSY
            frame, written = b"", 0
            try:
                channel = self.channel
                sequence = channel.next
                frame = _PACK(size + RECORD_LENGTH, RECORDS, sequence, 1, timestamp_ms, size) + text
                channel.sent.append(frame)
                channel.next = sequence + 1
                self._credit -= size + FRAME_COST
                written = self._send(frame, FLAGS)
                if written == size + RECORD_HEAD and self._credit > 0 and timestamp_ms < self._look_at:
                    self._state = READY
                    return True
                self._after(frame, written, timestamp_ms)
            except OSError as error:
                self._failed(error, frame, timestamp_ms)
            except BaseException:
                self._state = BROKEN
                raise
        return True

    def _after(self, frame: bytes, written: int, timestamp_ms: int) -> None:
        """The rest of a call whose record has a place: what was not written of it, and a look round."""
        pipe = self.pipe
        if pipe is not None and written < len(frame):
            pipe.started(frame, written)
        now = clock.monotonic()
        self._look(now)
        self._advance(now)
        self._wait_for(self._all_written, now)
        self._take_late()
        self._settle(timestamp_ms)

    def _failed(self, error: OSError, frame: bytes, timestamp_ms: int) -> None:
        try:
            _quiet.raise_unless_ours(error)
            if not isinstance(error, BlockingIOError):
                now = clock.monotonic()
                self._hear(now)  # What the sidecar said before it went.
                self._hang_up(now)
            self._after(frame, 0, timestamp_ms)
        except BaseException:
            self._state = BROKEN
            raise

    def _log_slowly(self, timestamp_ms: int, text: bytes) -> bool:
        if self.retired:
            return False
        if not self._enter():
            self._leave_for_later(timestamp_ms, text)
            return True
        try:
            self._take(timestamp_ms, text)
            self._take_late()
            self._settle(timestamp_ms)
        except BaseException:
            self._state = BROKEN
            raise
        return True

    def _enter(self) -> bool:
        """Begins what changes the link; the lock is held. False inside of a call that is under way."""
        if self._state == BUSY and self._is_inside():
            return False
        if self._state in (BUSY, BROKEN):
            self._repair()
        self._state = BUSY
        return True

    def _is_inside(self) -> bool:
        """Whether a call of this link stands further up the stack. (BUSY alone may be left from an interruption.)"""
        calls, frame = 0, sys._getframe()
        while frame is not None and calls < 2:
            calls += frame.f_code in _ENTRIES and frame.f_locals.get("self") is self
            frame = frame.f_back  # type: ignore[assignment]
        return calls == 2

    def _repair(self) -> None:
        """A call was cut short; how much of which frame is written nobody knows: all is sent on a new connection."""
        self._state = BUSY
        pipe, self.pipe, self._send = self.pipe, None, unconnected
        if pipe is not None:
            pipe.close()
            self._retry_at = 0.0  # The sidecar is not to blame.
        self.channel.repair()
        self._credit = self._granted = 0

    def _leave_for_later(self, timestamp_ms: int, text: bytes) -> None:
        if len(self._late) < MOST_LATE:
            self._late.append((timestamp_ms, text))
            self._look_at = 0  # The call under way takes it in.
        else:
            self.channel.losses.add(QUEUE_FULL, 1, (timestamp_ms, timestamp_ms))

    def _take_late(self) -> None:
        while self._late:
            timestamp_ms, text = self._late[0]
            self._take(timestamp_ms, text)
            self._late.popleft()

    def _take(self, timestamp_ms: int, text: bytes) -> None:
        """Takes a record in, in parts where the sidecar takes only shorter ones."""
        now = clock.monotonic()
        self._look(now)
        before = 0
        for part in _wire.parts(text, self.channel.max_record):
            self._take_part(timestamp_ms, part, now)
            self.channel.split += before
            before = 1

    def _take_part(self, timestamp_ms: int, text: bytes, now: float) -> None:
        self._advance(now)
        cost = len(text) + FRAME_COST
        if not self._has_room(cost, now) and not self._wait_for(lambda: self._has_room(cost, now), now):
            self._lose(timestamp_ms, now)
            return
        self.channel.append_unsent(timestamp_ms, text)
        self._advance(now)
        self._wait_for(self._all_written, now)

    def _has_room(self, cost: int, now: float) -> bool:
        window = self.client.room_of(self, now, exactly=True)
        # One record alone is always kept, however long it may be.
        return self.channel.make_room(cost, window) or (self.channel.held == 0 and window == self.client.window)

    def _lose(self, timestamp_ms: int, now: float) -> None:
        self.channel.losses.add(QUEUE_FULL, 1, (timestamp_ms, timestamp_ms))
        self.client.is_full(self, now)

    def _all_written(self) -> bool:
        return self.pipe is None or not (self.pipe.busy() or self.channel.unsent)

    def _wait_for(self, condition: Callable[[], bool], now: float) -> bool:
        """Waits for a connected sidecar, at most `max_wait` and once an episode; never where that would stop others."""
        if condition():
            return True
        if self._waited or self.pipe is None or self.pipe.draining:
            return False
        max_wait = self.patience()[2]
        if max_wait <= 0 or not self.client.may_wait(self, now):
            return False
        if _quiet.loop_runs() or _quiet.loop_runs_elsewhere():
            # Not in a loop's thread, and not in another one, which would hold locks (ours, and the handler's) that the
            # loop's next record needs. Looked for once an episode: walking through all stacks takes its time.
            self._waited = True
            return False
        deadline = now + max_wait
        while self.pipe is not None and not self.pipe.draining:
            now = clock.monotonic()
            if now >= deadline:
                break
            # Another thread's flush may hear what this one waits for: never long without a look.
            writing = self.pipe.wants_to_write(self.channel.unsent)
            _quiet.wait_ready([(self.pipe.fileno, writing)], min(deadline - now, 0.05))
            self._look(clock.monotonic())
            self._advance(clock.monotonic())
            if condition():
                return True
        self._waited = True
        self.client.waited_in_vain(self, now)
        return False

    def _look(self, now: float) -> None:
        """Puts the credit spent on the account, and hears what the sidecar has said."""
        self.channel.held += self._granted - self._credit
        self._granted = self._credit = 0
        self.last_used = now
        self._hear(now)
        self.channel.free_durable(MOST_FREED)

    def _settle(self, timestamp_ms: int) -> None:
        """Ends a call: READY for the short path if nothing is left to do, and credit is to be had."""
        if self.pipe is not None and not self.pipe.draining and self._all_written():
            room = self.client.room_of(self, self.last_used, exactly=False)
            self.channel.make_room(LOOK_EVERY, room)
            credit = min(LOOK_EVERY, self.client.credit_of(room - self.channel.held))
            if credit > 0:
                self._credit = self._granted = credit
                # A record may be dated in the future.
                self._look_at = min(timestamp_ms, int(clock.time() * 1000)) + LOOK_AFTER_MS
                longest = self.channel.max_record if self.pipe.up else _wire.SAFE_FRAME - RECORD_LENGTH
                self._longest = min(longest, credit + LOOK_EVERY)
                self._waited = False
                if self.pipe.up:
                    self._problem = ""
                    self.client.is_well(self)
                self._state = READY
                return
        self._state = IDLE

    def advance(self, barrier: Barrier, now: float) -> Optional[bool]:
        """A flush's turn: connects, catches up, asks, hears. True once its level is reached.

        None: a call of this link stands further up the stack (the flush is a signal handler's), and must go on first.
        """
        with self._lock:
            if not self._enter():
                return None
            try:
                self._look(now)
                self._take_late()
                self._report(now)
                self._advance(now, sys.maxsize)
                if barrier.through is None:
                    barrier.through = self.channel.last()
                self._ask(barrier, now)
                self._hear(now)
                self.channel.free_durable()
                reached = barrier.is_reached(self)
                if reached:
                    self.tickets.pop(barrier.ticket, None)
                self._settle(int(clock.time() * 1000))
                return reached
            except BaseException:
                self._state = BROKEN
                raise

    def unhanded(self) -> int:
        """How many records no living sidecar is known to have, and the kernel has not on this connection."""
        begun = self.pipe.unwritten(self.channel.sent) if self.pipe is not None else 0
        return len(self.channel.unsent) + len(self._late) + begun

    def leave(self, for_good: bool = False) -> bool:
        """Ends an idle connection in an orderly way; False where something is still unacknowledged.

        `for_good`: another destination takes its place, and this link takes nothing any more.
        """
        # Who looks for a place holds the client's lock, which a call of this link may be waiting for.
        if not self._lock.acquire(blocking=not for_good):
            return False
        try:
            return self._leave(for_good)
        finally:
            self._lock.release()

    def _leave(self, for_good: bool) -> bool:
        if not self._enter():
            return False
        try:
            now = clock.monotonic()
            self._look(now)
            self._report(now)
            self._advance(now)
            pipe = self.pipe
            idle = not (self.channel.unended() or self.channel.unsent or self._late or self.tickets)
            if idle and pipe is not None:
                pipe.ask(_wire.BYE)
                self._advance(now)
                self._hang_up(now)
                self._backoff.reset()
                self._retry_at, self._problem = now, ""
                self.channel.free(len(self.channel.sent))
            self.retired = idle and for_good
            self._state = IDLE
            return idle
        except BaseException:
            self._state = BROKEN
            raise


#: The methods that hold the state BUSY; `_is_inside` looks for them on the stack.
_ENTRIES = frozenset(function.__code__ for function in (Link.log, Link.advance, Link.leave))
