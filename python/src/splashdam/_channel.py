"""One channel as the client sees it: what was numbered, what is kept for sending again, what became of it.

Invariants:
- ``numbered = ended + given up + unended``, where *ended* is delivered, rejected or dropped by the sidecar's word,
  and *given up* is what no sidecar can answer for any more;
- the window is ``sent`` followed by ``unsent``: frames of one record each, without a gap in their sequences;
- a frame leaves the window when it is durable, or, where durable means ended, when the window is full and the
  sidecar has it in memory (``at_risk``).

A call may be cut short between any two steps by an exception that a signal handler raises (gunicorn's time-out,
Celery's soft time limit). Steps are ordered so that a frame is rather in two places than in none; ``repair`` puts
things right. Absent: no I/O, no clock, no lock.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import NamedTuple, Optional

from . import _wire
from ._losses import SIDECAR_LOST, UNCONFIRMED, Losses, Span, join

#: Frames that one call forgets, so that no single call pays for a whole batch that became durable.
MOST_FREED = 256
#: What keeping a frame costs beside its text: head, object, place in the deque.
FRAME_COST = _wire.RECORD_HEAD + 33 + 8


class Counts(NamedTuple):
    """Outcomes by the sidecar's word."""

    delivered: int = 0
    rejected: int = 0
    dropped: int = 0

    def less(self, excess: int) -> Counts:
        """Takes `excess` off, from delivered first."""
        left = []
        for count in self:
            part = min(count, excess)
            excess -= part
            left.append(count - part)
        return Counts(*left)


class Channel:
    """See the module."""

    def __init__(self, client_id: bytes) -> None:
        self.client_id = client_id
        self.next = 1
        self.sent: deque[bytes] = deque()
        self.unsent: deque[bytes] = deque()
        #: What the window's frames cost, in bytes. The link adds what it appended when it next looks.
        self.held = 0
        self.losses = Losses()
        self.max_record = _wire.DEFAULT_MAX_RECORD
        self.max_frame = _wire.SAFE_FRAME
        self.durable_is_disk = False
        self.refused = False
        self.disabled = False
        self.marks = _wire.Ack()
        self.counts = Counts()
        self.given_up = 0
        self.at_risk = 0
        #: Parts that splitting added.
        self.split = 0
        # F of the last hello.
        self._greeted_with = 1
        # Everything up to here is settled, whatever the present sidecar says.
        self._floor = 0
        # Counts of channels that earlier sidecars forgot.
        self._base = Counts()
        self._at_risk_to = 0
        self._at_risk_span: Optional[Span] = None

    def last(self) -> int:
        """The last sequence that was given to a record."""
        return self.next - 1

    def oldest(self) -> int:
        """F: the oldest sequence still held, or the next one."""
        frames = self.sent or self.unsent
        return _wire.sequence_of(frames[0]) if frames else self.next

    def unended(self) -> int:
        """How many records have a sequence and no outcome."""
        return max(0, self.last() - sum(self.counts) - self.given_up)

    def mark(self, level: str) -> int:
        """The last sequence that has reached a level."""
        if self.unended() == 0:
            # Nothing is left to wait for. A watermark may stand behind a gap that no sidecar will fill.
            return self.last()
        mark = self.marks.admitted_to if level == "admitted" else self.marks.ended_to
        return max(self.marks.durable_to if level == "durable" else mark, self._floor)

    def spooled(self) -> int:
        """How many of the unended ones are on the sidecar's disk, as far as the watermarks tell."""
        if not self.durable_is_disk:
            return 0
        return min(max(0, self.mark("durable") - self.mark("ended")), self.unended())

    def append_unsent(self, timestamp_ms: int, text: bytes) -> None:
        """Numbers a record and keeps it for later."""
        frame = _wire.record(self.next, timestamp_ms, text)
        self.unsent.append(frame)
        self.next = _wire.sequence_of(frame) + 1
        self.held += len(text) + FRAME_COST

    def make_room(self, needed: int, window: int) -> bool:
        """Whether `needed` bytes more fit into a window of so many. Lets go of what may be let go of for it."""
        if self.held + needed > window:
            self.free_durable()
        if self.held + needed > window and not self.durable_is_disk:
            admitted = self.mark("admitted")
            while self.held + needed > window and self.sent and _wire.sequence_of(self.sent[0]) <= admitted:
                self._let_go(self.sent[0])
        return self.held + needed <= window

    def _let_go(self, frame: bytes) -> None:
        sequence, at = _wire.sequence_of(frame), _wire.timestamp_of(frame)
        if sequence > self.mark("ended"):
            self.at_risk += 1
            self._at_risk_span = join(self._at_risk_span, at, at)
            self._at_risk_to = sequence
        self.free(1)

    def free_durable(self, most: int = sys.maxsize) -> None:
        """Forgets the sent frames that are safe, the oldest of them first."""
        if self.sent:
            self.free(min(most, self.mark("durable") - _wire.sequence_of(self.sent[0]) + 1))

    def free(self, count: int) -> None:
        """Forgets the oldest sent frames."""
        for _ in range(min(count, len(self.sent))):
            self.held -= len(self.sent.popleft()) - _wire.RECORD_HEAD + FRAME_COST

    def rewind(self) -> None:
        """The connection is gone: all that is not safe must be sent again."""
        self.free_durable()
        # What a sidecar had in memory may have gone with it: it is admitted when the next welcome says so.
        self.marks = self.marks._replace(admitted_to=self.marks.durable_to)
        self.unsent.extendleft(reversed(self.sent))
        self.sent.clear()

    def repair(self) -> None:
        """Puts the window right after an interruption anywhere: in order, nothing twice, all of it unsent."""
        frames = {_wire.sequence_of(frame): frame for frame in (*self.sent, *self.unsent)}
        self.next = max(self.next, 1 + max(frames, default=0))
        self.marks = self.marks._replace(admitted_to=self.marks.durable_to)
        # This, too, may be cut short: one store puts all in place, twice for a moment.
        self.unsent = deque(frames[sequence] for sequence in sorted(frames))
        self.sent.clear()
        self.held = sum(len(frame) - _wire.RECORD_HEAD + FRAME_COST for frame in self.unsent)

    def greet(self) -> int:
        """F for a hello on a new connection."""
        self._greeted_with = self.oldest()
        return self._greeted_with

    def welcome(self, welcome: _wire.Welcome) -> None:
        """Settles what the sidecar has, and skips what it need not be sent."""
        self.durable_is_disk = welcome.durable_is_disk
        self.refused, self.disabled = welcome.destination_refused, welcome.disabled
        self.max_record = max(welcome.max_record, 1)
        self.max_frame = max(welcome.max_frame, _wire.SAFE_FRAME)
        before = self._greeted_with - 1
        resume = min(welcome.resume, self.last())
        span = self._at_risk_span
        if not welcome.known_channel:
            self.losses.add(UNCONFIRMED, self._settle(before), span)
        elif resume < before:
            lost = before - max(resume, self.mark("durable"))
            self.given_up += max(0, lost)
            self.losses.add(SIDECAR_LOST, lost, span)
        self._at_risk_span = None
        self.marks = self.marks._replace(admitted_to=max(resume, before))
        while self.unsent and _wire.sequence_of(self.unsent[0]) <= resume:
            self.sent.append(self.unsent[0])
            self.unsent.popleft()
        self._split_unsent()

    def _settle(self, before: int) -> int:
        """The sidecar forgot the channel: what came before is settled as it stands, and counting starts again."""
        known = sum(self.counts) + self.given_up
        # Outcomes beyond `before` are told again when those records have been sent again.
        self.counts = self.counts.less(max(0, known - before))
        unconfirmed = max(0, before - known)
        self.given_up += unconfirmed
        self._base = self.counts
        self.marks = _wire.Ack()
        self._floor = before
        return unconfirmed

    def _split_unsent(self) -> None:
        """A frame that another sidecar would take may be too large for this one: its text goes in parts then.

        Nothing from there on has a number by which this sidecar knows it, so all of it may be numbered anew.
        """
        if all(len(frame) - 4 <= self.max_frame for frame in self.unsent):
            return
        kept: deque[bytes] = deque()
        sequence = _wire.sequence_of(self.unsent[0])
        for frame in self.unsent:
            at, text = _wire.timestamp_of(frame), frame[_wire.RECORD_HEAD :]
            for part in _wire.parts(text, self.max_record if len(frame) - 4 > self.max_frame else len(text)):
                kept.append(_wire.record(sequence, at, part))
                sequence += 1
        self.split += len(kept) - len(self.unsent)
        self.unsent = kept
        self.next = sequence
        self.held = sum(len(frame) - _wire.RECORD_HEAD + FRAME_COST for frame in (*self.sent, *self.unsent))

    def count(self, delivered: int, rejected: int, dropped: int) -> None:
        """Takes cumulative counts in. Answers may come out of turn, and counts only rise."""
        base, now = self._base, self.counts
        self.counts = Counts(
            max(now[0], base[0] + delivered), max(now[1], base[1] + rejected), max(now[2], base[2] + dropped)
        )

    def ack(self, ack: _wire.Ack) -> None:
        """Takes an ack in. Marks beyond what was ever numbered are brought down to it."""
        last, marks = self.last(), self.marks
        self.marks = _wire.Ack(
            max(marks.admitted_to, min(ack.admitted_to, last)),
            max(marks.durable_to, min(ack.durable_to, last)),
            max(marks.ended_to, min(ack.ended_to, last)),
        )
        self.count(ack.delivered, ack.rejected, ack.dropped)
        # What has ended and is in none of the counts: an earlier sidecar was killed before it had noted how it ended.
        # What was counted beyond the watermark only makes this less; the rest follows when the watermark passes it.
        unknown = max(0, self.marks.ended_to - sum(self.counts) - self.given_up)
        self.given_up += unknown
        self.losses.add(UNCONFIRMED, unknown, self._at_risk_span)
        self.losses.confirmed(ack.lost_to)
        if self.mark("ended") >= self._at_risk_to:
            self._at_risk_span = None
