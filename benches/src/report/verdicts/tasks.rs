//! The goal of the task workload.

use super::{within, Verdict};
use crate::report::select::{by_round, headline_remote, mean_seconds, paired, task_cases, TaskCase};
use crate::report::stats;
use crate::results::{Mode, Results};

const MARGIN: f64 = 0.03;

pub(super) fn verdicts(results: &Results) -> Vec<Verdict> {
    let Some(remote) = headline_remote(results) else { return Vec::new() };
    task_cases(results).iter().filter_map(|case| splashdam(results, case, &remote)).collect()
}

fn splashdam(results: &Results, case: &TaskCase, remote: &str) -> Option<Verdict> {
    let rounds = |mode| by_round(case.runs(results, mode, remote), |run| run.round, mean_seconds);
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let (outcome, measured) = within(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), MARGIN);
    Some(Verdict {
        goal: "task request within ±3 % of null".to_owned(),
        column: None,
        of: case.title(),
        outcome,
        rounds: pairs.len(),
        measured,
    })
}
