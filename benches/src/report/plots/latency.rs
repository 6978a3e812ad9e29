//! Distributions of latency: the share answered within a time, and the tail by percentile.

use std::collections::BTreeMap;

use super::{linear, log, shown};
use crate::report::plot::{Axis, Ink, Plot, Series};
use crate::report::select::{pooled, Case, How};
use crate::report::words;
use crate::results::{Mode, Phase, Results, Topology};

/// The load at which a tail tells most, first.
const HOWS: [How; 5] =
    [How::Open(Phase::Eighty), How::Open(Phase::Half), How::Open(Phase::Minimal), How::Serial, How::Closed(1)];
/// Points of a curve; more could not be seen.
const POINTS: usize = 160;

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let cases = shown(results, &[Topology::Single]);
    let of =
        |case: &Case| Load::chosen(results, case).into_iter().flat_map(|load| both(case, &load)).collect::<Vec<_>>();
    cases.iter().flat_map(of).flatten().collect()
}

type Buckets = BTreeMap<u64, u64>;
type Curve = fn(&Buckets) -> Vec<(f64, f64)>;

/// Modes that were measured at one load, each with all its rounds' latencies.
struct Load {
    how: How,
    requests: u64,
    modes: Vec<(Mode, Buckets)>,
}

impl Load {
    /// The load at which most modes can be compared; and the OK load, if that is another one.
    fn chosen(results: &Results, case: &Case) -> Vec<Self> {
        let mut all: Vec<Self> = HOWS.into_iter().map(|how| Self::of(results, case, how)).collect();
        all.retain(|load| load.modes.len() > 1);
        let most = all.iter().map(|load| load.modes.len()).max();
        let first = all.iter().position(|load| Some(load.modes.len()) == most);
        let ok = all.iter().position(|load| matches!(load.how, How::Open(Phase::Eighty | Phase::Half)));
        let mut number = 0;
        all.retain(|_| {
            number += 1;
            Some(number - 1) == first || Some(number - 1) == ok
        });
        all
    }

    fn name(&self) -> String {
        match self.how {
            How::Serial => "serial".to_owned(),
            How::Closed(threads) => format!("threads: {threads}"),
            How::Open(phase) => words::phase(phase).to_owned(),
        }
    }

    fn of(results: &Results, case: &Case, how: How) -> Self {
        let of = |mode| (mode, pooled(case.driven(results, mode, how).into_iter().map(|run| &run.latency)));
        let modes: Vec<_> = Mode::ALL.map(of).into_iter().filter(|(_, buckets)| !buckets.is_empty()).collect();
        Self { how, requests: modes.iter().map(|(_, buckets)| count(buckets)).sum(), modes }
    }

    fn series(&self, case: &Case, curve: Curve) -> Vec<Series> {
        let of = |(mode, buckets): &(Mode, Buckets)| {
            Series::new(words::mode(case.app, *mode), Ink::of(*mode), curve(buckets)).unmarked()
        };
        self.modes.iter().map(of).collect()
    }
}

fn count(buckets: &Buckets) -> u64 {
    buckets.values().sum()
}

fn both(case: &Case, load: &Load) -> [Option<Plot>; 2] {
    let said = said(case, load);
    let fewest = load.modes.iter().map(|(_, buckets)| count(buckets)).min().unwrap_or(0);
    let tail = |_: &[f64]| Axis::tail("percentile", fewest);
    let shares = load.series(case, cdf).into_iter().map(Series::positive).collect();
    let tails = load.series(case, percentiles).into_iter().map(Series::high).collect();
    let share_caption = format!("Share of requests answered within a time; the farther left, the faster. {said}");
    let tail_caption = format!("The slowest requests: each further nine takes the same room. {said}");
    let of = |what: &str, caption| (format!("{}, {}: {what}", case.title(), load.name()), caption);
    let (latency, answered) = (log("latency, ms"), linear("answered, %"));
    [
        Plot::of(of("latency", share_caption), (&latency, &answered), shares, Vec::new()),
        Plot::of(of("percentiles", tail_caption), (&tail, &latency), tails, Vec::new()),
    ]
}

fn said(case: &Case, load: &Load) -> String {
    let how = match load.how {
        How::Open(phase) => format!("Open loop, {}: latency counts from when a request was due", words::phase(phase)),
        How::Closed(threads) => format!("Closed loop, threads: {threads}"),
        How::Serial => "Requests one after the other".to_owned(),
    };
    format!("{how}; {}; {} requests, rounds pooled.", case.setting(), words::thousands(load.requests as f64))
}

/// Milliseconds, and how many were answered by then.
fn cumulated(buckets: &Buckets) -> impl Iterator<Item = (f64, u64)> + '_ {
    buckets.iter().scan(0, |so_far, (micros, count)| {
        *so_far += count;
        Some((*micros as f64 / 1e3, *so_far))
    })
}

/// Milliseconds, and the percentage answered by then.
fn cdf(buckets: &Buckets) -> Vec<(f64, f64)> {
    let total = count(buckets) as f64;
    let points = cumulated(buckets).map(|(millis, so_far)| (millis, 100.0 * so_far as f64 / total));
    thin(points.collect(), |point| point.1 / 100.0)
}

/// Quantile, and the milliseconds that so many did not exceed. The last value stands at the end of the axis.
fn percentiles(buckets: &Buckets) -> Vec<(f64, f64)> {
    let total = count(buckets);
    let last = 1.0 - 1.0 / total.max(2) as f64;
    let points = cumulated(buckets).map(|(millis, so_far)| ((so_far as f64 / total as f64).min(last), millis));
    thin(points.collect(), |point| -(1.0 - point.0).log10() / (total.max(2) as f64).log10())
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
        let buckets: Buckets = (1..100_000).map(|value| (value, 1)).collect();
        for points in [cdf(&buckets), percentiles(&buckets)] {
            assert!(points.len() <= POINTS + 2, "{}", points.len());
        }
        assert_eq!(cdf(&buckets).last().unwrap().1, 100.0);
    }

    #[test]
    fn where_some_modes_were_run_at_ok_load_both_loads_are_shown() {
        let mut results = sample::results();
        let pair = [Mode::Null, Mode::Splashdam];
        results.api.retain(|run| How::from(run.drive) == How::Serial || pair.contains(&run.mode));
        let plots = plots(&results);
        assert_eq!(plots.len(), 24);
        assert_eq!([plots[0].series.len(), plots[2].series.len()], [2, 6], "{} {}", plots[0].title, plots[2].title);
    }

    #[test]
    fn each_operation_of_each_app_has_both_with_a_line_a_mode() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), 12, "{:?}", plots.iter().map(|plot| &plot.title).collect::<Vec<_>>());
        assert!(plots.iter().all(|plot| plot.series.len() == 6 && plot.caption.contains("requests, rounds pooled")));
        assert!(plots[0].series.iter().any(|series| series.name == "Watchtower sync"));
    }
}
