//! Time as the engine sees it: it comes with each event, the engine never asks a clock.

use std::time::Duration;

/// One moment: monotonic for timers, wall time for timestamps. A step of the wall clock moves no timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Monotonic time since the process began.
    pub at: Duration,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
}

impl Now {
    /// A moment of a simulation: monotonic milliseconds, with a fixed wall time to add them to.
    #[must_use]
    pub fn from_millis(at: u64) -> Self {
        const EPOCH_MS: i64 = 1_700_000_000_000;
        let wall_ms = EPOCH_MS.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        Now { at: Duration::from_millis(at), wall_ms }
    }
}
