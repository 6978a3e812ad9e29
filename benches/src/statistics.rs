//! What a few noisy rounds allow to be said: medians with intervals, and whether a difference is one.
//!
//! Intervals are percentile bootstraps, drawn by a seed that the caller keeps with the results: whole rounds are drawn again and
//! again, with repetition, and the statistic is taken of each draw. They assume no distribution, but a median of five rounds can
//! only be one of few values: below [`LEAST_ROUNDS`] there is no interval at all, and of five rounds the one at 95 % is about as
//! wide as the one at 90 %, from the least to the greatest round. The tests simulate how often the truth is inside.
//!
//! Lines through points over time are in [`mod@line`], quantiles of all rounds together in [`pooled`]. There is no I/O here and no clock.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

mod line;
mod pooled;

pub(crate) use line::{fit_line, slope, Line};
pub(crate) use pooled::{quantile_of_all, ratio_of_quantiles, Buckets};

/// Fewer rounds say nothing about their own spread.
pub(crate) const LEAST_ROUNDS: usize = 5;
/// Two one-sided tests at 5 % each: an effect is within a margin if this interval is.
pub(crate) const EQUIVALENCE: f64 = 0.90;
/// For saying that there is a difference.
pub(crate) const DIFFERENCE: f64 = 0.95;
/// Draws of an interval; its ends move by less than a hundredth of its width between seeds.
const DRAWS: usize = 4_000;

/// Where a quantity is, with so much confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    /// What was measured.
    pub(crate) middle: f64,
    pub(crate) high: f64,
    /// Between 0 and 1.
    pub(crate) confidence: f64,
}

/// Whether a ratio is one, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Equivalence {
    /// All of the interval is inside the margin.
    Within,
    /// All of it is outside.
    Outside,
    /// It reaches over an edge: the run could not decide.
    Inconclusive {
        /// Half of the interval's width, as a share: smaller effects were invisible to this run.
        smallest_visible_effect: f64,
    },
}

impl Interval {
    /// Whether a value is inside, ends included.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    pub(crate) fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// Of the finite values; the mean of the middle two where their number is even.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    median_of(&mut finite)
}

/// Sorts what it is given.
fn median_of(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[values.len() / 2]) / 2.0)
}

/// The median of `b` to that of `a`, of pairs `(a, b)` that share a round, at [`EQUIVALENCE`]. Rounds are drawn whole, so that
/// what befell both in a round cancels out.
pub(crate) fn ratio_of_medians(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    ratio_of_medians_at(EQUIVALENCE, pairs, seed)
}

pub(crate) fn ratio_of_medians_at(confidence: f64, pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    paired(confidence, pairs, seed, |a, b| b / a)
}

/// The median of `b` less that of `a`, as [`ratio_of_medians`].
pub(crate) fn difference(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    paired(EQUIVALENCE, pairs, seed, |a, b| b - a)
}

/// As [`ratio_of_medians_at`], of rounds that have nothing to do with each other: those of two runs.
pub(crate) fn ratio_of_unpaired_medians(confidence: f64, a: &[f64], b: &[f64], seed: u64) -> Option<Interval> {
    if a.len().min(b.len()) < LEAST_ROUNDS || a.iter().chain(b).any(|value| !value.is_finite()) {
        return None;
    }
    let middle = median(b)? / median(a)?;
    let mut drawn = Vec::new();
    bootstrap(confidence, middle, seed, |rng| {
        let mut median_drawn = |values: &[f64]| {
            drawn.clear();
            drawn.extend((0..values.len()).map(|_| values[rng.usize(..values.len())]));
            median_of(&mut drawn)
        };
        let a = median_drawn(a)?;
        Some(median_drawn(b)? / a)
    })
}

fn paired(confidence: f64, pairs: &[(f64, f64)], seed: u64, of: fn(f64, f64) -> f64) -> Option<Interval> {
    if pairs.len() < LEAST_ROUNDS || pairs.iter().any(|(a, b)| !(a.is_finite() && b.is_finite())) {
        return None;
    }
    let (mut a, mut b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let middle = of(median_of(&mut a)?, median_of(&mut b)?);
    bootstrap(confidence, middle, seed, |rng| {
        for index in 0..pairs.len() {
            (a[index], b[index]) = pairs[rng.usize(..pairs.len())];
        }
        Some(of(median_of(&mut a)?, median_of(&mut b)?))
    })
}

fn bootstrap(
    confidence: f64,
    middle: f64,
    seed: u64,
    mut draw: impl FnMut(&mut Rng) -> Option<f64>,
) -> Option<Interval> {
    let mut rng = Rng::with_seed(seed);
    let mut drawn = (0..DRAWS).map(|_| draw(&mut rng)).collect::<Option<Vec<f64>>>()?;
    // A quantity that is no number in one draw, as a ratio to zero, has no interval.
    if !middle.is_finite() || drawn.iter().any(|value| !value.is_finite()) {
        return None;
    }
    drawn.sort_unstable_by(f64::total_cmp);
    let tail = ((1.0 - confidence) / 2.0 * DRAWS as f64).floor() as usize;
    let (low, high) = (drawn.get(tail)?, drawn.get(DRAWS.checked_sub(tail + 1)?)?);
    Some(Interval { low: *low, middle, high: *high, confidence })
}

/// Where a ratio's interval stands to `1 ± margin`. With one at [`EQUIVALENCE`] these are two one-sided tests at 5 %.
pub(crate) fn equivalence(ratio: Interval, margin: f64) -> Equivalence {
    let (least, greatest) = (1.0 - margin, 1.0 + margin);
    if ratio.low >= least && ratio.high <= greatest {
        Equivalence::Within
    } else if ratio.high < least || ratio.low > greatest {
        Equivalence::Outside
    } else {
        Equivalence::Inconclusive { smallest_visible_effect: ratio.half_width() }
    }
}

#[cfg(test)]
mod tests;
