//! The maximum throughput: the highest rate reached at which the server still kept up.

use std::collections::BTreeMap;

use super::select::per_second;
use crate::results::{ApiRun, Drive};

/// A server keeps up while it answers so much of what is offered.
const KEEPS_UP: f64 = 0.95;

/// For each round: the highest rate reached in an open-loop run that answered at least 95 % of what it offered. A round
/// without such a run takes its closed loops instead, whose clients wait for their answers and so never offer more than is
/// answered. Methods are not mixed within a round.
pub(super) fn maximum_throughput(runs: &[&ApiRun]) -> BTreeMap<u32, f64> {
    let best = |rate: &dyn Fn(&ApiRun) -> Option<f64>| {
        let mut rounds: BTreeMap<u32, f64> = BTreeMap::new();
        for (round, rate) in runs.iter().filter_map(|run| Some((run.round, rate(run)?))) {
            let so_far = rounds.entry(round).or_default();
            *so_far = so_far.max(rate);
        }
        rounds
    };
    let mut rounds = best(&|run| matches!(run.drive, Drive::Closed { .. }).then(|| per_second(run)));
    rounds.extend(best(&|run| match run.drive {
        Drive::Open { rate, .. } if per_second(run) >= KEEPS_UP * rate => Some(per_second(run)),
        _ => None,
    }));
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::results::Phase;

    fn run(round: u32, drive: Drive, requests: u64) -> ApiRun {
        ApiRun { round, drive, requests, seconds: 10.0, per_second: requests as f64 / 10.0, ..sample::api_run() }
    }

    #[test]
    fn overload_does_not_count_and_open_loops_go_before_closed_ones() {
        let open = |rate, requests| run(1, Drive::Open { rate, phase: Phase::Ladder }, requests);
        let runs = [
            open(100.0, 1_000),
            open(200.0, 1_950),
            // Answers more than the rung before, and yet does not keep up.
            open(400.0, 2_500),
            run(1, Drive::Closed { threads: 8 }, 4_000),
            run(2, Drive::Closed { threads: 8 }, 3_000),
            run(2, Drive::Closed { threads: 20 }, 2_800),
            run(3, Drive::Serial { requests: 500 }, 500),
        ];
        let rounds = maximum_throughput(&runs.iter().collect::<Vec<_>>());
        assert_eq!(rounds.into_iter().collect::<Vec<_>>(), [(1, 195.0), (2, 300.0)]);
    }
}
