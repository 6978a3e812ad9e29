//! The CPU and the memory that a small sidecar is often given: 250m, as Clowder's slot has it, and 64 MiB. Limits, not requests.

use std::time::Duration;

use super::{freshness, Bench};
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::host::cgroup::Cgroup;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::Settings;
use crate::stage::Stage;

const POD_MIB: u64 = 64;
const MILLICPUS: u32 = 250;
/// A share of the full run's, which takes the same time with a CPU of its own.
const SHARE: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn run(bench: &Bench) -> Result<Outcome> {
    let cgroup = match Cgroup::pod(POD_MIB, MILLICPUS) {
        Ok(cgroup) => cgroup,
        Err(error) => return Ok(Outcome::Skipped(format!("not measurable here: {error}"))),
    };
    let records = bench.records / SHARE;
    let behaviour = Behaviour { numbers: records, ..Behaviour::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings(&cgroup))?;
    let feeder = stage.feed(&format!("feed --connections 2 --size 200 --records {records}"))?;
    stage.join(feeder, PATIENCE)?;
    stage.settle(records)?;
    let finished = stage.finish()?;
    let rate = records as f64 / finished.seconds;

    let paced = freshness::run(bench, settings(&cgroup), 20_000, "1000")?;
    let p99 = paced.values.first().copied().unwrap_or(f64::NAN);
    let mut run = Run::of(&finished, records, Doubles::Never, vec![rate, p99, finished.resident.peak]);
    run.faults.extend(paced.faults);
    Ok(Outcome::Measured(run.with_note(paced.note)))
}

fn settings(cgroup: &Cgroup) -> Settings<'_> {
    Settings { cgroup: Some(cgroup), ..Settings::default() }
}
