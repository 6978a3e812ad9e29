"""Waiting for what was logged to reach a level: many channels at once, one deadline, no lock held meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Optional

from . import _quiet
from ._clock import clock
from ._report import FlushReport

if TYPE_CHECKING:
    from ._link import Link

#: What is waited for, weakest first. `none` waits for nothing; it is for the end of the process.
WAIT_FOR = ("none", "admitted", "durable", "ended")
#: The longest sleep without a look: another thread may have heard the answer.
NAP = 0.02


class Barrier:
    """One flush of one link: everything up to `through` is to reach `level`."""

    __slots__ = ("asked_on", "deadline", "level", "link", "reached", "through", "ticket")

    def __init__(self, link: Link, level: str, deadline: float) -> None:
        self.link, self.level, self.deadline = link, level, deadline
        self.through: Optional[int] = None
        #: The number of this flush on the wire; 0: not sent.
        self.ticket = 0
        #: The connection on which it was sent.
        self.asked_on = 0
        self.reached = False

    def milliseconds_left(self, now: float) -> int:
        return min(2**32 - 1, max(0, int((self.deadline - now) * 1000)))

    def is_reached(self, link: Link) -> bool:
        """By the watermarks, or by the sidecar's answer to this very flush."""
        if self.through is not None and link.channel.mark(self.level) >= self.through:
            return True
        done = link.tickets.get(self.ticket)
        return done is not None and done.status == 0


def await_all(barriers: Sequence[Barrier], patient: bool) -> bool:
    """Moves the barriers on until all are reached or their time is up.

    `patient`: also wait for a sidecar that is away. Where waiting would stop others, each gets a single turn.
    """
    may_wait = _quiet.may_block()
    try:
        _turns(barriers, patient, may_wait)
    finally:
        # Also where an exception ends the waiting: nobody asks for the answer any more.
        for barrier in barriers:
            if not barrier.reached:
                barrier.link.forget(barrier)
    for barrier in barriers:
        barrier.link.flushed_in_vain |= may_wait and not barrier.reached
    return all(barrier.reached for barrier in barriers)


def _turns(barriers: Sequence[Barrier], patient: bool, may_wait: bool) -> None:
    while True:
        now = clock.monotonic()
        waiting = [barrier for barrier in barriers if not barrier.reached]
        for barrier in waiting:
            reached = barrier.link.advance(barrier, now)
            barrier.reached = bool(reached)
            if reached is None:
                barrier.deadline = now  # Waiting would be in vain.
        waiting = [barrier for barrier in waiting if not barrier.reached and now < barrier.deadline]
        if not patient:
            waiting = [barrier for barrier in waiting if barrier.link.wanted() and not barrier.link.flushed_in_vain]
        if not waiting or not may_wait:
            return
        _nap(waiting, min(barrier.deadline for barrier in waiting) - now)


def _nap(waiting: Iterable[Barrier], longest: float) -> None:
    now = clock.monotonic()
    wanted = []
    for barrier in waiting:
        barrier.link.hurry(now)
        descriptor = barrier.link.wanted()
        if descriptor is not None:
            wanted.append(descriptor)
    _quiet.wait_ready(wanted, max(0.0, min(longest, NAP)))


def report(links: Iterable[Link], level: str, reached: bool) -> FlushReport:
    """The account of some links after a flush."""
    delivered = rejected = dropped = lost = spooled = pending = 0
    for link in links:
        channel = link.channel
        delivered += channel.counts.delivered
        rejected += channel.counts.rejected
        dropped += channel.counts.dropped
        lost += channel.losses.total()
        on_disk = channel.spooled()
        spooled += on_disk
        pending += channel.unended() - on_disk + len(link._late)
    return FlushReport(level, reached, not reached, delivered, rejected, dropped, lost, spooled, pending)
