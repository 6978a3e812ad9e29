//! How old records were when the endpoint accepted them, as a [`Latency`]: from the buckets of its report, right within 1.6 %.

use std::time::Duration;

use crate::results::Latency;

/// Buckets as greatest value and count, ascending; `added` to every one of them.
pub(crate) fn latency(buckets: &[(u64, u64)], added: Duration) -> Latency {
    let added = u64::try_from(added.as_micros()).unwrap_or(u64::MAX);
    let buckets: Vec<_> = buckets.iter().map(|(value, count)| (value.saturating_add(added), *count)).collect();
    let count: u64 = buckets.iter().map(|(_, count)| count).sum();
    let sum: f64 = buckets.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
    let at = |share: f64| quantile(&buckets, (share * count as f64).ceil().max(1.0) as u64);
    Latency {
        count,
        mean: if count == 0 { 0.0 } else { sum / count as f64 },
        min: buckets.first().map_or(0, |(value, _)| *value),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: buckets.last().map_or(0, |(value, _)| *value),
        buckets,
    }
}

/// The bucket that holds the value of this rank; zero without any.
fn quantile(buckets: &[(u64, u64)], rank: u64) -> u64 {
    let mut seen = 0;
    for (value, count) in buckets {
        seen += count;
        if seen >= rank {
            return *value;
        }
    }
    buckets.last().map_or(0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_found_and_shifted() {
        let latency = latency(&[(10, 50), (20, 45), (30, 4), (900, 1)], Duration::from_micros(5));
        assert_eq!((latency.count, latency.min, latency.max), (100, 15, 905));
        assert_eq!((latency.p50, latency.p90, latency.p95, latency.p99, latency.p999), (15, 25, 25, 35, 905));
        assert_eq!(latency.mean, (15.0 * 50.0 + 25.0 * 45.0 + 35.0 * 4.0 + 905.0) / 100.0);
        assert_eq!(latency.buckets[0], (15, 50));
    }

    #[test]
    fn without_records_there_is_nothing() {
        assert_eq!(latency(&[], Duration::from_millis(10)), Latency::default());
    }
}
