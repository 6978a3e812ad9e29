//! Durations in logarithmic buckets: 64 to each power of two, so a quantile is right within 1.6 %.

/// Sub-buckets of a power of two, as a power of two.
const BITS: u32 = 6;
const BUCKETS: usize = (65 - BITS as usize) << BITS;

#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The highest value of each bucket that is not empty, and how many it holds.
    pub(crate) fn buckets(&self) -> Vec<(u64, u64)> {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(index, count)| (top(index).min(self.max), *count)).collect()
    }

    /// The highest value of the bucket that holds this share of all values; zero without any.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return top(index).min(self.max);
            }
        }
        self.max
    }
}

/// Small values have a bucket each; above, the leading `BITS + 1` bits choose it.
fn bucket(value: u64) -> usize {
    let shift = (63 - (value | 1).leading_zeros()).saturating_sub(BITS);
    ((shift as usize) << BITS) + (value >> shift) as usize
}

/// The highest value in a bucket.
fn top(index: usize) -> u64 {
    let shift = (index >> BITS).saturating_sub(1);
    let leading = (index - (shift << BITS)) as u128;
    u64::try_from(((leading + 1) << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_values() {
        for value in (0..5_000).chain([1 << 20, (1 << 40) + 12345, u64::MAX]) {
            let index = bucket(value);
            assert!(index < BUCKETS);
            assert!(top(index) >= value, "{value}");
            assert!(index == 0 || top(index - 1) < value, "{value}");
        }
    }

    #[test]
    fn quantiles_are_close() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        assert_eq!(histogram.buckets(), []);
        (1..=100_000).for_each(|value| histogram.record(value));
        for share in [0.5, 0.95, 0.99] {
            let exact = share * 100_000.0;
            assert!((histogram.quantile(share) as f64 / exact - 1.0).abs() < 0.016);
        }
        assert_eq!(histogram.quantile(1.0), 100_000);
        let buckets = histogram.buckets();
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
        assert_eq!((buckets[0], buckets.last().unwrap().0), ((1, 1), 100_000));
        assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
