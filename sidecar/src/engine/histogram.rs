//! A histogram with fixed buckets, as Prometheus shows them.

/// Counts of values up to each bound, and beyond.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: [u64; BUCKETS + 1],
    sum: f64,
}

const BUCKETS: usize = 24;

/// Upper bounds: powers of two from a millisecond (or thousandth of whatever is measured) upwards.
fn bound(bucket: usize) -> f64 {
    0.001 * (1u64 << bucket) as f64
}

impl Histogram {
    /// Counts one value.
    pub fn observe(&mut self, value: f64) {
        let bucket = (0..BUCKETS).find(|bucket| value <= bound(*bucket)).unwrap_or(BUCKETS);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Upper bound and count of each bucket, not cumulative; the last bound is `f64::MAX`.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = (0..BUCKETS).map(bound).chain([f64::MAX]);
        bounds.zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_land_at_or_below_their_bound() {
        let mut histogram = Histogram::default();
        for value in [0.0005, 0.001, 0.0011, 1e9] {
            histogram.observe(value);
        }
        let buckets = histogram.buckets();
        assert_eq!((buckets[0], buckets[1]), ((0.001, 2), (0.002, 1)));
        assert_eq!(buckets[BUCKETS], (f64::MAX, 1));
        assert_eq!(histogram.count(), 4);
        assert!((histogram.sum() - 1e9 - 0.0026).abs() < 1e-3);
    }
}
