//! A healthy minute: segments should be gone before the kernel has written them.

use std::thread;
use std::time::Duration;

use super::{Bench, BUDGET, MIB};
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::host::cgroup::Cgroup;
use crate::host::disk::SpoolFolder;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::{Settings, Spool};
use crate::stage::{Finished, Stage};

const RATE: u64 = 20_000;
const SIZE: u64 = 200;
/// In a small one the kernel writes back early.
const POD_MIB: u64 = 64;

/// Bytes, as the device and as the sidecar's own account have them.
struct Minute {
    finished: Finished,
    baseline: u64,
    written: u64,
    dirtied: u64,
}

pub(in crate::scenarios) fn disk(bench: &Bench) -> Result<Outcome> {
    let records = RATE * bench.minute.as_secs();
    let payload = (records * SIZE) as f64;
    let minute = healthy(bench, None, records)?;
    let limited = match Cgroup::limited(POD_MIB) {
        Ok(cgroup) => shown(&healthy(bench, Some(&cgroup), records)?, payload),
        Err(error) => format!("not measurable here: {error}"),
    };
    // The device is everybody's, so what it writes without us is taken off; both are printed.
    let ours = minute.written.saturating_sub(minute.baseline) as f64;
    let mut run = Run::of(&minute.finished, records, Doubles::Never, vec![100.0 * ours / payload]);
    run.faults.extend(minute.finished.seen.never_spooled());
    let note = format!("{}; in a cgroup of {POD_MIB} MiB: {limited}", shown(&minute, payload));
    Ok(Outcome::Measured(run.with_note(note)))
}

fn shown(minute: &Minute, payload: f64) -> String {
    format!(
        "the device wrote {:.1} MiB ({:.2} % of payload), {:.1} in an idle minute before; of the sidecar's own, {:.1} MiB \
         ({:.2} %) were not cancelled",
        minute.written as f64 / MIB,
        100.0 * minute.written as f64 / payload,
        minute.baseline as f64 / MIB,
        minute.dirtied as f64 / MIB,
        100.0 * minute.dirtied as f64 / payload,
    )
}

fn healthy(bench: &Bench, cgroup: Option<&Cgroup>, records: u64) -> Result<Minute> {
    let spool = SpoolFolder::new(&bench.spool_in)?;
    let behaviour = Behaviour { latency_ms: 10, numbers: records, ..Behaviour::default() };
    let memory = cgroup.is_none().then_some(BUDGET);
    let settings = Settings { memory, cgroup, spool: Some(Spool::at(spool.path())), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    // What others left dirty would be written in our minute.
    rustix::fs::sync();
    let at_first = spool.written()?;
    thread::sleep(bench.minute);
    let idle = spool.written()?;
    let dirtied_idle = stage.sidecar.dirtied()?;
    let feeder = stage.feed(&format!("feed --connections 1 --size {SIZE} --records {records} --rate {RATE}"))?;
    stage.join(feeder, bench.minute + Duration::from_secs(120))?;
    stage.settle(records)?;
    let written = spool.written()? - idle;
    let dirtied = stage.sidecar.dirtied()?.saturating_sub(dirtied_idle);
    Ok(Minute { finished: stage.finish()?, baseline: idle - at_first, written, dirtied })
}
