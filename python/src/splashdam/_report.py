"""What a flush answers, and what a handler has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FlushReport:
    """What a flush found.

    The counts are cumulative since the process began (in a forked child: since the fork) and cover the destinations of
    the handler, whoever else logs to them; flushes of several threads at once each see the truth. Take differences to
    know what a single piece of work came to.
    """

    #: The level that was asked for: ``admitted``, ``durable`` or ``ended``.
    level: str
    #: Everything logged before the flush has reached the level, or was given up and is counted as lost.
    reached: bool
    #: Time ran out first (or the sidecar is away, and the flush was not given a time).
    timed_out: bool
    #: Accepted by CloudWatch.
    delivered: int
    #: Refused by CloudWatch for good.
    rejected: int
    #: Given up by the sidecar's policy.
    dropped: int
    #: Given up by this client; `Stats.lost` has the reasons.
    lost_in_client: int
    #: On the sidecar's disk and without outcome.
    spooled: int
    #: Without outcome and not known to be on disk: in the sidecar's memory, in the socket or in the window.
    pending: int

    @property
    def all_delivered(self) -> bool:
        """Everything logged so far was delivered."""
        elsewhere = self.rejected + self.dropped + self.lost_in_client + self.spooled + self.pending
        return self.reached and elsewhere == 0


@dataclass(frozen=True)
class Stats:
    """A snapshot of the account of a handler's destinations in this process.

    ``logged = delivered + rejected + dropped + lost_total + pending`` holds whenever no call is under way.
    """

    #: Records taken in, also those lost since; every part of a text longer than a record may be counts.
    logged: int = 0
    #: Accepted by CloudWatch.
    delivered: int = 0
    #: Refused by CloudWatch for good.
    rejected: int = 0
    #: Given up by the sidecar's policy.
    dropped: int = 0
    #: Given up by this client, by reason: ``queue_full``, ``sidecar_lost``, ``unconfirmed``.
    lost: dict[str, int] = field(default_factory=dict)
    #: Without outcome so far.
    pending: int = 0
    #: Of these, records that the kernel does not have yet: the sidecar is away or does not read.
    unsent: int = 0
    #: What is kept for sending again, in bytes.
    window_bytes: int = 0
    #: Records let go of before they had an outcome, because the window was full and the sidecar has no disk.
    at_risk: int = 0
    #: Parts that splitting added.
    split: int = 0
    #: Records whose text was cut at `max_message_size`.
    truncated: int = 0
    #: Records without text, which CloudWatch does not take: skipped, and in no other count.
    empty: int = 0
    #: Records that could not be formatted (`logging.Handler.handleError` has told), in no other count.
    failed: int = 0
    #: Connections made after the first of each destination.
    reconnects: int = 0
    #: Destinations in use: open channels of this handler.
    channels: int = 0
    #: How many of these the sidecar has welcomed.
    connected: int = 0
    #: How many of these the sidecar refused, so that their records go to its default destination.
    refused: int = 0
    #: Records sent to the default destination because too many others were in use.
    redirected: int = 0

    @property
    def lost_total(self) -> int:
        """Records given up by this client, for whatever reason."""
        return sum(self.lost.values())

    @property
    def adds_up(self) -> bool:
        """Whether every record is accounted for. Holds whenever no call is under way."""
        ended = self.delivered + self.rejected + self.dropped
        return self.logged == ended + self.lost_total + self.pending
