//! Closed loops by the number of threads, beside the document's.

use std::collections::{BTreeMap, BTreeSet};

use super::{linear, log, shown};
use crate::report::document;
use crate::report::plot::{Ink, Plot, Series};
use crate::report::select::{per_second, Case, How};
use crate::report::stats::median;
use crate::report::words;
use crate::results::{ApiRun, Mode, Operation, Results, Topology};

/// The document's sweep asked for `concurrent` of a known identity.
pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let cases = shown(results, &[Topology::Single]);
    let known = cases.iter().filter(|case| case.operation == Operation::ConcurrentKnown);
    known.flat_map(|case| [throughput(results, case), latency(results, case)]).flatten().collect()
}

fn throughput(results: &Results, case: &Case) -> Option<Plot> {
    let mut series = by_mode(results, case, &|run| 60.0 * per_second(run))?;
    let document = document::PARALLEL.iter().map(|row| (f64::from(row.threads), row.per_minute / document::PODS));
    series.push(Series::new("the document", Ink::document(), document.collect()));
    let caption = format!(
        "Requests answered a minute and pod, each thread asking again as soon as it is answered. Ours is one pod; the \
         document's numbers, another machine's and database's, are halved for its two. {}; medians of rounds.",
        case.setting()
    );
    let title = format!("{}: throughput by threads", case.title());
    Plot::of((title, caption), (&linear("threads"), &log("requests a minute and pod")), series, Vec::new())
}

fn latency(results: &Results, case: &Case) -> Option<Plot> {
    let mut series = by_mode(results, case, &|run| run.latency.p50 as f64 / 1e3)?;
    let document = document::PARALLEL.iter().map(|row| (f64::from(row.threads), row.median_ms));
    series.push(Series::new("the document", Ink::document(), document.collect()));
    let caption = format!(
        "Median latency of the same runs. The document's threads shared two pods. {}; medians of rounds.",
        case.setting()
    );
    let title = format!("{}: median by threads", case.title());
    Plot::of((title, caption), (&linear("threads"), &log("median, ms")), series, Vec::new())
}

/// None where no mode was driven by more than one number of threads: the document alone is no plot of ours.
fn by_mode(results: &Results, case: &Case, value: &dyn Fn(&ApiRun) -> f64) -> Option<Vec<Series>> {
    let of = |mode: Mode| {
        let point = |threads: &u32| {
            let runs = case.driven(results, mode, How::Closed(*threads));
            Some((f64::from(*threads), median(&runs.iter().map(|run| value(run)).collect::<Vec<_>>())?))
        };
        let points = threads(results, case).iter().filter_map(point).collect();
        Series::new(words::mode(case.app, mode), Ink::of(mode), points).high()
    };
    let series: Vec<_> = Mode::ALL.into_iter().map(of).filter(|series| series.points.len() > 1).collect();
    (!series.is_empty()).then_some(series)
}

/// The numbers of threads of the sweep, ascending. What drove fewer modes than the others was no part of it.
pub(in crate::report) fn threads(results: &Results, case: &Case) -> Vec<u32> {
    let mut driven: BTreeMap<u32, BTreeSet<Mode>> = BTreeMap::new();
    for run in Mode::ALL.into_iter().flat_map(|mode| case.runs(results, mode)) {
        if let How::Closed(threads) = How::from(run.drive) {
            driven.entry(threads).or_default().insert(run.mode);
        }
    }
    let most = driven.values().map(BTreeSet::len).max().unwrap_or(0);
    driven.into_iter().filter(|(_, modes)| modes.len() == most).map(|(threads, _)| threads).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_document_stands_beside_runs_and_never_alone() {
        let mut results = sample::results();
        let drawn = plots(&results);
        assert_eq!(drawn.len(), 4);
        assert!(drawn.iter().all(|plot| plot.series.last().unwrap().name == "the document" && plot.series.len() > 3));
        results.api.retain(|run| !matches!(How::from(run.drive), How::Closed(_)));
        assert!(plots(&results).is_empty());
    }
}
