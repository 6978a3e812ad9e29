//! The points as text.

use std::fmt::Write;

use super::{Options, Parameter};
use crate::figure::{Spread, Unit};
use crate::results::{Latency, Skipped, SweepRun};

pub(super) fn render(runs: &[SweepRun], skipped: &[Skipped], options: &Options) -> String {
    let mut text = format!(
        "\nFeeder, sidecar and endpoint as separate processes, remote at {} ms, budget 64 MiB; medians of {} round(s).\n",
        options.remote_ms, options.rounds
    );
    for parameter in Parameter::ALL {
        section(&mut text, parameter, runs);
    }
    for run in runs.iter().filter(|run| !run.faults.is_empty()) {
        let _ = writeln!(
            text,
            "DOES NOT COUNT: {} {}, round {}: {}",
            run.parameter,
            run.value,
            run.round,
            run.faults.join("; ")
        );
    }
    for Skipped { what, why } in skipped {
        let _ = writeln!(text, "FAILED: {what}: {why}");
    }
    text.push_str(
        "text over N: lines over so many connections. p50 to p99: due to be written -> accepted, in ms; of writers: first byte written -> all its records known to have ended.",
    );
    text
}

fn section(text: &mut String, parameter: Parameter, runs: &[SweepRun]) {
    let mut own = runs.iter().filter(|run| run.parameter == parameter.name()).peekable();
    if own.peek().is_none() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{:<13} {:>7} {:>11} {:>12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7}",
        parameter.name(),
        "bytes",
        "records",
        "rate",
        "MiB/s",
        "CPU s/M",
        "peak MiB",
        "batches",
        "p50",
        "p95",
        "p99",
        "missing",
        "doubled"
    );
    let own: Vec<_> = own.collect();
    for value in parameter.values() {
        let same: Vec<_> = own.iter().copied().filter(|run| run.value == *value as f64).collect();
        row(text, &same);
    }
    for note in notes(&own) {
        let _ = writeln!(text, "  {note}");
    }
}

/// The rounds of one value. Those with a fault are counted and do not go into the medians.
fn row(text: &mut String, same: &[&SweepRun]) {
    let Some(first) = same.first() else { return };
    let sound: Vec<_> = same.iter().copied().filter(|run| run.faults.is_empty()).collect();
    let median = |of: &dyn Fn(&SweepRun) -> f64| {
        Spread::of(&sound.iter().map(|run| of(run)).collect::<Vec<_>>()).map(|spread| spread.median)
    };
    let shown = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let milliseconds = |of: fn(&Latency) -> u64| {
        let all = sound.iter().filter_map(|run| run.end_to_end.as_ref()).map(|latency| of(latency) as f64 / 1e3);
        shown(Spread::of(&all.collect::<Vec<_>>()).map(|spread| spread.median), 1)
    };
    let (missing, doubled) = same.iter().fold((0, 0), |(m, d), run| (m + run.account.lost, d + run.account.doubled));
    let _ = writeln!(
        text,
        "{:<13} {:>7} {:>11} {:>12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {missing:>7} {doubled:>7}",
        first.value,
        first.record_bytes,
        first.records,
        median(&|run| run.per_second).map_or("-".to_owned(), |rate| Unit::PerSecond.show(rate)),
        shown(median(&|run| run.mib_per_second), 1),
        shown(median(&|run| run.cpu_seconds_per_million), 3),
        shown(median(&|run| run.peak_mib), 1),
        shown(median(&|run| run.batches as f64), 0),
        milliseconds(|latency| latency.p50),
        milliseconds(|latency| latency.p95),
        milliseconds(|latency| latency.p99),
    );
}

/// What is said of the whole section, where all of it is the same; else each value's own.
fn notes(own: &[&SweepRun]) -> Vec<String> {
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for run in own {
        let value = run.value.to_string();
        match notes.iter_mut().find(|(note, _)| *note == run.note) {
            Some((_, values)) if !values.contains(&value) => values.push(value),
            Some(_) => {}
            None => notes.push((run.note.clone(), vec![value])),
        }
    }
    match notes.as_slice() {
        [(note, _)] => vec![note.clone()],
        _ => notes.into_iter().map(|(note, values)| format!("{}: {note}", values.join(", "))).collect(),
    }
}
