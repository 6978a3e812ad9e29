//! The maximum throughput: the highest rate at which answers come.

use std::collections::BTreeMap;

use super::select::per_second;
use crate::results::{ApiRun, Drive, Part, Phase};

/// A server keeps up while it answers so much of what is offered.
const KEEPS_UP: f64 = 0.95;

/// For each round: the highest rate of its closed loops, whose clients wait for their answers and so never offer more than is
/// answered. A round without any takes the highest rung of its ladder at which at least 95 % of what was offered was answered.
/// Where null and splashdam were run in pairs, nothing else counts. Methods are not mixed within a round, and runs at OK load say nothing about a maximum.
pub(super) fn maximum_throughput(runs: &[&ApiRun]) -> BTreeMap<u32, f64> {
    // Only runs of one part were made beside each other.
    let pairs = runs.iter().any(|run| run.part == Part::Pairs);
    let runs = || runs.iter().filter(|run| (run.part == Part::Pairs) == pairs);
    let best = |rate: &dyn Fn(&ApiRun) -> Option<f64>| {
        let mut rounds: BTreeMap<u32, f64> = BTreeMap::new();
        for (round, rate) in runs().filter_map(|run| Some((run.round, rate(run)?))) {
            let so_far = rounds.entry(round).or_default();
            *so_far = so_far.max(rate);
        }
        rounds
    };
    let mut rounds = best(&|run| match run.drive {
        Drive::Open { rate, phase: Phase::Ladder } if per_second(run) >= KEEPS_UP * rate => Some(per_second(run)),
        _ => None,
    });
    rounds.extend(best(&|run| matches!(run.drive, Drive::Closed { .. }).then(|| per_second(run))));
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn run(round: u32, drive: Drive, per_second: f64) -> ApiRun {
        ApiRun { round, drive, per_second, ..sample::api_run() }
    }

    #[test]
    fn overload_and_ok_load_do_not_count_and_closed_loops_go_before_ladders() {
        let open = |round, rate, phase, reached| run(round, Drive::Open { rate, phase }, reached);
        let runs = [
            open(1, 100.0, Phase::Ladder, 100.0),
            open(1, 200.0, Phase::Ladder, 195.0),
            // Answers more than the rung before, and yet does not keep up.
            open(1, 400.0, Phase::Ladder, 250.0),
            run(2, Drive::Closed { threads: 8 }, 300.0),
            run(2, Drive::Closed { threads: 20 }, 280.0),
            open(2, 400.0, Phase::Ladder, 400.0),
            open(3, 500.0, Phase::Half, 500.0),
            run(3, Drive::Serial { requests: 500 }, 50.0),
        ];
        let rounds = maximum_throughput(&runs.iter().collect::<Vec<_>>());
        assert_eq!(rounds.into_iter().collect::<Vec<_>>(), [(1, 195.0), (2, 300.0)]);
    }
}
