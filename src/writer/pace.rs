//! How long the writer naps when the queue is empty. Pure.
//!
//! A writer that blocked on the queue would cost the app a wake-up call per record, and one that napped too briefly
//! would take the processor from the app too often. So it naps as long as it takes the app to fill a sixteenth of
//! the queue, [`LONGEST`] at most. Only after [`DROWSY`] without a record does it sleep until it is woken; then a record
//! costs a wake-up once.

use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_micros(500);
const LONGEST: Duration = Duration::from_millis(10);
/// Without a record for so long, the writer sleeps.
const DROWSY: Duration = Duration::from_millis(100);
/// The part of the queue that should be filled when a nap ends: not below a 16th, not above an 8th.
const ENOUGH: usize = 16;
const MUCH: usize = 8;

#[derive(Debug)]
pub(super) struct Pace {
    nap: Duration,
    last_record: Instant,
    queue_bytes: usize,
    queue_records: usize,
}

impl Pace {
    pub(super) fn new(now: Instant, queue_bytes: usize, queue_records: usize) -> Self {
        Self { nap: SHORTEST, last_record: now, queue_bytes, queue_records }
    }

    /// Learns from what was there after the last nap.
    pub(super) fn took(&mut self, bytes: usize, records: usize, now: Instant) {
        if records > 0 {
            self.last_record = now;
        }
        if bytes > self.queue_bytes / MUCH || records > self.queue_records / MUCH {
            self.nap = (self.nap / 2).max(SHORTEST);
        } else if bytes < self.queue_bytes / ENOUGH && records < self.queue_records / ENOUGH {
            self.nap = (self.nap * 2).min(LONGEST);
        }
    }

    pub(super) fn nap(&self) -> Duration {
        self.nap
    }

    pub(super) fn drowsy(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_record) >= DROWSY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_follow_the_rate_and_sleep_comes_after_a_while_of_nothing() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 1 << 20, 1 << 10);
        for _ in 0..10 {
            pace.took(100, 1, start);
        }
        assert_eq!(pace.nap(), LONGEST);
        pace.took(1 << 18, 200, start);
        assert_eq!(pace.nap(), LONGEST / 2);
        pace.took(100, 1 << 8, start);
        assert_eq!(pace.nap(), LONGEST / 4, "many small records are much too");
        pace.took((1 << 16) + 1, 1, start);
        assert_eq!(pace.nap(), LONGEST / 4, "just right");
        pace.took(0, 0, start + DROWSY);
        assert!(pace.drowsy(start + DROWSY));
        pace.took(10, 1, start + DROWSY);
        assert!(!pace.drowsy(start + DROWSY));
    }
}
