//! A thousand lanes, a record a second each.

use std::time::Duration;

use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::Settings;
use crate::stage::Stage;

const LANES: u64 = 1_000;
const SECONDS: u64 = 30;

pub(super) fn run(bench: &Bench) -> Result<Outcome> {
    let records = LANES * SECONDS;
    let behaviour = Behaviour { numbers: records, ..Behaviour::default() };
    let settings = Settings { memory: Some("64MiB"), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let feeder = stage.feed(&format!("lanes --lanes {LANES} --records {SECONDS} --size 200"))?;
    let report = stage.join(feeder, Duration::from_secs(SECONDS + 100))?;
    stage.settle(records)?;
    let finished = stage.finish()?;

    let mut run = Run::of(&finished, records, Doubles::Never, vec![finished.resident.peak]);
    let delivered: u64 = report.ended.iter().map(|ended| ended.delivered).sum();
    if delivered != records {
        run.faults.push(format!("the sidecar told its clients of {delivered} delivered"));
    }
    let calls = finished.report.calls.get("PutLogEvents").map_or(0, |calls| calls.total);
    Ok(Outcome::Measured(run.with_note(format!("{calls} calls"))))
}
