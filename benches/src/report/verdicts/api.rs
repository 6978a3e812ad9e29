//! Goals of the API workload: latency at OK load, maximum throughput; and whether `sync` costs what the document saw.

use super::{at_least, within, Outcome, Verdict};
use crate::report::headline;
use crate::report::maximum::maximum_throughput;
use crate::report::select::{added, by_round, headline_remote, paired, usual_query_ms, Case, How};
use crate::report::stats;
use crate::report::words;
use crate::results::{ApiRun, App, Mode, Operation, Phase, Results, Topology};

const OPERATIONS: [Operation; 3] = [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown];
type Quantile = (&'static str, f64, fn(&ApiRun) -> f64);
const QUANTILES: [Quantile; 2] =
    [("p50", 0.01, |run| run.latency.p50 as f64), ("p99", 0.03, |run| run.latency.p99 as f64)];
const MAXIMUM: f64 = 0.97;

pub(super) fn verdicts(results: &Results) -> Vec<Verdict> {
    let Some(remote) = headline_remote(results) else { return Vec::new() };
    let query_ms = usual_query_ms(results);
    let mut all = Vec::new();
    for app in [App::Python, App::Rust] {
        for operation in OPERATIONS {
            let case = Case { app, operation, topology: Topology::Single, query_ms, remote: remote.clone() };
            for phase in [Phase::Half, Phase::Eighty] {
                all.extend(QUANTILES.into_iter().filter_map(|quantile| latency(results, &case, phase, quantile)));
            }
            all.extend(maximum(results, &case));
            all.extend(sync(results, &case));
        }
    }
    all
}

fn latency(results: &Results, case: &Case, phase: Phase, (name, margin, of): Quantile) -> Option<Verdict> {
    let rounds = |mode| by_round(case.driven(results, mode, How::Open(phase)), |run| run.round, of);
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let (outcome, measured) = within(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), margin);
    let goal = format!("{name} within ±{:.0} % of null", 100.0 * margin);
    Some(Verdict { goal, of: format!("{}, {}", case.title(), words::phase(phase)), outcome, measured })
}

fn maximum(results: &Results, case: &Case) -> Option<Verdict> {
    let rounds = |mode| maximum_throughput(&case.runs(results, mode));
    let pairs = paired(&rounds(Mode::Null), &rounds(Mode::Splashdam));
    let (outcome, measured) = at_least(stats::ratio_of_medians(&pairs, results.seed)?, pairs.len(), MAXIMUM);
    Some(Verdict { goal: "maximum throughput ≥ 97 % of null".to_owned(), of: case.title(), outcome, measured })
}

/// The document's cost of synchronous logging is a difference; its remote was another one, and farther away.
fn sync(results: &Results, case: &Case) -> Option<Verdict> {
    let (with, without) = case.operation.seed_ms()?;
    let document = 1e3 * (with - without);
    let how = headline::how(results, case)?;
    let rounds = |mode| by_round(case.driven(results, mode, how), |run| run.round, |run| run.latency.p50 as f64);
    let cost = added(&paired(&rounds(Mode::Null), &rounds(Mode::Sync)), results.seed)?;
    let outcome = match cost.by {
        interval if interval.low >= document => Outcome::Met,
        interval if interval.high < document => Outcome::Missed,
        _ => Outcome::Inconclusive,
    };
    let [middle, low, high] =
        [cost.by.middle, cost.by.low, cost.by.high].map(|micros| words::signed(micros, words::ms));
    let measured = format!("{middle} ({low} to {high}); the document: {}", words::signed(document, words::ms));
    Some(Verdict { goal: "sync costs what the document saw, or more".to_owned(), of: case.title(), outcome, measured })
}
