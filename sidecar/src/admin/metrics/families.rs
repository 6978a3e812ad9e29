//! Metric families by name, help and samples: prometheus-client's encoder without its ceremony.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::engine::histogram::Histogram;

/// Writes families. Counters are named without their `_total`, infos without their `_info`.
#[derive(Debug)]
pub(super) struct Families<'a>(DescriptorEncoder<'a>);

impl<'a> Families<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Families(encoder)
    }

    fn begin<'s>(&'s mut self, name: &'s str, help: &str, kind: MetricType) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, &format!("{help}."), None, kind)
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl EncodeCounterValue) -> fmt::Result {
        self.begin(name, help, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(super) fn counters<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut metric = self.begin(name, help, MetricType::Counter)?;
        samples.into_iter().try_for_each(|(labels, value)| {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.begin(name, help, MetricType::Gauge)?.encode_gauge(&value)
    }

    pub(super) fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut metric = self.begin(name, help, MetricType::Gauge)?;
        samples.into_iter().try_for_each(|(labels, value)| metric.encode_family(&labels)?.encode_gauge(&value))
    }

    pub(super) fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        self.begin(name, help, MetricType::Info)?.encode_info(&labels)
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, values: &Histogram, scale: Scale) -> fmt::Result {
        let buckets = scale.buckets(values);
        let sum = values.sum() * scale.unit;
        self.begin(name, help, MetricType::Histogram)?.encode_histogram::<NoLabelSet>(
            sum,
            values.count(),
            &buckets,
            None,
        )
    }
}

/// How a histogram's numbers are shown: its unit, and which of its bounds are of use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    unit: f64,
    least: f64,
    most: f64,
}

impl Scale {
    /// As they are, up to a good hour.
    pub(super) fn seconds() -> Self {
        Scale { unit: 1.0, least: 0.001, most: 4_200.0 }
    }

    /// The engine observes thousandths of what is shown.
    pub(super) fn thousandths(least: f64, most: f64) -> Self {
        Scale { unit: 1_000.0, least, most }
    }

    /// Bounds and counts, not cumulative; what lies outside goes to the next bound above.
    fn buckets(self, values: &Histogram) -> Vec<(f64, u64)> {
        let mut buckets = Vec::new();
        let mut waiting = 0;
        for (bound, count) in values.buckets() {
            // The bounds are powers of two of a thousandth: rounded, they read as such.
            let bound = if bound == f64::MAX { f64::INFINITY } else { (bound * self.unit * 1_000.0).round() / 1_000.0 };
            waiting += count;
            if bound == f64::INFINITY || (self.least..=self.most).contains(&bound) {
                buckets.push((bound, std::mem::take(&mut waiting)));
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_become_whole_numbers_and_nothing_is_lost() {
        let mut values = Histogram::default();
        for records in [1.0, 2.0, 3.0, 9_999.0, 10_000.0, 1e9] {
            values.observe(records / 1_000.0);
        }
        let buckets = Scale::thousandths(4.0, 16_384.0).buckets(&values);
        assert_eq!(buckets.first(), Some(&(4.0, 3)));
        assert_eq!(buckets[buckets.len() - 2..], [(16_384.0, 2), (f64::INFINITY, 1)]);
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), values.count());
    }
}
