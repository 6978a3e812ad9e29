//! Goals of the API workload: latency at OK load, maximum throughput; and whether `sync` costs what the document saw.

use super::{at_least, within, Outcome, Verdict};
use crate::report::headline;
use crate::report::maximum::maximum_throughput;
use crate::report::select::{
    added, all_due_by_round, by_round, headline_remote, of_all_due, paired, usual_query_ms, Case, How,
};
use crate::report::stats::{self, Buckets};
use crate::report::words;
use crate::results::{ApiRun, App, Mode, Operation, Part, Phase, Results, Topology};

const OPERATIONS: [Operation; 3] = [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown];
const MAXIMUM: f64 = 0.97;
const MAXIMUM_COLUMN: &str = "maximum ≥ 97 %";
const SYNC_COLUMN: &str = "sync ≥ document's cost";

/// A goal for a quantile at a load.
struct Latency {
    name: &'static str,
    column: &'static str,
    phase: Phase,
    margin: f64,
    share: f64,
}

const P50: fn(&ApiRun) -> f64 = |run| of_all_due(run, 0.5, run.latency.p50);
/// Fewer requests beyond a quantile say nothing about where it is.
const BEYOND: f64 = 10.0;
const LATENCIES: [Latency; 4] = [
    Latency { name: "p50", column: "p50 ±1 %, half load", phase: Phase::Half, margin: 0.01, share: 0.5 },
    Latency { name: "p99", column: "p99 ±3 %, half load", phase: Phase::Half, margin: 0.03, share: 0.99 },
    Latency { name: "p50", column: "p50 ±1 %, 80 % load", phase: Phase::Eighty, margin: 0.01, share: 0.5 },
    Latency { name: "p99", column: "p99 ±3 %, 80 % load", phase: Phase::Eighty, margin: 0.03, share: 0.99 },
];

/// In the order of the matrix.
pub(super) fn columns() -> Vec<&'static str> {
    LATENCIES.iter().map(|goal| goal.column).chain([MAXIMUM_COLUMN, SYNC_COLUMN]).collect()
}

pub(super) fn verdicts(results: &Results) -> Vec<Verdict> {
    let Some(remote) = headline_remote(results) else { return Vec::new() };
    let query_ms = usual_query_ms(results);
    let mut all = Vec::new();
    for app in [App::Python, App::Rust] {
        for operation in OPERATIONS {
            let case = Case { app, operation, topology: Topology::Single, query_ms, remote: remote.clone() };
            all.extend(LATENCIES.iter().filter_map(|goal| latency(results, &case, goal)));
            all.extend(maximum(results, &case));
            all.extend(sync(results, &case));
        }
    }
    all
}

/// The median of rounds' medians; of what lies farther out, the quantile of all requests of all rounds, since one round holds too
/// few beyond it.
fn latency(results: &Results, case: &Case, goal: &Latency) -> Option<Verdict> {
    let runs = |mode| case.driven(results, mode, How::Open(goal.phase));
    let (rounds, judged) = if goal.share > 0.5 {
        let due = |mode| all_due_by_round(&runs(mode));
        let pairs = paired(&due(Mode::Null), &due(Mode::Splashdam));
        (pairs.len(), far_out(&pairs, goal, results.seed)?)
    } else {
        let rounds = |mode| by_round(runs(mode), |run| run.round, P50);
        let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
        (pairs.len(), within(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), goal.margin))
    };
    let (outcome, measured) = qualified(&runs(Mode::Splashdam), judged);
    let said = format!("{} within ±{:.0} % of null, {}", goal.name, 100.0 * goal.margin, words::phase(goal.phase));
    Some(Verdict { goal: said, column: Some(goal.column), of: case.title(), outcome, rounds, measured })
}

/// A quantile with a handful of requests beyond it is one of these requests: it decides nothing.
fn far_out(pairs: &[(Buckets, Buckets)], goal: &Latency, seed: u64) -> Option<(Outcome, String)> {
    let (outcome, said) = within(stats::ratio_of_quantiles(goal.share, pairs, seed)?, pairs.len(), goal.margin);
    let count = |of: fn(&(Buckets, Buckets)) -> &Buckets| pairs.iter().flat_map(|pair| of(pair).values()).sum::<u64>();
    let requests = count(|pair| &pair.0).min(count(|pair| &pair.1));
    // Ends of tenths and hundredths are not where binary fractions have them.
    let needed = (BEYOND / (1.0 - goal.share)).round() as u64;
    let Some(more) = needed.checked_sub(requests).filter(|more| *more > 0) else { return Some((outcome, said)) };
    let [requests, more] = [requests, more].map(|count| words::thousands(count as f64));
    Some((Outcome::Inconclusive, format!("{said}; {requests} requests, {more} too few")))
}

fn maximum(results: &Results, case: &Case) -> Option<Verdict> {
    let rounds = |mode| maximum_throughput(&case.runs(results, mode));
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let judged = at_least(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), MAXIMUM);
    let closed: Vec<&ApiRun> =
        case.runs(results, Mode::Splashdam).into_iter().filter(|run| run.part == Part::Pairs).collect();
    let (outcome, measured) = qualified(&closed, judged);
    let goal = "maximum throughput ≥ 97 % of null".to_owned();
    Some(Verdict { goal, column: Some(MAXIMUM_COLUMN), of: case.title(), outcome, rounds: pairs.len(), measured })
}

/// Requests that were not answered well have no latency: with any, nothing is met. Where the load generator was late itself, that
/// is said.
fn qualified(runs: &[&ApiRun], (outcome, mut said): (Outcome, String)) -> (Outcome, String) {
    let remarked = runs.iter().filter(|run| !run.remarks.is_empty()).count();
    if remarked > 0 {
        said += &format!("; the load generator was late itself in {remarked} of {} runs", runs.len());
    }
    let failed = runs.iter().map(|run| run.errors).sum::<u64>();
    if failed > 0 {
        said += &format!("; {failed} requests were not answered well");
    }
    let outcome = if failed > 0 && outcome == Outcome::Met { Outcome::Inconclusive } else { outcome };
    (outcome, said)
}

/// The document's cost of synchronous logging is a difference; its remote was another one, and its latency is not told.
fn sync(results: &Results, case: &Case) -> Option<Verdict> {
    let (with, without) = case.operation.seed_ms()?;
    let document = 1e3 * (with - without);
    let how = headline::how(results, case)?;
    let rounds = |mode| by_round(case.driven(results, mode, how), |run| run.round, P50);
    let cost = added(&paired(&rounds(Mode::Null), &rounds(Mode::Sync)), results.seed)?;
    let goal = "sync costs what the document saw, or more".to_owned();
    let of = |outcome, measured| Verdict {
        goal,
        column: Some(SYNC_COLUMN),
        of: case.title(),
        outcome,
        rounds: cost.rounds,
        measured,
    };
    let told = format!("the document: {}", words::signed(document, words::ms));
    let few = cost.rounds < stats::LEAST_ROUNDS;
    if let Some(apart) = apart(results, case, how).filter(|apart| few && *apart >= document) {
        let (middle, apart) = (words::signed(cost.by.middle, words::ms), words::signed(apart, words::ms));
        return Some(of(Outcome::Met, format!("{middle}; its fastest request {apart} over null's p90; {told}")));
    }
    let outcome = match cost.by {
        interval if interval.low >= document => Outcome::Met,
        interval if interval.high < document => Outcome::Missed,
        _ => Outcome::Inconclusive,
    };
    let [middle, low, high] =
        [cost.by.middle, cost.by.low, cost.by.high].map(|micros| words::signed(micros, words::ms));
    let ends = if few { String::new() } else { format!(" ({low} to {high})") };
    Some(of(outcome, format!("{middle}{ends}; {told}")))
}

/// How far all of sync's requests lie above nine of ten of null's: what needs no rounds to be seen.
fn apart(results: &Results, case: &Case, how: How) -> Option<f64> {
    let fastest = case.driven(results, Mode::Sync, how).iter().map(|run| run.latency.min).min()?;
    let slowest = case.driven(results, Mode::Null, how).iter().map(|run| run.latency.p90).max()?;
    Some(fastest as f64 - slowest as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::results::Drive;

    fn p99_at_half(results: &Results) -> Verdict {
        let found = verdicts(results).into_iter().find(|verdict| verdict.column == Some(LATENCIES[1].column));
        found.unwrap()
    }

    fn half(results: &mut Results) -> impl Iterator<Item = &mut ApiRun> {
        results.api.iter_mut().filter(|run| matches!(run.drive, Drive::Open { phase: Phase::Half, .. }))
    }

    /// One request in a hundred, and a few more, of each run.
    fn with_tail(results: &mut Results, mode: Mode, requests: u64, tail: u64) {
        for run in half(results).filter(|run| run.mode == mode) {
            let far = requests.div_ceil(50);
            run.latency.buckets = vec![(10_000 + u64::from(run.round), requests - far), (tail, far)];
        }
    }

    #[test]
    fn a_p99_is_of_the_requests_of_all_rounds() {
        let mut results = sample::results();
        for (tail, outcome) in
            [(20_000, Outcome::Met), (20_400, Outcome::Met), (22_000, Outcome::Missed), (15_000, Outcome::Inconclusive)]
        {
            with_tail(&mut results, Mode::Null, 200, 20_000);
            with_tail(&mut results, Mode::Splashdam, 200, tail);
            let verdict = p99_at_half(&results);
            assert_eq!(verdict.outcome, outcome, "{verdict:?}");
        }
    }

    #[test]
    fn a_p99_of_few_requests_decides_nothing_and_says_how_many_it_takes() {
        let mut results = sample::results();
        with_tail(&mut results, Mode::Null, 200, 20_000);
        with_tail(&mut results, Mode::Splashdam, 150, 40_000);
        let verdict = p99_at_half(&results);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.measured.ends_with("750 requests, 250 too few"), "{verdict:?}");
    }

    #[test]
    fn requests_that_failed_are_in_the_tail() {
        let mut results = sample::results();
        with_tail(&mut results, Mode::Null, 200, 20_000);
        with_tail(&mut results, Mode::Splashdam, 200, 20_000);
        half(&mut results).filter(|run| run.mode == Mode::Splashdam).for_each(|run| run.errors = 3);
        let verdict = p99_at_half(&results);
        assert_eq!(verdict.outcome, Outcome::Missed, "{verdict:?}");
    }
}
