//! No remote for a minute while clients push: how much memory that takes, and whether all arrives afterwards.

use std::thread;
use std::time::Duration;

use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::{wrong, Result};
use crate::host::cgroup::Cgroup;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::{free_address, Settings};
use crate::stage::{folder, Stage};

/// Far more than any budget holds, so that clients push all the time.
const PUSHED: u64 = 3_000_000;
/// Full speed before the outage of a pod.
const RUN_UP: Duration = Duration::from_millis(1_500);
const POD_MIB: u64 = 64;
/// So many that the outage comes in their midst.
const POD_RECORDS: u64 = 10_000_000;
const AFTERWARDS: Duration = Duration::from_secs(180);

/// The remote is not there from the start.
pub(super) fn down(bench: &Bench) -> Result<Outcome> {
    let listen = free_address()?;
    let settings = Settings { endpoint: format!("http://{listen}"), memory: Some("64MiB"), ..Settings::default() };
    let mut stage = Stage::without_endpoint(&bench.programs, &settings, folder()?)?;
    let feeder = stage.feed(&format!("feed --connections 2 --size 200 --records {PUSHED}"))?;
    thread::sleep(bench.minute);
    let during = stage.sidecar.resident()?.peak;
    stage.bring_up(&bench.programs, &Behaviour { listen: Some(listen), numbers: PUSHED, ..Behaviour::default() })?;
    stage.join(feeder, AFTERWARDS)?;
    stage.settle(PUSHED)?;
    let finished = stage.finish()?;
    let run = Run::of(&finished, PUSHED, Doubles::Never, vec![finished.resident.peak]);
    Ok(Outcome::Measured(run.with_note(format!("peak {during:.1} MiB before the remote came up"))))
}

/// A pod's memory limit, set by the kernel; the sidecar finds its own budget in it.
pub(super) fn pod(bench: &Bench) -> Result<Outcome> {
    let cgroup = match Cgroup::limited(POD_MIB) {
        Ok(cgroup) => cgroup,
        Err(error) => return Ok(Outcome::Skipped(format!("not measurable here: {error}"))),
    };
    let before = cgroup.kills()?;
    let behaviour = Behaviour { numbers: POD_RECORDS, ..Behaviour::default() };
    let settings = Settings { cgroup: Some(&cgroup), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let feeder = stage.feed(&format!("feed --connections 2 --size 200 --records {POD_RECORDS}"))?;
    thread::sleep(RUN_UP);
    let early = stage.seen().latest.account().received as u64;
    let endpoint = stage.endpoint.as_ref().ok_or_else(|| wrong("the stage", "has no endpoint"))?;
    endpoint.outage(bench.minute)?;
    let pushed = stage.join(feeder, bench.minute + AFTERWARDS).and_then(|_| stage.settle(POD_RECORDS));
    let kills = cgroup.kills()? - before;
    if kills > 0 {
        let run = Run { values: vec![kills as f64, POD_MIB as f64], ..Run::default() };
        return Ok(Outcome::Measured(run));
    }
    pushed?;
    let finished = stage.finish()?;
    let mut run = Run::of(&finished, POD_RECORDS, Doubles::AsCounted, vec![0.0, finished.resident.peak]);
    if finished.seconds < bench.minute.as_secs_f64() {
        run.faults.push("all had arrived before the outage began".to_owned());
    }
    Ok(Outcome::Measured(run.with_note(format!("{early} received when the outage began"))))
}
