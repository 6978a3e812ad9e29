//! Calls a second, by token buckets of one second's worth. Time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::operation::Operation;

#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    seen: Duration,
}

/// The buckets; without any, every call passes.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    buckets: BTreeMap<Operation, Bucket>,
}

impl Quotas {
    /// Full buckets for these rates.
    pub(crate) fn new(rates: &BTreeMap<Operation, f64>) -> Self {
        let full = |rate: f64| Bucket { rate, level: rate.max(1.0), seen: Duration::ZERO };
        Self { buckets: rates.iter().map(|(&operation, &rate)| (operation, full(rate))).collect() }
    }

    /// Takes a token, or says that the call is one too many.
    pub(crate) fn take(&mut self, operation: Operation, now: Duration) -> bool {
        let Some(bucket) = self.buckets.get_mut(&operation) else { return true };
        let passed = now.saturating_sub(bucket.seen).as_secs_f64();
        bucket.level = (bucket.level + passed * bucket.rate).min(bucket.rate.max(1.0));
        bucket.seen = bucket.seen.max(now);
        let granted = bucket.level >= 1.0;
        if granted {
            bucket.level -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_its_worth_and_no_more() {
        let mut quotas = Quotas::new(&BTreeMap::from([(Operation::TagResource, 5.0)]));
        let mut granted =
            |at_ms: u64| (0..20).filter(|_| quotas.take(Operation::TagResource, Duration::from_millis(at_ms))).count();
        assert_eq!(granted(0), 5);
        assert_eq!(granted(400), 2);
        assert_eq!(granted(60_000), 5);
    }

    #[test]
    fn others_are_not_limited() {
        let mut quotas = Quotas::default();
        assert!((0..100_000).all(|_| quotas.take(Operation::PutLogEvents, Duration::ZERO)));
    }
}
