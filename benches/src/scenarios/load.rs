//! Lines over two connections into one lane: at full speed, over TLS, to a remote, record by record, and steadily.

use std::time::Duration;

use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::Settings;
use crate::stage::{Finished, Stage};

const BUDGET: &str = "64MiB";
/// No full-speed run takes this long, even far below its floor.
const LONGEST: Duration = Duration::from_secs(300);
/// Runs with a write for each record take this share of the records.
const SINGLE_SHARE: u64 = 5;
const STEADY_RATE: u64 = 50_000;
const STEADY_SECONDS: u64 = 24;

pub(super) fn full(bench: &Bench) -> Result<Outcome> {
    let finished = flood(bench, bench.records, "", &Behaviour::default())?;
    let values = vec![rate(&finished, bench.records), cpu(&finished, bench.records), finished.resident.peak];
    measured(&finished, bench.records, values)
}

pub(super) fn json(bench: &Bench) -> Result<Outcome> {
    // The endpoint finds a number that its marker leads to at once with less work than one it must look for.
    let behaviour = Behaviour { marker: Some("{\"message\":\"n="), ..Behaviour::default() };
    let finished = flood(bench, bench.records, "--shape json", &behaviour)?;
    let note = format!("{:.0}/s", rate(&finished, bench.records));
    let run = Run::of(&finished, bench.records, Doubles::Never, vec![cpu(&finished, bench.records)]);
    Ok(Outcome::Measured(run.with_note(note)))
}

pub(super) fn tls(bench: &Bench) -> Result<Outcome> {
    let finished = flood(bench, bench.records, "", &Behaviour { tls: true, ..Behaviour::default() })?;
    measured(&finished, bench.records, vec![rate(&finished, bench.records), cpu(&finished, bench.records)])
}

pub(super) fn remote(bench: &Bench) -> Result<Outcome> {
    let finished = flood(bench, bench.records, "", &Behaviour { latency_ms: 30, ..Behaviour::default() })?;
    measured(&finished, bench.records, vec![rate(&finished, bench.records)])
}

pub(super) fn single(bench: &Bench) -> Result<Outcome> {
    let records = (bench.records / SINGLE_SHARE).max(1);
    let finished = flood(bench, records, "--write single", &Behaviour::default())?;
    measured(&finished, records, vec![rate(&finished, records)])
}

pub(super) fn steady(bench: &Bench) -> Result<Outcome> {
    let records = STEADY_RATE * STEADY_SECONDS;
    let finished = flood(bench, records, &format!("--rate {STEADY_RATE}"), &Behaviour::default())?;
    let kept = rate(&finished, records);
    let mut run = Run::of(&finished, records, Doubles::Never, vec![cpu(&finished, records)]);
    // The last batch may wait a linger; more than that, and the rate was another.
    if kept < 0.9 * STEADY_RATE as f64 {
        run.faults.push(format!("the rate was {kept:.0}/s instead of {STEADY_RATE}/s"));
    }
    Ok(Outcome::Measured(run))
}

/// Feeds so many records and waits until all have ended.
fn flood(bench: &Bench, records: u64, flags: &str, behaviour: &Behaviour) -> Result<Finished> {
    let behaviour = Behaviour { numbers: records, ..behaviour.clone() };
    let settings = Settings { memory: Some(BUDGET), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let feeder = stage.feed(&format!("feed --connections 2 --size 200 --records {records} {flags}"))?;
    stage.join(feeder, LONGEST)?;
    stage.settle(records)?;
    stage.finish()
}

fn measured(finished: &Finished, records: u64, values: Vec<f64>) -> Result<Outcome> {
    Ok(Outcome::Measured(Run::of(finished, records, Doubles::Never, values)))
}

/// Records a second, from the first byte written to the last record accepted.
fn rate(finished: &Finished, records: u64) -> f64 {
    records as f64 / finished.seconds.max(f64::MIN_POSITIVE)
}

fn cpu(finished: &Finished, records: u64) -> f64 {
    finished.cpu_seconds / (records as f64 / 1e6)
}
