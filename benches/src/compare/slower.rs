//! Whether anything is slower for certain, when so many quantities are looked at that chance alone would call some of them so.
//!
//! Each quantity is tested by ranks, exactly: that its rounds in B lie beyond those in A by more than the margin. What lies within
//! the margin is what one run of the same differs from the next by, and no rounds of one run tell of that. Over all quantities
//! Holm's procedure keeps the chance that any one is called slower wrongly below [`RISK`]. Five rounds can never be as certain as
//! a hundred quantities ask for; then nothing is decided, and it is said how many rounds it would take.

use super::series::Quantity;
use crate::statistics::LEAST_ROUNDS;

/// That anything is called slower where nothing is.
const RISK: f64 = 0.05;
/// Above so many pairs of rounds the distribution of ranks is as good as normal.
const EXACT: usize = 400;
/// More rounds than anybody will run.
const MOST_ROUNDS: usize = 1_000;

/// What one quantity's rounds say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Test {
    /// How likely ranks like these are where B is not slower by more than the margin.
    chance: f64,
    /// The least that so many rounds can come to.
    least: f64,
}

/// None below the rounds that anything takes, and where nothing was measured but zeros.
pub(super) fn test(quantity: &Quantity, a: &[f64], b: &[f64], margin: f64) -> Option<Test> {
    if a.len().min(b.len()) < LEAST_ROUNDS || a.iter().chain(b).all(|value| *value == 0.0) {
        return None;
    }
    let beyond = |a: f64, b: f64| {
        if quantity.more_is_better() {
            b < a * (1.0 - margin)
        } else {
            b > a * (1.0 + margin)
        }
    };
    let pairs: usize = a.iter().map(|a| b.iter().filter(|b| beyond(*a, **b)).count()).sum();
    let chance = |pairs| at_least(pairs, a.len(), b.len());
    Some(Test { chance: chance(pairs), least: chance(a.len() * b.len()) })
}

/// What all of them come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Certain {
    /// For each, whether it is slower for certain.
    pub(super) slower: Vec<bool>,
    /// Those that had rounds enough for a test.
    pub(super) tested: usize,
    /// Whether any could have been called slower at all.
    pub(super) can_tell: bool,
}

/// Holm: the least likely is held against the risk shared by all, the next against that shared by the others, and so on.
pub(super) fn holm(tests: &[Option<Test>]) -> Certain {
    let mut order: Vec<(usize, Test)> =
        tests.iter().enumerate().filter_map(|(index, test)| Some((index, (*test)?))).collect();
    order.sort_by(|a, b| a.1.chance.total_cmp(&b.1.chance));
    let tested = order.len();
    let can_tell = order.iter().any(|(_, test)| test.least <= RISK / tested as f64);
    let mut slower = vec![false; tests.len()];
    for (rank, (index, test)) in order.into_iter().enumerate() {
        if test.chance > RISK / (tested - rank) as f64 {
            break;
        }
        slower[index] = true;
    }
    Certain { slower, tested, can_tell }
}

/// Rounds on each side by which one of so many quantities could be called slower.
pub(super) fn rounds_needed(tested: usize) -> usize {
    let enough = |rounds: &usize| at_least(rounds * rounds, *rounds, *rounds) <= RISK / tested.max(1) as f64;
    (LEAST_ROUNDS..MOST_ROUNDS).find(enough).unwrap_or(MOST_ROUNDS)
}

/// How likely so many pairs of one of `a` and one of `b` have the second beyond the first, where both are alike.
fn at_least(pairs: usize, a: usize, b: usize) -> f64 {
    if a * b > EXACT {
        return normal_above(pairs as f64, a as f64, b as f64);
    }
    let ways = ways(a, b);
    let all: f64 = ways.iter().sum();
    ways.iter().skip(pairs).sum::<f64>() / all
}

/// For each number of such pairs, how many of the orders of all rounds have it: the coefficients of the Gaussian binomial, built up
/// factor by factor. They are whole and small enough to be exact.
fn ways(a: usize, b: usize) -> Vec<f64> {
    let mut ways = vec![0.0; a * b + 1];
    ways[0] = 1.0;
    for factor in 1..=b {
        for pairs in (a + factor..ways.len()).rev() {
            ways[pairs] -= ways[pairs - a - factor];
        }
        for pairs in factor..ways.len() {
            ways[pairs] += ways[pairs - factor];
        }
    }
    ways
}

/// With Wilcoxon's mean and deviation. Half of `exp(-z²/2)` bounds the normal tail from above: the safe side.
fn normal_above(pairs: f64, a: f64, b: f64) -> f64 {
    let deviation = (a * b * (a + b + 1.0) / 12.0).sqrt();
    let z = (pairs - 0.5 - a * b / 2.0) / deviation;
    if z <= 0.0 {
        return 1.0;
    }
    (0.5 * (-z * z / 2.0).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(count: usize, value: f64) -> Vec<f64> {
        (0..count).map(|round| value + round as f64).collect()
    }

    #[test]
    fn orders_are_counted_exactly() {
        assert_eq!(ways(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
        assert_eq!(ways(5, 5).iter().sum::<f64>(), 252.0);
        assert_eq!(ways(20, 20).iter().sum::<f64>(), 137_846_528_820.0);
        assert_eq!(at_least(25, 5, 5), 1.0 / 252.0);
        assert_eq!(at_least(0, 7, 5), 1.0);
        assert!(at_least(441, 21, 21) < 1e-6 && at_least(220, 21, 21) > 0.4);
    }

    #[test]
    fn only_what_is_beyond_the_margin_counts_and_only_the_worse_way() {
        let chance =
            |quantity: Quantity, b: f64| test(&quantity, &rounds(7, 1_000.0), &rounds(7, b), 0.03).unwrap().chance;
        assert!(chance(Quantity::P50Micros, 1_050.0) < 0.001);
        assert!(chance(Quantity::P50Micros, 1_020.0) > 0.9);
        assert!(chance(Quantity::P50Micros, 900.0) > 0.9);
        assert!(chance(Quantity::AnswersPerSecond, 900.0) < 0.001);
        assert!(chance(Quantity::AnswersPerSecond, 1_100.0) > 0.9);
        assert_eq!(test(&Quantity::P50Micros, &rounds(4, 1.0), &rounds(9, 9.0), 0.03), None);
    }

    #[test]
    fn the_more_are_looked_at_the_more_it_takes() {
        let slower = test(&Quantity::P50Micros, &rounds(5, 1_000.0), &rounds(5, 2_000.0), 0.03);
        let same = test(&Quantity::P50Micros, &rounds(5, 1_000.0), &rounds(5, 1_000.0), 0.03);
        let few = holm(&[slower, None, same]);
        assert_eq!((few.slower, few.tested, few.can_tell), (vec![true, false, false], 2, true));
        let mut many = vec![same; 100];
        many.push(slower);
        let many = holm(&many);
        assert!(!many.can_tell && many.slower.iter().all(|slower| !slower));
        assert_eq!((rounds_needed(2), rounds_needed(101)), (5, 7));
        assert!(!holm(&[None]).can_tell);
    }
}
