"""Records that the client itself gave up: counted by reason, with the span of time they came from, and told once."""

from __future__ import annotations

from typing import Optional

from . import _wire
from ._clock import clock

#: There was no room, and the newest record went.
QUEUE_FULL = "queue_full"
#: The sidecar came back without records that it had acknowledged and the client had let go of.
SIDECAR_LOST = "sidecar_lost"
#: The sidecar came back and cannot say what became of these records.
UNCONFIRMED = "unconfirmed"

Span = tuple[int, int]


def join(span: Optional[Span], from_ms: int, to_ms: int) -> Span:
    """The span that covers both."""
    return (from_ms, to_ms) if span is None else (min(span[0], from_ms), max(span[1], to_ms))


class Loss:
    """One reason's count, and what of it the sidecar has not been told."""

    __slots__ = ("span", "total", "untold")

    def __init__(self) -> None:
        self.total = 0
        self.untold = 0
        self.span: Optional[Span] = None


class Losses:
    """All reasons of one channel. Reports carry numbers, so that one that is sent again is told once."""

    #: Reports that may be on their way at a time; later losses wait, added up.
    MOST_REPORTS = 8

    def __init__(self) -> None:
        self.by_reason: dict[str, Loss] = {}
        self._last_report = 0
        #: Numbers and frames of the reports that the sidecar has not confirmed.
        self.reports: list[tuple[int, bytes]] = []

    def add(self, reason: str, count: int, span: Optional[Span]) -> None:
        """`span`: where they came from. Without one nobody knows when they were logged: this is when it was noticed."""
        if count > 0:
            if span is None:
                now = int(clock.time() * 1000)
                span = (now, now)
            loss = self.by_reason.setdefault(reason, Loss())
            loss.total += count
            loss.untold += count
            loss.span = join(loss.span, *span)

    def total(self) -> int:
        return sum(loss.total for loss in list(self.by_reason.values()))

    def totals(self) -> dict[str, int]:
        return {reason: loss.total for reason, loss in list(self.by_reason.items())}

    def untold(self) -> int:
        """How many losses the sidecar has not been sent a report of."""
        return sum(loss.untold for loss in list(self.by_reason.values()))

    def new_reports(self) -> list[bytes]:
        """Frames that tell of everything not told yet."""
        frames = []
        for reason, loss in self.by_reason.items():
            if loss.untold and len(self.reports) < self.MOST_REPORTS:
                self._last_report += 1
                span = loss.span or (0, 0)
                frame = _wire.lost(self._last_report, loss.untold, span[0], span[1], reason)
                # Kept before it counts as told: whatever interrupts this, nothing is told less than once.
                self.reports.append((self._last_report, frame))
                loss.untold, loss.span = 0, None
                frames.append(frame)
        return frames

    def confirmed(self, lost_to: int) -> None:
        """The sidecar has taken in all reports up to this one."""
        if self.reports:
            self.reports = [report for report in self.reports if report[0] > lost_to]
