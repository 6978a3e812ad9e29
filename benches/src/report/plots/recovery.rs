//! How soon a sidecar works again, by how much its spool holds after a crash.

use super::log;
use crate::report::document;
use crate::report::plot::{Guide, Ink, Plot, Series};
use crate::report::stats::median;
use crate::results::{RecoveryRun, Results};

type Value = fn(&RecoveryRun) -> f64;
const MOMENTS: [(&str, Value); 3] = [
    ("first record", |run| run.first_record_seconds),
    ("first send", |run| run.first_send_seconds),
    ("all delivered", |run| run.all_delivered_seconds),
];

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let runs: Vec<&RecoveryRun> = results.recoveries.iter().filter(|run| run.faults.is_empty()).collect();
    let (inks, guides) =
        (0.., vec![Guide::Across { y: document::RECOVERY_SECONDS, label: "the document's: 25 min".to_owned() }]);
    let series = MOMENTS
        .into_iter()
        .zip(inks)
        .map(|((name, value), ink)| Series::new(name, Ink::step(ink), points(&runs, value)).positive());
    let caption = "From the start of the process after a kill -9, by the size of the spool it finds. The document's is the \
                   recovery of a write-ahead log of metrics at a million samples a second: another system, the same question."
        .to_owned();
    let times = Plot::of(
        ("Recovery after a crash".to_owned(), caption),
        (&log("spool, GiB"), &log("seconds")),
        series.collect(),
        guides,
    );
    let memory = [
        Series::new("until first send", Ink::step(1), points(&runs, |run| run.peak_until_first_send_mib)).positive(),
        Series::new("overall", Ink::step(0), points(&runs, |run| run.peak_mib)).positive(),
    ];
    let caption =
        "Highest resident memory of the new process, until its first send and until all was delivered.".to_owned();
    let linear = |values: &[f64]| crate::report::plot::Axis::linear("peak resident, MiB", values);
    let memory = Plot::of(
        ("Memory of a recovery".to_owned(), caption),
        (&log("spool, GiB"), &linear),
        memory.into(),
        Vec::new(),
    );
    times.into_iter().chain(memory).collect()
}

fn points(runs: &[&RecoveryRun], value: Value) -> Vec<(f64, f64)> {
    let mut sizes: Vec<f64> = runs.iter().map(|run| run.spool_gib).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let of = |size: &f64| {
        let values: Vec<f64> = runs.iter().filter(|run| run.spool_gib == *size).map(|run| value(run)).collect();
        Some((*size, median(&values)?))
    };
    sizes.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn moments_follow_each_other_at_every_size() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), 2);
        assert!(plots[0].series.iter().all(|series| series.points.len() == 3));
        assert!(super::plots(&Results::default()).is_empty());
    }
}
