"""Adds the accounts of links up to the account of a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._losses import QUEUE_FULL
from ._report import Stats

if TYPE_CHECKING:
    from ._link import Link


def changed(stats: Stats, **changes: Any) -> Stats:
    """The stats with other values of some fields."""
    return Stats(**{**stats.__dict__, **changes})


def add(stats: Stats, link: Link, open_links: int) -> Stats:
    """The stats with a link's account added; `open_links` is 0 for one that has made room for another."""
    channel = link.channel
    late, counts = len(link._late), channel.counts
    lost = dict(stats.lost)
    for reason, count in channel.losses.totals().items():
        lost[reason] = lost.get(reason, 0) + count
    pending = channel.unended() + late
    pipe = link.pipe
    return changed(
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
