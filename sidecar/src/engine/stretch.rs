//! How far throttling stretches a lane's linger, and how long what was throttled waits.
//!
//! A lane with few records sends a batch a linger, full or not. Where the account's quota is less than one such call a second
//! for each sidecar, none of them gains by asking more often: each refusal makes the linger longer by a fixed step, each second
//! without one makes it shorter by a fixed part of a second. Who lingers less asks more often, is refused more often and gets
//! longer steps in all: so the sidecars of a fleet find about the same linger, though none knows of another (with steps in
//! proportion to the linger they would not: `docs/fleet.md`).
//!
//! Full batches, flushes and the drain do not linger; for them there are the rate and the backoff.

use std::time::Duration;

use super::retry::Backoff;

/// How much longer a refusal makes the linger.
const STEP: Duration = Duration::from_secs(2);

/// How much shorter it becomes, in seconds a second. A fleet that lingers for `l` seconds has about `l * EASE / STEP` of its
/// calls refused: one in ten where it lingers for ten.
const EASE: f64 = 0.02;

/// Part of the linger that a throttled batch waits at most before its second attempt.
const FIRST_WAIT: u32 = 4;

/// The linger that throttling asks for.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    linger: Duration,
    stretched_at: Option<Duration>,
    heard_at: Duration,
}

impl Stretch {
    /// Longest wait for company; zero where nothing asks for one.
    pub(super) fn linger(&self) -> Duration {
        self.linger
    }

    /// CloudWatch throttled us while the linger was `present`: it becomes longer, up to `most`. At most once a linger: what
    /// is refused meanwhile is the same piece of news.
    pub(super) fn throttled(&mut self, present: Duration, most: Duration, now: Duration) {
        self.heard_at = now;
        let present = present.max(self.linger);
        if self.stretched_at.is_none_or(|at| now >= at + present) {
            self.stretched_at = Some(now);
            self.linger = (present + STEP).min(most);
        }
    }

    /// A call went well. Of a long silence only a linger's worth counts: nobody knows what we would have been told.
    pub(super) fn went_well(&mut self, now: Duration) {
        let quiet = now.saturating_sub(self.heard_at).min(self.linger);
        self.heard_at = now;
        self.linger = self.linger.saturating_sub(quiet.mul_f64(EASE));
        if self.linger < Duration::from_millis(1) {
            self.linger = Duration::ZERO;
        }
    }

    /// How long what was throttled waits: like any failure, but at most a linger. So nobody asks less often for having been
    /// refused than those do who were not, and no sidecar starves beside others.
    pub(super) fn backoff(&self, usual: Backoff) -> Backoff {
        let most = self.linger.clamp(usual.least, usual.most.max(usual.least));
        Backoff { least: (most / FIRST_WAIT).max(usual.least), most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(30);

    #[test]
    fn refusals_stretch_the_linger_once_a_linger_and_up_to_a_bound() {
        let mut stretch = Stretch::default();
        for _ in 0..10 {
            stretch.throttled(SECOND, MOST, 5 * SECOND);
        }
        assert_eq!(stretch.linger(), 3 * SECOND);
        stretch.throttled(SECOND, MOST, 7 * SECOND);
        assert_eq!(stretch.linger(), 3 * SECOND, "the linger has not passed");
        stretch.throttled(SECOND, MOST, 8 * SECOND);
        assert_eq!(stretch.linger(), 5 * SECOND);
        for round in 1..100 {
            stretch.throttled(SECOND, MOST, round * 2 * MOST);
        }
        assert_eq!(stretch.linger(), MOST);
    }

    #[test]
    fn what_goes_well_shortens_it_by_the_time_that_passed_and_silence_counts_little() {
        let mut stretch = Stretch::default();
        stretch.throttled(10 * SECOND, MOST, 100 * SECOND);
        stretch.went_well(110 * SECOND);
        assert_eq!(stretch.linger(), 12 * SECOND - SECOND / 5);
        let before = stretch.linger();
        stretch.went_well(9_999 * SECOND);
        assert!(before - stretch.linger() < SECOND / 2, "an hour of silence is no proof");
        (10_000..12_000).for_each(|at| stretch.went_well(at * SECOND));
        assert_eq!(stretch.linger(), Duration::ZERO);
    }

    #[test]
    fn what_is_left_below_a_millisecond_is_nothing() {
        let least = SECOND / 1_000;
        for (most, left) in [(least, least), (least - SECOND / 1_000_000, Duration::ZERO)] {
            let mut stretch = Stretch::default();
            stretch.throttled(SECOND, most, SECOND);
            stretch.went_well(SECOND);
            assert_eq!(stretch.linger(), left);
        }
    }

    #[test]
    fn what_was_throttled_waits_no_longer_than_a_linger() {
        let usual = Backoff { least: SECOND / 10, most: MOST };
        let mut stretch = Stretch::default();
        assert_eq!(stretch.backoff(usual).most, usual.least);
        stretch.throttled(10 * SECOND, MOST, SECOND);
        let backoff = stretch.backoff(usual);
        assert_eq!((backoff.least, backoff.most), (3 * SECOND, 12 * SECOND));
        stretch.throttled(MOST, 2 * MOST, 60 * SECOND);
        assert_eq!(stretch.backoff(usual).most, MOST, "never longer than after any other failure");
    }
}
