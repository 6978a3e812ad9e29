//! One parameter varied, all else as shipped.

use super::log;
use crate::report::plot::{Ink, Plot, Series};
use crate::report::stats::median;
use crate::results::{Mode, Results, SweepRun};

/// A parameter's name, its axis, and what was varied.
const PARAMETERS: [(&str, &str, &str); 6] = [
    ("record-bytes", "bytes a record", "size of a record"),
    ("batch-events", "events a batch at most", "largest batch"),
    ("connections", "connections", "number of connections"),
    ("writers", "writers at once", "number of writers, 1,000 records each"),
    ("hosts", "streams", "number of streams, 10 records each"),
    ("linger-ms", "linger, ms", "longest wait for a batch to fill, at a paced rate"),
];

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let of = |(name, axis, said): (&'static str, &'static str, &'static str)| {
        let own = |run: &&SweepRun| run.parameter == name && run.faults.is_empty();
        let runs: Vec<&SweepRun> = results.sweeps.iter().filter(own).collect();
        [rate(&runs, name, axis, said), cost(&runs, name, axis, said), freshness(&runs, name, axis, said)]
    };
    PARAMETERS.into_iter().flat_map(of).flatten().collect()
}

fn points(runs: &[&SweepRun], value: impl Fn(&SweepRun) -> Option<f64>) -> Vec<(f64, f64)> {
    let mut at: Vec<f64> = runs.iter().map(|run| run.value).collect();
    at.sort_by(f64::total_cmp);
    at.dedup();
    let point = |at: &f64| {
        let values: Vec<f64> = runs.iter().filter(|run| run.value == *at).filter_map(|run| value(run)).collect();
        Some((*at, median(&values)?))
    };
    at.iter().filter_map(point).collect()
}

/// A paced sweep says nothing about the rate: it was given.
fn paced(runs: &[&SweepRun]) -> bool {
    runs.iter().any(|run| run.end_to_end.is_some())
}

fn rate(runs: &[&SweepRun], name: &str, axis: &'static str, said: &str) -> Option<Plot> {
    if paced(runs) || points(runs, |run| Some(run.per_second)).len() < 2 {
        return None;
    }
    let series =
        vec![Series::new("records/s", Ink::of(Mode::Splashdam), points(runs, |run| Some(run.per_second))).positive()];
    let caption = format!("Records delivered a second at full speed, by the {said}; medians of rounds.");
    Plot::of((format!("Sweep of {name}: rate"), caption), (&log(axis), &log("records a second")), series, Vec::new())
}

fn cost(runs: &[&SweepRun], name: &str, axis: &'static str, said: &str) -> Option<Plot> {
    let points = points(runs, |run| Some(run.cpu_seconds_per_million));
    if points.len() < 2 {
        return None;
    }
    let series = vec![Series::new("CPU", Ink::of(Mode::Splashdam), points).positive()];
    let caption = format!("CPU seconds of the sidecar for a million records, by the {said}; medians of rounds.");
    Plot::of(
        (format!("Sweep of {name}: CPU"), caption),
        (&log(axis), &log("CPU s a million records")),
        series,
        Vec::new(),
    )
}

fn freshness(runs: &[&SweepRun], name: &str, axis: &'static str, said: &str) -> Option<Plot> {
    let quantile =
        |of: fn(&crate::results::Latency) -> u64| points(runs, |run| Some(of(run.end_to_end.as_ref()?) as f64 / 1e3));
    let named = [
        ("p50", quantile(|latency| latency.p50)),
        ("p95", quantile(|latency| latency.p95)),
        ("p99", quantile(|latency| latency.p99)),
    ];
    let series: Vec<_> = named
        .into_iter()
        .enumerate()
        .map(|(number, (name, points))| Series::new(name, Ink::step(number), points).positive())
        .filter(|series| series.points.len() > 1)
        .collect();
    let caption = format!("From a record's due time to its acceptance, by the {said}; medians of rounds.");
    Plot::of((format!("Sweep of {name}: end to end"), caption), (&log(axis), &log("milliseconds")), series, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_paced_sweep_shows_freshness_and_the_others_a_rate() {
        let titles: Vec<_> = plots(&sample::results()).into_iter().map(|plot| plot.title).collect();
        assert!(
            titles.contains(&"Sweep of linger-ms: end to end".to_owned())
                && titles.contains(&"Sweep of record-bytes: rate".to_owned())
        );
        assert!(!titles.contains(&"Sweep of linger-ms: rate".to_owned()), "{titles:?}");
    }
}
