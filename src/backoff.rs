//! How long to wait before the next connection: 50 ms doubling to 5 s, full jitter. Pure: it reads no clock.

use std::time::Duration;

use crate::identity::Jitter;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// The least wait, so that a sidecar that closes at once is not called in a tight loop.
const LEAST: Duration = Duration::from_millis(5);

/// Counts failures in a row and turns them into waits.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    jitter: Jitter,
}

impl Backoff {
    pub(crate) fn new(jitter: Jitter) -> Self {
        Self { failures: 0, jitter }
    }

    /// The connection has proved good: the next failure is the first again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Trying again soon is pointless: the next wait is drawn from the whole range.
    pub(crate) fn discourage(&mut self) {
        self.failures = self.failures.max(7);
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(7)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.jitter.up_to(millis)).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_ceiling_and_start_again_after_a_reset() {
        let mut longest = [Duration::ZERO; 10];
        for seed in 1..=200u8 {
            let mut backoff = Backoff::new(Jitter::new([seed; 16]));
            for longest in &mut longest {
                *longest = backoff.next().max(*longest);
            }
            backoff.reset();
            assert!(backoff.next() <= FIRST);
        }
        assert!(longest[0] <= FIRST && longest[0] > FIRST / 2);
        assert!(longest[3] > FIRST * 4 && longest[3] <= FIRST * 8);
        assert!(longest[9] <= LONGEST && longest[9] > LONGEST / 2);
    }
}
