//! The intervals of `crate::statistics` as the report uses them: too few rounds leave an interval without ends, so that what
//! is built on it is inconclusive and still shows what was measured.

pub(super) use crate::statistics::{
    equivalence, fit_line, median, quantile_of_all, Buckets, Equivalence, Interval, Line, EQUIVALENCE, LEAST_ROUNDS,
};

use crate::statistics;

/// Median of the second over median of the first. None without a pair, or where that is no number.
pub(super) fn ratio_of_medians(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    statistics::ratio_of_medians(pairs, seed).or_else(|| endless(pairs, |base, other| other / base))
}

/// Median of the second less median of the first.
pub(super) fn difference(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    statistics::difference(pairs, seed).or_else(|| endless(pairs, |base, other| other - base))
}

/// A quantile of all that the second came to in all rounds over the same of the first.
pub(super) fn ratio_of_quantiles(share: f64, pairs: &[(Buckets, Buckets)], seed: u64) -> Option<Interval> {
    let of = |second: bool| {
        statistics::quantile_of_all(share, pairs.iter().map(move |pair| if second { &pair.1 } else { &pair.0 }))
    };
    statistics::ratio_of_quantiles(share, pairs, seed)
        .or_else(|| endless(&[(of(false)?, of(true)?)], |base, other| other / base))
}

/// From the least to the greatest.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (least, greatest) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, value| (ends.0.min(value), ends.1.max(value)));
    (greatest >= least).then_some(greatest - least)
}

fn endless(pairs: &[(f64, f64)], of: impl Fn(f64, f64) -> f64) -> Option<Interval> {
    let (base, other): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let middle = of(median(&base)?, median(&other)?);
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    middle.is_finite().then_some(Interval { low, middle, high, confidence: EQUIVALENCE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rounds_have_a_middle_and_decide_nothing() {
        let few = [(100.0, 101.0); LEAST_ROUNDS - 1];
        let ratio = ratio_of_medians(&few, 1).unwrap();
        assert!((ratio.middle - 1.01).abs() < 1e-9 && ratio.low < 0.0 && ratio.high > 2.0);
        assert!(matches!(equivalence(ratio, 0.5), Equivalence::Inconclusive { .. }));
        assert_eq!(
            equivalence(ratio_of_medians(&[(100.0, 101.0); LEAST_ROUNDS], 1).unwrap(), 0.02),
            Equivalence::Within
        );
        assert!(ratio_of_medians(&[], 1).is_none() && ratio_of_medians(&[(0.0, 0.0)], 1).is_none());
        assert_eq!(difference(&[(1.0, 3.0)], 1).unwrap().middle, 2.0);
    }
}
