//! Memory and backlog over time through an outage, with clients that push on.

use super::linear;
use crate::report::plot::{Guide, Ink, Plot, Series};
use crate::report::verdicts::lost::OURS;
use crate::report::words;
use crate::results::{Condition, LoadRun, Point, Results};

/// Rates shown; the terminal and the table have all.
const RATES: usize = 3;

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    let sound = |run: &&LoadRun| run.condition == Condition::Outage && run.faults.is_empty();
    let runs: Vec<&LoadRun> = results.load.iter().filter(sound).collect();
    let mut rates: Vec<u64> = runs.iter().map(|run| run.offered_per_minute).collect();
    rates.sort_unstable();
    rates.dedup();
    let of = |rate: &u64| {
        let runs: Vec<_> = runs.iter().copied().filter(|run| run.offered_per_minute == *rate).collect();
        [memory(*rate, &runs), behind(*rate, &runs).or_else(|| backlog(*rate, &runs))]
    };
    rates.iter().rev().take(RATES).flat_map(of).flatten().collect()
}

/// The last run of each shipper with and without a spool.
fn lines(runs: &[&LoadRun], value: fn(&LoadRun) -> &Vec<Point>) -> Vec<Series> {
    let mut last: Vec<&LoadRun> = Vec::new();
    for run in runs {
        last.retain(|other| (other.shipper.as_str(), other.spool) != (run.shipper.as_str(), run.spool));
        last.push(run);
    }
    let mut others = Vec::new();
    let mut of = |run: &&LoadRun| {
        let ink = ink(&run.shipper, &mut others);
        let (name, ink) = match (run.spool, run.shipper == OURS) {
            (true, true) => (format!("{}, spool", run.shipper), Ink::spool()),
            _ => (run.shipper.clone(), ink),
        };
        Series::new(name, ink, value(run).iter().map(|point| (point.seconds, point.value)).collect()).unmarked()
    };
    last.iter().map(&mut of).collect()
}

/// One colour for each shipper, ours apart.
pub(super) fn ink(shipper: &str, others: &mut Vec<String>) -> Ink {
    if shipper == OURS {
        return Ink::shipper(None);
    }
    let number = others.iter().position(|other| other == shipper).unwrap_or_else(|| {
        others.push(shipper.to_owned());
        others.len() - 1
    });
    Ink::shipper(Some(number))
}

fn said(rate: u64, runs: &[&LoadRun]) -> String {
    let away = runs.iter().filter_map(|run| run.outage_seconds).fold(0.0, f64::max);
    format!(
        "{} lines a minute; the remote refuses for {} in the middle of the run, and clients push on throughout.",
        words::thousands(rate as f64),
        words::seconds(away)
    )
}

fn memory(rate: u64, runs: &[&LoadRun]) -> Option<Plot> {
    let limit = runs.iter().filter_map(|run| run.limit_mib).reduce(f64::max);
    let guides =
        limit.map(|y| Guide::Across { y, label: format!("limit {} MiB", words::tick(y)) }).into_iter().collect();
    let caption = format!("Resident memory of the shipper, by the kernel. {}", said(rate, runs));
    let title = format!("Memory through an outage, {} lines/min", words::tick(rate as f64));
    Plot::of((title, caption), (&linear("seconds"), &linear("resident, MiB")), lines(runs, |run| &run.memory), guides)
}

/// By the endpoint's count, which any shipper has.
fn behind(rate: u64, runs: &[&LoadRun]) -> Option<Plot> {
    let caption = format!("Lines due and not accepted by the endpoint, wherever they wait. {}", said(rate, runs));
    let title = format!("Lines behind through an outage, {} lines/min", words::tick(rate as f64));
    Plot::of(
        (title, caption),
        (&linear("seconds"), &linear("lines behind")),
        lines(runs, |run| &run.behind),
        Vec::new(),
    )
}

/// By the sidecar's own account.
fn backlog(rate: u64, runs: &[&LoadRun]) -> Option<Plot> {
    let caption = format!("Lines received and not yet ended, in memory or in the spool. {}", said(rate, runs));
    let title = format!("Backlog through an outage, {} lines/min", words::tick(rate as f64));
    Plot::of(
        (title, caption),
        (&linear("seconds"), &linear("lines waiting")),
        lines(runs, |run| &run.backlog),
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_highest_rates_are_shown_with_and_without_spool() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), 2 * RATES);
        assert!(plots[0].title.contains("20M") && plots[0].series.len() >= 2, "{:?}", plots[0].title);
        assert_eq!(plots[0].guides, [Guide::Across { y: 104.0, label: "limit 104 MiB".into() }]);
    }
}
