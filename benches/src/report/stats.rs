//! Intervals from paired rounds: a seeded bootstrap, and the reading of an equivalence test.

/// Where a figure lies with so much confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) middle: f64,
    pub(super) high: f64,
}

/// How an interval stands to a margin around zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Equivalence {
    Within,
    Outside,
    Inconclusive { smallest_visible_effect: f64 },
}

/// Fewer pairs than this decide nothing: their resampled medians are hardly more than the values themselves.
pub(super) const FEWEST_ROUNDS: usize = 5;
const RESAMPLES: usize = 2_000;
/// Two one-sided tests at 5 %.
const TAIL: f64 = 0.05;

pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

/// Median of the second over median of the first, with its 90 % interval.
pub(super) fn ratio_of_medians(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    resampled(pairs, seed, |base, other| (base > 0.0).then(|| other / base))
}

/// Median of the second less median of the first, with its 90 % interval.
pub(super) fn difference(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    resampled(pairs, seed, |base, other| Some(other - base))
}

fn resampled(pairs: &[(f64, f64)], seed: u64, figure: impl Fn(f64, f64) -> Option<f64>) -> Option<Interval> {
    let of = |sample: &[(f64, f64)]| {
        let (base, other): (Vec<f64>, Vec<f64>) = sample.iter().copied().unzip();
        figure(median(&base)?, median(&other)?)
    };
    let middle = of(pairs)?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sample = pairs.to_vec();
    let mut figures = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for slot in &mut sample {
            *slot = *random.choice(pairs)?;
        }
        figures.extend(of(&sample));
    }
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| figures.get(((figures.len() as f64 - 1.0) * share).round() as usize).copied();
    Some(Interval { low: at(TAIL)?, middle, high: at(1.0 - TAIL)? })
}

/// The interval is of a difference from what it is compared with, as a share.
pub(super) fn equivalence(interval: Interval, margin: f64) -> Equivalence {
    match interval {
        Interval { low, high, .. } if low >= -margin && high <= margin => Equivalence::Within,
        Interval { low, high, .. } if low > margin || high < -margin => Equivalence::Outside,
        Interval { low, high, .. } => Equivalence::Inconclusive { smallest_visible_effect: (high - low) / 2.0 },
    }
}

/// Least squares: intercept and slope. None where all lie at one place.
pub(super) fn fit_line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    (spread > 0.0).then_some((y - slope * x, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(effect: f64) -> Vec<(f64, f64)> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut near = move |value: f64| value * (1.0 + 0.01 * (random.f64() - 0.5));
        (0..30).map(|_| (near(100.0), near(100.0 * effect))).collect()
    }

    #[test]
    fn the_same_is_within_and_a_tenth_more_is_outside() {
        let shift = |effect| {
            let ratio = ratio_of_medians(&noisy(effect), 1).unwrap();
            Interval { low: ratio.low - 1.0, middle: ratio.middle - 1.0, high: ratio.high - 1.0 }
        };
        assert_eq!(equivalence(shift(1.0), 0.01), Equivalence::Within);
        assert_eq!(equivalence(shift(1.1), 0.01), Equivalence::Outside);
        assert!(
            matches!(equivalence(shift(1.01), 0.01), Equivalence::Inconclusive { smallest_visible_effect } if smallest_visible_effect < 0.01)
        );
    }

    #[test]
    fn a_seed_gives_the_same_interval_again() {
        assert_eq!(difference(&noisy(1.02), 3), difference(&noisy(1.02), 3));
        assert_eq!(ratio_of_medians(&[], 3), None);
    }

    #[test]
    fn a_line_through_points_of_a_line_is_that_line() {
        let (intercept, slope) = fit_line(&[(0.0, 1.0), (5.0, 2.0), (20.0, 5.0)]).unwrap();
        assert!((intercept - 1.0).abs() < 1e-9 && (slope - 0.2).abs() < 1e-9);
        assert_eq!(fit_line(&[(3.0, 1.0)]), None);
    }
}
