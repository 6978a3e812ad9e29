//! Durations of a run on their way to a [`Latency`].
//!
//! A recorder holds a histogram of microseconds at three significant digits, up to ten minutes; longer ones count as that. Mean,
//! least and greatest are kept apart and exact.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::{wrong, Result};
use crate::results::Latency;

const DIGITS: u8 = 3;
const LONGEST_MICROS: u64 = 600_000_000;

#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    histogram: Histogram<u64>,
    sum_micros: f64,
    min: u64,
    max: u64,
}

impl Recorder {
    pub(crate) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS);
        let histogram = histogram.map_err(|error| wrong("a histogram of ten minutes", error))?;
        Ok(Self { histogram, sum_micros: 0.0, min: u64::MAX, max: 0 })
    }

    /// To the nearest microsecond.
    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = (duration.saturating_add(Duration::from_nanos(500))).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX).min(LONGEST_MICROS);
        self.sum_micros += duration.as_secs_f64().min(LONGEST_MICROS as f64 / 1e6) * 1e6;
        (self.min, self.max) = (self.min.min(micros), self.max.max(micros));
        self.histogram.saturating_record(micros);
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The least duration that so large a share is not above, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        // A bucket's greatest value may be one that never was.
        self.histogram.value_at_quantile(share).clamp(self.min.min(self.max), self.max)
    }

    pub(crate) fn latency(&self) -> Latency {
        if self.histogram.is_empty() {
            return Latency::default();
        }
        let bucket = |value| self.histogram.highest_equivalent(value);
        let recorded = self.histogram.iter_recorded();
        Latency {
            count: self.histogram.len(),
            mean: self.sum_micros / self.histogram.len() as f64,
            min: self.min,
            p50: self.quantile(0.50),
            p90: self.quantile(0.90),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: self.max,
            buckets: recorded.map(|step| (bucket(step.value_iterated_to()), step.count_at_value())).collect(),
        }
    }
}

/// Microseconds in the unit that suits them.
pub(crate) fn show_micros(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{value:.0} µs"),
        value if value < 1e6 => format!("{:.2} ms", value / 1e3),
        value => format!("{:.2} s", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(micros: impl IntoIterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::new().unwrap();
        micros.into_iter().for_each(|micros| recorder.record(Duration::from_micros(micros)));
        recorder
    }

    #[test]
    fn percentiles_are_right_to_a_thousandth() {
        let latency = recorded(1..=100_000).latency();
        assert_eq!((latency.count, latency.min, latency.max), (100_000, 1, 100_000));
        assert!((latency.mean - 50_000.5).abs() < 1e-3, "{}", latency.mean);
        for (value, share) in [(latency.p50, 0.5), (latency.p90, 0.9), (latency.p99, 0.99), (latency.p999, 0.999)] {
            let exact = share * 100_000.0;
            assert!((value as f64 - exact).abs() <= exact / 1_000.0, "{value} for {exact}");
        }
        assert!(latency.buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(latency.buckets.iter().map(|bucket| bucket.1).sum::<u64>(), 100_000);
    }

    #[test]
    fn ends_are_exact_and_longer_ones_count_as_ten_minutes() {
        let latency = recorded([1_234_567, 7_654_321]).latency();
        assert_eq!((latency.min, latency.max, latency.p999), (1_234_567, 7_654_321, 7_654_321));
        let mut recorder = recorded([]);
        recorder.record(Duration::MAX);
        recorder.record(Duration::ZERO);
        assert_eq!((recorder.latency().max, recorder.latency().min, recorder.count()), (LONGEST_MICROS, 0, 2));
        assert_eq!(recorded([]).latency(), Latency::default());
    }

    #[test]
    fn durations_are_rounded_and_their_mean_is_not() {
        let mut recorder = recorded([]);
        recorder.record(Duration::from_nanos(1_400));
        recorder.record(Duration::from_nanos(1_600));
        let latency = recorder.latency();
        assert_eq!((latency.min, latency.max), (1, 2));
        assert!((latency.mean - 1.5).abs() < 1e-9);
    }
}
