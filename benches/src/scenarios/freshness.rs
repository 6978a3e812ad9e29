//! How old a record is when the endpoint accepts it, counted from the moment it was due to be written.

use std::time::Duration;

use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::Settings;
use crate::stage::Stage;

const LATENCY_MS: u32 = 10;

/// One every three seconds: each is alone.
pub(super) fn lone(bench: &Bench) -> Result<Outcome> {
    paced(bench, 20, "0.3333333")
}

pub(super) fn hundred(bench: &Bench) -> Result<Outcome> {
    paced(bench, 3_000, "100")
}

pub(super) fn busy(bench: &Bench) -> Result<Outcome> {
    paced(bench, 400_000, "20000")
}

fn paced(bench: &Bench, records: u64, rate: &str) -> Result<Outcome> {
    let settings = Settings { memory: Some("64MiB"), ..Settings::default() };
    run(bench, settings, records, rate).map(Outcome::Measured)
}

/// One run; its only value is the p99 in milliseconds.
pub(super) fn run(bench: &Bench, settings: Settings<'_>, records: u64, rate: &str) -> Result<Run> {
    let behaviour = Behaviour { latency_ms: LATENCY_MS, numbers: records, ..Behaviour::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let feeder = stage.feed(&format!("feed --connections 1 --size 200 --records {records} --rate {rate}"))?;
    stage.join(feeder, Duration::from_secs(180))?;
    stage.settle(records)?;
    let finished = stage.finish()?;

    let fresh = &finished.report.freshness_micros;
    // The endpoint notes the time when a batch takes effect, and holds its answer back for the latency; a real
    // remote has half a round trip before that moment. So the whole latency is added: later than it ever was.
    let p99 = fresh.p99 as f64 / 1e3 + f64::from(LATENCY_MS);
    let mut run = Run::of(&finished, records, Doubles::Never, vec![p99]);
    if fresh.count != records {
        run.faults.push(format!("{} records told when they were due, of {records}", fresh.count));
    }
    let note = format!(
        "p50 {} ms, p95 {} ms, max {} ms, without the {LATENCY_MS} ms",
        fresh.p50 / 1_000,
        fresh.p95 / 1_000,
        fresh.max / 1_000
    );
    Ok(run.with_note(note))
}
