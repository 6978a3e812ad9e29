//! How many are accepted while a client has more to say than a turn takes.

use std::time::Duration;

/// Connections accepted a second, and at once: an app that starts beside is not kept waiting, and who connects without end costs the
/// others little.
const A_SECOND: f64 = 2_000.0;
const AT_ONCE: f64 = 1_024.0;

/// Those who call.
#[derive(Debug)]
pub(super) struct Callers {
    left: f64,
    at: Duration,
}

impl Default for Callers {
    fn default() -> Self {
        Callers { left: AT_ONCE, at: Duration::ZERO }
    }
}

impl Callers {
    /// Whether one more may be accepted now.
    pub(super) fn may_call(&mut self, now: Duration) -> bool {
        let since = now.saturating_sub(self.at);
        self.at = now;
        self.left = (self.left + since.as_secs_f64() * A_SECOND).min(AT_ONCE);
        self.left >= 1.0
    }

    /// One was. Those whom nobody had to ask for count, too, but not against the future.
    pub(super) fn called(&mut self) {
        self.left = (self.left - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(callers: &mut Callers, at: Duration) -> u32 {
        let mut accepted = 0;
        while callers.may_call(at) {
            callers.called();
            accepted += 1;
        }
        accepted
    }

    #[test]
    fn many_may_call_at_once_and_then_so_many_a_second() {
        let mut callers = Callers::default();
        assert_eq!(accepted(&mut callers, Duration::from_secs(5)), 1_024);
        assert_eq!(accepted(&mut callers, Duration::from_millis(5_100)), 200);
        assert_eq!(accepted(&mut callers, Duration::from_secs(60)), 1_024);
    }

    #[test]
    fn a_flood_while_nobody_was_busy_keeps_nobody_out_later() {
        let mut callers = Callers::default();
        assert!(callers.may_call(Duration::from_secs(5)));
        (0..100_000).for_each(|_| callers.called());
        assert_eq!(accepted(&mut callers, Duration::from_millis(5_100)), 200);
    }
}
