//! Throughput against latency, for all modes: figures at one load are not comparable, curves are.

use std::collections::BTreeMap;

use super::{linear, log, shown};
use crate::report::plot::{Ink, Plot, Series};
use crate::report::select::{of_all_due, per_second, Case};
use crate::report::stats::median;
use crate::report::words;
use crate::results::{ApiRun, Drive, Mode, Phase, Results, Topology};

type Value = fn(&ApiRun) -> f64;

const QUANTILES: [(&str, Value); 2] =
    [("p50", |run| of_all_due(run, 0.5, run.latency.p50)), ("p99", |run| of_all_due(run, 0.99, run.latency.p99))];

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let cases = shown(results, &[Topology::Single, Topology::Chain, Topology::Tree]);
    let of = |case: &Case| QUANTILES.map(|(name, value)| plot(results, case, name, value));
    cases.iter().flat_map(of).flatten().collect()
}

fn plot(results: &Results, case: &Case, name: &str, value: Value) -> Option<Plot> {
    let of = |mode: Mode| {
        let points = curve(&case.runs(results, mode), value);
        Series::new(words::mode(case.app, mode), Ink::of(mode), points).high()
    };
    let series: Vec<Series> = Mode::ALL.into_iter().map(of).filter(|series| series.points.len() > 1).collect();
    let caption = format!(
        "Each point is a constant rate offered for a while (open loop, latency from when a request was due): how many were \
         answered, and how late; what was not answered well counts as 5 s at least. A line that turns upwards has reached its \
         maximum. {}; medians of rounds.",
        case.setting()
    );
    let title = format!("{}: throughput and {name}", case.title());
    let y = format!("{name}, ms");
    let log_y = |values: &[f64]| log("")(values).titled(&y);
    Plot::of((title, caption), (&linear("answered a second"), &log_y), series, Vec::new())
}

/// For each rate offered, in order: the rate reached and the milliseconds.
fn curve(runs: &[&ApiRun], value: Value) -> Vec<(f64, f64)> {
    let mut rates: BTreeMap<u64, Vec<&ApiRun>> = BTreeMap::new();
    // A rung at which nothing was answered has no latency.
    for run in runs.iter().filter(|run| run.requests > 0) {
        if let Drive::Open { rate, phase: Phase::Ladder | Phase::Minimal } = run.drive {
            rates.entry((1e3 * rate).round() as u64).or_default().push(run);
        }
    }
    let point = |runs: &Vec<&ApiRun>| {
        let of = |value: &dyn Fn(&ApiRun) -> f64| median(&runs.iter().map(|run| value(run)).collect::<Vec<_>>());
        Some((of(&per_second)?, of(&value)? / 1e3))
    };
    rates.values().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn points_follow_the_rate_offered_also_where_less_is_reached() {
        let run = |rate, requests, p50| {
            let mut run = sample::api_run();
            run.drive = Drive::Open { rate, phase: Phase::Ladder };
            (run.per_second, run.latency.p50) = (requests as f64 / 10.0, p50);
            run
        };
        let runs =
            [run(300.0, 1_500, 90_000), run(100.0, 1_000, 1_000), run(200.0, 1_800, 5_000), run(100.0, 1_000, 3_000)];
        let points = curve(&runs.iter().collect::<Vec<_>>(), |run| run.latency.p50 as f64);
        assert_eq!(points, [(100.0, 2.0), (180.0, 5.0), (150.0, 90.0)]);
    }

    #[test]
    fn every_case_with_a_ladder_has_both_quantiles() {
        let plots = plots(&sample::results());
        let titles: Vec<_> = plots.iter().map(|plot| plot.title.as_str()).collect();
        assert!(titles.contains(&"Django, sysconfig: throughput and p50"), "{titles:?}");
        assert!(titles.contains(&"Rust (axum), sysconfig, chain of three: throughput and p99"), "{titles:?}");
    }
}
