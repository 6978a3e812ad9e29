//! When requests of an open loop are due: arithmetic alone, no clock.

use std::time::Duration;

/// Requests at a constant rate from the run's beginning, the warm-up's first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    rate: f64,
    warm_up: Duration,
    /// Of the run, warm-up included.
    length: Duration,
    /// Of all requests, warm-up included.
    most: u64,
}

impl Schedule {
    pub(super) fn new(rate: f64, warm_up: Duration, length: Duration, most: Option<u64>) -> Self {
        let length = warm_up.saturating_add(length);
        let unlimited = Self { rate, warm_up, length, most: u64::MAX };
        Self { most: unlimited.due_before(length).min(most.unwrap_or(u64::MAX)), ..unlimited }
    }

    /// Since the run's beginning; nothing where there are no more.
    pub(super) fn due(&self, index: u64) -> Option<Duration> {
        (index < self.most).then(|| self.time(index))
    }

    /// When the last request's turn is over, since the run's beginning.
    pub(super) fn end(&self) -> Duration {
        self.time(self.most).min(self.length)
    }

    fn time(&self, index: u64) -> Duration {
        Duration::from_secs_f64(index as f64 / self.rate)
    }

    /// How many requests are due before a time since the beginning.
    pub(super) fn due_before(&self, time: Duration) -> u64 {
        let mut count = (time.as_secs_f64() * self.rate).ceil() as u64;
        // The division that gives due times rounds, so the edge is looked for with these very times.
        while count > 0 && self.time(count - 1) >= time {
            count -= 1;
        }
        while self.time(count) < time {
            count += 1;
        }
        count.min(self.most)
    }

    /// Requests of the measurement that are due before a time.
    pub(super) fn measured_before(&self, time: Duration) -> u64 {
        self.due_before(time).saturating_sub(self.warm_ups())
    }

    /// The number of the first request that is measured.
    pub(super) fn warm_ups(&self) -> u64 {
        self.due_before(self.warm_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn requests_are_due_at_exact_times() {
        let schedule = Schedule::new(1_000.0, seconds(1), seconds(2), None);
        assert_eq!(schedule.due(0), Some(Duration::ZERO));
        assert_eq!(schedule.due(2_999), Some(Duration::from_millis(2_999)));
        assert_eq!(schedule.due(3_000), None);
        assert_eq!((schedule.warm_ups(), schedule.measured_before(seconds(9))), (1_000, 2_000));
        assert_eq!(schedule.measured_before(Duration::from_micros(1_000_001)), 1);
    }

    #[test]
    fn no_rate_drifts_or_loses_one() {
        for rate in [0.3, 1.0, 3.0, 7.0, 29.97, 333.333, 9_999.0, 20_000.0] {
            let schedule = Schedule::new(rate, seconds(0), seconds(10), None);
            let all = schedule.due_before(seconds(10));
            assert!((all as f64 - rate * 10.0).abs() <= 1.0, "{rate}: {all}");
            assert!(schedule.due(all - 1).unwrap() < seconds(10) && schedule.due(all).is_none());
        }
        // After a day, the next request is still due at its time.
        let day = Schedule::new(20_000.0, seconds(0), seconds(90_000), None);
        assert_eq!(day.due(20_000 * 86_400), Some(seconds(86_400)));
    }

    #[test]
    fn the_most_bounds_all() {
        let schedule = Schedule::new(100.0, seconds(1), seconds(10), Some(150));
        assert_eq!((schedule.warm_ups(), schedule.measured_before(seconds(11))), (100, 50));
        assert!(schedule.due(149).is_some() && schedule.due(150).is_none());
        assert_eq!(Schedule::new(100.0, seconds(1), seconds(10), Some(50)).measured_before(seconds(11)), 0);
    }
}
