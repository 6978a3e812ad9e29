//! What the rounds of two runs say of one quantity.

use super::series::Key;
use super::slower::{self, Test};
use crate::statistics::{
    equivalence, median, ratio_of_unpaired_medians, Equivalence, Interval, DIFFERENCE, EQUIVALENCE, LEAST_ROUNDS,
};

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Medians.
    pub(super) a: f64,
    pub(super) b: f64,
    /// Of `b` to `a`, at [`DIFFERENCE`].
    pub(super) ratio: Option<Interval>,
    pub(super) verdict: Verdict,
    /// Whether it is slower by more than the margin, for all quantities to be judged together.
    pub(super) slower: Option<Test>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    Better,
    Worse,
    /// By no more than this share, if at all.
    Same {
        margin: f64,
    },
    /// A change of this share would have been seen.
    Inconclusive {
        visible: f64,
    },
    TooFewRounds {
        a: usize,
        b: usize,
    },
    /// A median of zero.
    NoRatio,
}

impl Row {
    pub(super) fn of(key: Key, a: &[f64], b: &[f64], margin: f64, seed: u64) -> Self {
        let ratio = ratio_of_unpaired_medians(DIFFERENCE, a, b, seed);
        let verdict = match (ratio, ratio_of_unpaired_medians(EQUIVALENCE, a, b, seed)) {
            _ if a.len().min(b.len()) < LEAST_ROUNDS => Verdict::TooFewRounds { a: a.len(), b: b.len() },
            (Some(ratio), Some(narrow)) => decide(ratio, narrow, margin, key.quantity.more_is_better()),
            _ => Verdict::NoRatio,
        };
        let middle = |values| median(values).unwrap_or_default();
        let slower = slower::test(&key.quantity, a, b, margin);
        Self { a: middle(a), b: middle(b), ratio, verdict, slower, key }
    }
}

/// A change too small to matter is none, even where it is certain.
fn decide(ratio: Interval, narrow: Interval, margin: f64, more_is_better: bool) -> Verdict {
    match equivalence(narrow, margin) {
        Equivalence::Within => Verdict::Same { margin },
        _ if ratio.holds(1.0) => Verdict::Inconclusive { visible: ratio.half_width() },
        _ if (ratio.low > 1.0) == more_is_better => Verdict::Better,
        _ => Verdict::Worse,
    }
}

impl Verdict {
    pub(super) fn is_decided(self) -> bool {
        matches!(self, Self::Better | Self::Worse | Self::Same { .. })
    }

    /// In words that suit the quantity.
    pub(super) fn words(self, key: &Key) -> String {
        match (self, key.quantity.is_use()) {
            (Self::Better, false) => "faster".to_owned(),
            (Self::Worse, false) => "slower".to_owned(),
            (Self::Better, true) => "takes less".to_owned(),
            (Self::Worse, true) => "takes more".to_owned(),
            (Self::Same { margin }, _) => format!("no change within ±{} %", round(100.0 * margin)),
            (Self::Inconclusive { visible }, _) => format!("inconclusive (could have seen {:.1} %)", 100.0 * visible),
            (Self::TooFewRounds { a, b }, _) => {
                format!("inconclusive ({a} and {b} rounds, {LEAST_ROUNDS} are needed)")
            }
            (Self::NoRatio, _) => "not comparable: a median of zero".to_owned(),
        }
    }
}

/// Without what binary fractions add.
fn round(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}
