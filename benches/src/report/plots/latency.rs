//! Distributions of latency: the share answered within a time, and the tail by percentile.

use std::collections::BTreeMap;

use super::{linear, log, shown};
use crate::report::plot::{Axis, Ink, Plot, Series};
use crate::report::select::{pooled, Case, How};
use crate::report::words;
use crate::results::{ApiRun, Mode, Phase, Results, Topology};

/// The load at which a tail tells most, first.
const HOWS: [How; 5] =
    [How::Open(Phase::Eighty), How::Open(Phase::Half), How::Open(Phase::Minimal), How::Serial, How::Closed(1)];
/// Points of a curve; more could not be seen.
const POINTS: usize = 160;

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    shown(results, &[Topology::Single]).iter().flat_map(|case| of_case(results, case)).flatten().collect()
}

fn of_case(results: &Results, case: &Case) -> [Option<Plot>; 2] {
    let runs = |mode, how| case.driven(results, mode, how);
    let several = |how: &How| Mode::ALL.iter().filter(|mode| !runs(**mode, *how).is_empty()).count() > 1;
    let Some(how) = HOWS.into_iter().find(several) else { return [None, None] };
    let modes: Vec<_> =
        Mode::ALL.into_iter().map(|mode| (mode, runs(mode, how))).filter(|(_, runs)| !runs.is_empty()).collect();
    let all: Vec<&ApiRun> = modes.iter().flat_map(|(_, runs)| runs).copied().collect();
    let said = said(case, how, &all);
    let curve = |points: fn(&BTreeMap<u64, u64>) -> Vec<(f64, f64)>| -> Vec<Series> {
        let of = |(mode, runs): &(Mode, Vec<&ApiRun>)| {
            let buckets = pooled(runs.iter().map(|run| &run.latency));
            Series::new(words::mode(case.app, *mode), Ink::of(*mode), points(&buckets)).unmarked()
        };
        modes.iter().map(of).collect()
    };
    let fewest = modes.iter().map(|(_, runs)| runs.iter().map(|run| run.latency.count).sum::<u64>()).min().unwrap_or(0);
    let tail = |_: &[f64]| Axis::tail("percentile", fewest);
    let cdf = curve(cdf).into_iter().map(Series::positive).collect();
    let cdf_caption = format!("Share of requests answered within a time; the farther left, the faster. {said}");
    let tail_caption = format!("The slowest requests: each further nine takes the same room. {said}");
    [
        Plot::of(
            (format!("{}: latency", case.title()), cdf_caption),
            (&log("latency, ms"), &linear("answered, %")),
            cdf,
            Vec::new(),
        ),
        Plot::of(
            (format!("{}: percentiles", case.title()), tail_caption),
            (&tail, &log("latency, ms")),
            curve(percentiles).into_iter().map(Series::high).collect(),
            Vec::new(),
        ),
    ]
}

fn said(case: &Case, how: How, runs: &[&ApiRun]) -> String {
    let requests: u64 = runs.iter().map(|run| run.latency.count).sum();
    let load = match how {
        How::Open(phase) => format!("{}, open loop: latency counts from when a request was due", words::phase(phase)),
        How::Closed(threads) => format!("{threads} threads, closed loop"),
        How::Serial => "Requests one after the other".to_owned(),
    };
    let mut load = load;
    if let Some(first) = load.get(..1) {
        load = format!("{}{}", first.to_uppercase(), &load[1..]);
    }
    format!("{load}; {}; {} requests, rounds pooled.", case.setting(), words::thousands(requests as f64))
}

/// Milliseconds, and the percentage answered by then.
fn cdf(buckets: &BTreeMap<u64, u64>) -> Vec<(f64, f64)> {
    let total: u64 = buckets.values().sum();
    let mut so_far = 0;
    let points: Vec<_> = buckets
        .iter()
        .map(|(micros, count)| {
            so_far += count;
            (*micros as f64 / 1e3, 100.0 * so_far as f64 / total as f64)
        })
        .collect();
    thin(points, |point| point.1 / 100.0)
}

/// Quantile, and the milliseconds that so many did not exceed. The last value stands at the end of the axis.
fn percentiles(buckets: &BTreeMap<u64, u64>) -> Vec<(f64, f64)> {
    let total: u64 = buckets.values().sum();
    let mut so_far = 0;
    let points: Vec<_> = buckets
        .iter()
        .map(|(micros, count)| {
            so_far += count;
            ((so_far as f64 / total as f64).min(1.0 - 1.0 / total.max(2) as f64), *micros as f64 / 1e3)
        })
        .collect();
    thin(points, |point| -(1.0 - point.0).log10() / (total.max(2) as f64).log10())
}

/// Keeps a point wherever the curve has gone on by its share of the way; and both ends.
fn thin(points: Vec<(f64, f64)>, way: impl Fn(&(f64, f64)) -> f64) -> Vec<(f64, f64)> {
    let last = points.len().saturating_sub(1);
    let mut kept = Vec::new();
    let mut next = f64::NEG_INFINITY;
    for (index, point) in points.into_iter().enumerate() {
        if way(&point) >= next || index == last {
            next = way(&point) + 1.0 / POINTS as f64;
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn curves_rise_to_the_end() {
        let buckets = BTreeMap::from([(1_000, 50), (2_000, 49), (9_000, 1)]);
        assert_eq!(cdf(&buckets), [(1.0, 50.0), (2.0, 99.0), (9.0, 100.0)]);
        assert_eq!(percentiles(&buckets), [(0.5, 1.0), (0.99, 2.0), (0.99, 9.0)]);
    }

    #[test]
    fn a_curve_has_a_bound_and_keeps_its_ends() {
        let buckets: BTreeMap<u64, u64> = (1..100_000).map(|value| (value, 1)).collect();
        for points in [cdf(&buckets), percentiles(&buckets)] {
            assert!(points.len() <= POINTS + 2, "{}", points.len());
        }
        assert_eq!(cdf(&buckets).last().unwrap().1, 100.0);
    }

    #[test]
    fn each_operation_of_each_app_has_both_with_a_line_a_mode() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), 12, "{:?}", plots.iter().map(|plot| &plot.title).collect::<Vec<_>>());
        assert!(plots.iter().all(|plot| plot.series.len() == 6 && plot.caption.contains("requests, rounds pooled")));
        assert!(plots[0].series.iter().any(|series| series.name == "Watchtower sync"));
    }
}
