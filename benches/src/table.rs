//! Results as text: a line for each round while it goes on, a table at the end.

use std::fmt::Write;

use crate::error::Result;
use crate::figure::{Figure, Spread, Verdict};
use crate::figures::Series;
use crate::host::kernel::machine;
use crate::run::{Details, Outcome, Run};
use crate::scenarios::{Bench, Scenario};

/// One round's line.
pub(crate) fn progress(round: u32, rounds: u32, scenario: &Scenario, outcome: &Outcome) -> String {
    let what = match outcome {
        Outcome::Measured(run) => {
            let values = scenario.figures.iter().zip(&run.values).map(|(figure, value)| figure.unit.show(*value));
            let mut line = values.collect::<Vec<_>>().join("  ");
            if let Some(details) = &run.details {
                let _ = write!(line, "  [{}]", brief(details));
            }
            if !run.note.is_empty() {
                let _ = write!(line, "  ({})", run.note);
            }
            for fault in &run.faults {
                let _ = write!(line, "\n    DOES NOT COUNT: {fault}");
            }
            line
        }
        Outcome::Skipped(why) => format!("skipped: {why}"),
        Outcome::Failed(why) => format!("FAILED: {why}"),
    };
    format!("round {round}/{rounds} {:<16} {what}", scenario.name)
}

fn brief(details: &Details) -> String {
    format!(
        "{} unique, {} doubled, {} missing; {:.2} s; endpoint idle {:.0} %; feeder {:.2} s CPU; others {:.2} CPUs; \
         batches {:.0} % full; slowest scrape {:.0} ms",
        details.unique,
        details.doubled,
        details.missing,
        details.seconds,
        100.0 * details.endpoint_idle_share,
        details.feeder_cpu_seconds,
        details.others_cpus,
        details.batch_fill_percent,
        details.slowest_scrape_ms,
    )
}

/// Whether every figure of a series reached its floor, and nothing went wrong. What was skipped does not fail.
pub(crate) fn holds(series: &Series) -> bool {
    let sound = series.rounds.iter().all(|outcome| match outcome {
        Outcome::Measured(run) => run.faults.is_empty(),
        Outcome::Skipped(_) => true,
        Outcome::Failed(_) => false,
    });
    let reached = |(index, figure): (usize, &Figure)| {
        spread(series, index).is_none_or(|spread| figure.verdict(spread.median) != Verdict::Below)
    };
    sound && series.scenario.figures.iter().enumerate().all(reached)
}

fn measured(series: &Series) -> impl Iterator<Item = &Run> {
    series.rounds.iter().filter_map(|outcome| match outcome {
        Outcome::Measured(run) => Some(run),
        _ => None,
    })
}

/// Of the runs that count.
fn spread(series: &Series, figure: usize) -> Option<Spread> {
    let sound = measured(series).filter(|run| run.faults.is_empty());
    let values: Vec<_> = sound.filter_map(|run| run.values.get(figure).copied()).collect();
    Spread::of(&values)
}

pub(crate) fn render(all: &[Series], bench: &Bench) -> Result<String> {
    let mut text = String::new();
    let cpus = machine()?.cpus;
    let _ = writeln!(
        text,
        "\nFeeder, sidecar and endpoint as separate processes on {cpus} CPUs; {} records at full speed.",
        bench.records
    );
    let _ = writeln!(
        text,
        "{:<17} {:<58} {:>12} {:>12} {:>13} {:<27} verdict",
        "row", "what", "floor", "goal", "median", "(least to greatest)"
    );
    for series in all {
        rows(&mut text, series);
    }
    let _ = writeln!(
        text,
        "\n{:<17} {:>11} {:>8} {:>8} {:>9} {:>8} {:>8}  account at the end",
        "row", "unique", "doubled", "missing", "ep. idle", "feeder", "others"
    );
    for series in all {
        accounts(&mut text, series);
    }
    text.push_str("ep. idle: share of the endpoint's two threads' time; feeder: its CPU; others: CPUs that other processes kept busy.");
    Ok(text)
}

fn rows(text: &mut String, series: &Series) {
    let scenario = series.scenario;
    for (index, figure) in scenario.figures.iter().enumerate() {
        let name = if index == 0 { scenario.name } else { "" };
        let (floor, goal) = (figure.unit.show(figure.floor), figure.unit.show(figure.goal));
        let _ = write!(text, "{name:<17} {:<58} {floor:>12} {goal:>12} ", figure.what);
        let _ = match spread(series, index) {
            Some(Spread { median, least, greatest }) => {
                let range = format!("({} to {})", figure.unit.show(least), figure.unit.show(greatest));
                let verdict = figure.verdict(median).name();
                writeln!(text, "{:>13} {range:<27} {verdict}", figure.unit.show(median))
            }
            None => writeln!(text, "{:>13}", "none"),
        };
    }
    // A failed round is told even where others were sound: it fails the row.
    for outcome in &series.rounds {
        let _ = match outcome {
            Outcome::Measured(run) if run.faults.is_empty() => Ok(()),
            Outcome::Measured(run) => writeln!(text, "          FAILED ROUND: {}", run.faults.join("; ")),
            Outcome::Skipped(why) => writeln!(text, "          skipped: {why}"),
            Outcome::Failed(why) => writeln!(text, "          FAILED ROUND: {why}"),
        };
        if matches!(outcome, Outcome::Skipped(_)) {
            break;
        }
    }
}

fn accounts(text: &mut String, series: &Series) {
    let details: Vec<&Details> = measured(series).filter_map(|run| run.details.as_deref()).collect();
    let Some(last) = details.last() else { return };
    let median = |of: fn(&Details) -> f64| {
        let values: Vec<_> = details.iter().map(|details| of(details)).collect();
        Spread::of(&values).map_or(0.0, |spread| spread.median)
    };
    let (doubled, missing) = details.iter().fold((0, 0), |(d, m), run| (d + run.doubled, m + run.missing));
    let _ = writeln!(
        text,
        "{:<17} {:>11} {doubled:>8} {missing:>8} {:>7.0} % {:>6.2} s {:>8.2}  {}",
        series.scenario.name,
        last.unique,
        100.0 * median(|details| details.endpoint_idle_share),
        median(|details| details.feeder_cpu_seconds),
        median(|details| details.others_cpus),
        last.account,
    );
}
