//! The load record: what each rate of offered lines costs, for us and for whatever was put in our place.

use super::log;
use super::outage::ink;
use crate::report::plot::{Axis, Ink, Plot, Series};
use crate::report::stats::median;
use crate::report::verdicts::lost::OURS;
use crate::results::{Condition, LoadRun, Results};

type Value = fn(&LoadRun) -> f64;
/// Title, name of the axis, caption, value, whether the axis is logarithmic.
const PLOTS: [(&str, &str, &str, Value, bool); 4] = [
    (
        "CPU by load",
        "CPU, % of one",
        "CPU time of the shipper over the run, by the kernel.",
        |run| run.cpu_percent,
        true,
    ),
    ("Memory by load", "peak resident, MiB", "Highest resident memory of the run.", |run| run.peak_mib, false),
    (
        "End to end, p99, by load",
        "p99, ms",
        "From when a line was due to be written until the endpoint accepted it: 99 of 100 took no longer.",
        |run| run.end_to_end.p99 as f64 / 1e3,
        true,
    ),
    (
        "Cost of a line by load",
        "CPU s a million lines",
        "CPU time of the shipper for a million lines delivered: batches fill as the rate grows.",
        |run| run.cpu_seconds_per_million,
        true,
    ),
];

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let sound = |run: &&LoadRun| run.condition == Condition::Healthy && run.faults.is_empty();
    let runs: Vec<&LoadRun> = results.load.iter().filter(sound).collect();
    PLOTS.into_iter().filter_map(|plot| one(&runs, plot)).collect()
}

fn one(runs: &[&LoadRun], (title, y, said, value, logarithmic): (&str, &str, &str, Value, bool)) -> Option<Plot> {
    let mut lines: Vec<(&str, bool)> = runs.iter().map(|run| (run.shipper.as_str(), run.spool)).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut others = Vec::new();
    let mut series = Vec::new();
    for (shipper, spool) in lines {
        let ink = ink(shipper, &mut others);
        let (name, ink) = match (shipper == OURS, spool) {
            (true, true) => (format!("{shipper}, spool"), Ink::spool()),
            _ => (shipper.to_owned(), ink),
        };
        let own: Vec<_> =
            runs.iter().copied().filter(|run| (run.shipper.as_str(), run.spool) == (shipper, spool)).collect();
        let line = Series::new(name, ink, points(&own, value));
        series.push(if logarithmic { line.positive() } else { line });
    }
    let axis = |values: &[f64]| if logarithmic { Axis::log(y, values) } else { Axis::linear(y, values) };
    let caption = format!("{said} Each point is one rung, held for its time, the remote well; medians of runs.");
    Plot::of((title.to_owned(), caption), (&log("lines offered a minute"), &axis), series, Vec::new())
}

fn points(runs: &[&LoadRun], value: Value) -> Vec<(f64, f64)> {
    let mut rates: Vec<u64> = runs.iter().map(|run| run.offered_per_minute).collect();
    rates.sort_unstable();
    rates.dedup();
    let point = |rate: &u64| {
        let values: Vec<f64> =
            runs.iter().filter(|run| run.offered_per_minute == *rate).map(|run| value(run)).collect();
        Some((*rate as f64, median(&values)?))
    };
    rates.iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn rungs_are_points_and_shippers_are_lines() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), PLOTS.len());
        let names: Vec<_> = plots[0].series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["<script>alert(1)</script> shipper", "splashdam", "splashdam, spool"]);
        assert_eq!(plots[0].series[1].points.len(), 8);
    }
}
