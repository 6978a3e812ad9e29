//! What one mode takes beyond another, and what such a difference must exceed to be seen.

use super::pooled;
use crate::report::stats::{self, Interval};
use crate::results::{ApiRun, TaskRun};

/// A figure of one mode less the same of another, with its interval; and how many times as much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Added {
    pub(in crate::report) base: f64,
    pub(in crate::report) by: Interval,
    pub(in crate::report) times: f64,
    pub(in crate::report) rounds: usize,
    /// How far values that should be alike lie apart, where that was looked at: what a difference must exceed to be seen in a few
    /// rounds.
    pub(in crate::report) scatter: Option<f64>,
}

impl Added {
    /// None, where it can be told from nothing.
    pub(in crate::report) fn is_unseen(&self) -> bool {
        if self.rounds >= stats::LEAST_ROUNDS {
            return self.by.holds(0.0);
        }
        self.scatter.is_some_and(|scatter| self.by.middle.abs() <= scatter)
    }
}

/// How far the middle four fifths of a run's requests reach, or else the medians of its rounds: the widest of any mode compared.
pub(in crate::report) fn scatter_of_requests(modes: &[Vec<&ApiRun>]) -> Option<f64> {
    let of = |runs: &Vec<&ApiRun>| {
        let rounds = stats::range(runs.iter().map(|run| run.latency.p50 as f64))?;
        let buckets = pooled(runs.iter().map(|run| &run.latency));
        let [low, high] = [0.1, 0.9].map(|share| stats::quantile_of_all(share, std::iter::once(&buckets)));
        Some(rounds.max(high? - low?))
    };
    modes.iter().filter_map(of).reduce(f64::max)
}

/// How far the wall times of a mode's requests lie apart, in microseconds.
pub(in crate::report) fn scatter_of_tasks(modes: &[Vec<&TaskRun>]) -> Option<f64> {
    let of = |runs: &Vec<&TaskRun>| stats::range(runs.iter().flat_map(|run| run.request_seconds.iter().copied()));
    modes.iter().filter_map(of).reduce(f64::max).map(|seconds| 1e6 * seconds)
}

pub(in crate::report) fn added(pairs: &[(f64, f64)], seed: u64) -> Option<Added> {
    let base = stats::median(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>())?;
    let times = stats::ratio_of_medians(pairs, seed).map_or(f64::NAN, |ratio| ratio.middle);
    Some(Added { base, by: stats::difference(pairs, seed)?, times, rounds: pairs.len(), scatter: None })
}
