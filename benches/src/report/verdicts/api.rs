//! Goals of the API workload: latency at OK load, maximum throughput; and whether `sync` costs what the document saw.

use super::{at_least, within, Outcome, Verdict};
use crate::report::headline;
use crate::report::maximum::maximum_throughput;
use crate::report::select::{added, by_round, headline_remote, paired, usual_query_ms, Case, How};
use crate::report::stats;
use crate::report::words;
use crate::results::{ApiRun, App, Mode, Operation, Phase, Results, Topology};

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
    of: fn(&ApiRun) -> f64,
}

const P50: fn(&ApiRun) -> f64 = |run| run.latency.p50 as f64;
const P99: fn(&ApiRun) -> f64 = |run| run.latency.p99 as f64;
const LATENCIES: [Latency; 4] = [
    Latency { name: "p50", column: "p50 ±1 %, half load", phase: Phase::Half, margin: 0.01, of: P50 },
    Latency { name: "p99", column: "p99 ±3 %, half load", phase: Phase::Half, margin: 0.03, of: P99 },
    Latency { name: "p50", column: "p50 ±1 %, 80 % load", phase: Phase::Eighty, margin: 0.01, of: P50 },
    Latency { name: "p99", column: "p99 ±3 %, 80 % load", phase: Phase::Eighty, margin: 0.03, of: P99 },
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

fn latency(results: &Results, case: &Case, goal: &Latency) -> Option<Verdict> {
    let rounds = |mode| by_round(case.driven(results, mode, How::Open(goal.phase)), |run| run.round, goal.of);
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let (outcome, measured) = within(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), goal.margin);
    let said = format!("{} within ±{:.0} % of null, {}", goal.name, 100.0 * goal.margin, words::phase(goal.phase));
    Some(Verdict { goal: said, column: Some(goal.column), of: case.title(), outcome, rounds: pairs.len(), measured })
}

fn maximum(results: &Results, case: &Case) -> Option<Verdict> {
    let rounds = |mode| maximum_throughput(&case.runs(results, mode));
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let (outcome, measured) = at_least(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), MAXIMUM);
    let goal = "maximum throughput ≥ 97 % of null".to_owned();
    Some(Verdict { goal, column: Some(MAXIMUM_COLUMN), of: case.title(), outcome, rounds: pairs.len(), measured })
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
