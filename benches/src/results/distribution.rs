//! A distribution of durations from buckets or from a few values.

use super::Latency;

/// Values are kept to so many leading digits.
const DIGITS: u32 = 3;

impl Latency {
    /// From the greatest value of each bucket and how many fell into it, ascending. Quantiles, mean and least value are as good as
    /// the buckets are narrow.
    pub(crate) fn of_buckets(buckets: Vec<(u64, u64)>) -> Self {
        let count: u64 = buckets.iter().map(|(_, count)| count).sum();
        let sum: f64 = buckets.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
        let at = |share: f64| quantile(&buckets, (share * count as f64).ceil().max(1.0) as u64);
        Self {
            count,
            mean: sum / count.max(1) as f64,
            min: buckets.first().map_or(0, |(value, _)| *value),
            p50: at(0.50),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: buckets.last().map_or(0, |(value, _)| *value),
            buckets,
        }
    }

    /// From the values themselves, rounded up to three digits.
    pub(crate) fn of_values(values: impl IntoIterator<Item = u64>) -> Self {
        let mut buckets = std::collections::BTreeMap::new();
        for value in values {
            *buckets.entry(rounded(value)).or_insert(0) += 1;
        }
        Self::of_buckets(buckets.into_iter().collect())
    }
}

fn quantile(buckets: &[(u64, u64)], rank: u64) -> u64 {
    let mut seen = 0;
    let holds = |(_, count): &&(u64, u64)| {
        seen += count;
        seen >= rank
    };
    buckets.iter().find(holds).or(buckets.last()).map_or(0, |(value, _)| *value)
}

fn rounded(value: u64) -> u64 {
    let step = 10_u64.pow(value.checked_ilog10().unwrap_or(0).saturating_sub(DIGITS - 1));
    value.div_ceil(step).saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_from_the_bucket_that_holds_their_rank() {
        let latency = Latency::of_buckets(vec![(10, 50), (20, 45), (30, 4), (1_000, 1)]);
        assert_eq!((latency.count, latency.min, latency.max), (100, 10, 1_000));
        assert_eq!((latency.p50, latency.p90, latency.p95, latency.p99, latency.p999), (10, 20, 20, 30, 1_000));
        assert!((latency.mean - 25.2).abs() < 1e-9, "{}", latency.mean);
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Latency::of_values([]), Latency::default());
    }

    #[test]
    fn values_share_a_bucket_of_three_digits() {
        let latency = Latency::of_values([123_456, 123_999, 7, 0, u64::MAX]);
        assert_eq!(latency.buckets[..3], [(0, 1), (7, 1), (124_000, 2)]);
        assert_eq!(latency.count, 5);
    }
}
