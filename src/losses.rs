//! Records that the client itself gave up: counted by reason, with the span of time they came from.
//!
//! Two readers: `stats()` wants totals, the writer wants what the sidecar has not been told yet.
//! The lock is taken only where a record is lost and is never held across I/O.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why the client gave a record up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// There was no room and the newest record went.
    QueueFull,
    /// There was no room and the oldest record went (`Overflow::DropOldest`).
    Oldest,
    /// It was logged after `close`, or was still held when `close` ran out of time.
    Closed,
    /// The sidecar came back without records that the client had let go of, and said so.
    SidecarLost,
    /// The sidecar came back and cannot say what had become of these records: it does not know the client, or was
    /// killed before it had noted how they ended.
    Unconfirmed,
}

impl DropReason {
    pub(crate) const ALL: [Self; 5] =
        [Self::QueueFull, Self::Oldest, Self::Closed, Self::SidecarLost, Self::Unconfirmed];

    /// The word for it, as the sidecar is told.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::QueueFull => "queue_full",
            DropReason::Oldest => "drop_oldest",
            DropReason::Closed => "closed",
            DropReason::SidecarLost => "sidecar_lost",
            DropReason::Unconfirmed => "unconfirmed",
        }
    }
}

/// A range of timestamps, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

impl Span {
    pub(crate) fn at(timestamp_ms: i64) -> Self {
        Self { from_ms: timestamp_ms, to_ms: timestamp_ms }
    }

    pub(crate) fn join(self, other: Self) -> Self {
        Self { from_ms: self.from_ms.min(other.from_ms), to_ms: self.to_ms.max(other.to_ms) }
    }

    /// Both, where there may be none yet.
    pub(crate) fn extend(span: &mut Option<Self>, other: Self) {
        *span = Some(span.map_or(other, |span| span.join(other)));
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Loss {
    total: u64,
    untold: u64,
    span: Option<Span>,
}

/// What the sidecar is to be told of one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) reason: DropReason,
    pub(crate) count: u64,
    pub(crate) span: Span,
}

#[derive(Debug, Default)]
pub(crate) struct Losses(Mutex<[Loss; DropReason::ALL.len()]>);

impl Losses {
    fn lock(&self) -> MutexGuard<'_, [Loss; DropReason::ALL.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, reason: DropReason, count: u64, span: Span) {
        if count > 0 {
            let loss = &mut self.lock()[reason as usize];
            loss.total += count;
            loss.untold += count;
            Span::extend(&mut loss.span, span);
        }
    }

    pub(crate) fn totals(&self) -> [u64; DropReason::ALL.len()] {
        self.lock().map(|loss| loss.total)
    }

    pub(crate) fn any_untold(&self) -> bool {
        self.lock().iter().any(|loss| loss.untold > 0)
    }

    /// Takes what one reason has to tell, if any has.
    pub(crate) fn take_untold(&self) -> Option<Untold> {
        let mut losses = self.lock();
        let reason = DropReason::ALL.into_iter().find(|reason| losses[*reason as usize].untold > 0)?;
        let loss = &mut losses[reason as usize];
        let count = std::mem::take(&mut loss.untold);
        let span = loss.span.take().unwrap_or(Span::at(0));
        Some(Untold { reason, count, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_once_and_counted_for_good() {
        let losses = Losses::default();
        losses.add(DropReason::QueueFull, 2, Span::at(30));
        losses.add(DropReason::QueueFull, 1, Span::at(10));
        losses.add(DropReason::Closed, 1, Span::at(50));
        assert_eq!(
            losses.take_untold(),
            Some(Untold { reason: DropReason::QueueFull, count: 3, span: Span { from_ms: 10, to_ms: 30 } })
        );
        assert_eq!(losses.take_untold().map(|untold| untold.reason), Some(DropReason::Closed));
        assert_eq!(losses.take_untold(), None);
        assert!(!losses.any_untold());
        assert_eq!(losses.totals(), [3, 0, 1, 0, 0]);
    }
}
