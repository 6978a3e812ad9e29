//! With a spool: what it costs where all is well, and what it is worth where it is not.

use std::time::Duration;

use super::clients::{self, Clients};
use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::host::disk::SpoolFolder;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::{Settings, Spool};
use crate::stage::Stage;

mod disk;
mod outage;
mod start;

pub(super) use disk::disk;
pub(super) use outage::outage;
pub(super) use start::start;

const BUDGET: &str = "64MiB";
/// No full-speed run takes this long, even far below its floor.
const LONGEST: Duration = Duration::from_secs(600);
const MIB: f64 = 1_048_576.0;

/// The row `full` with a spool.
pub(super) fn full(bench: &Bench) -> Result<Outcome> {
    let (folder, records) = (SpoolFolder::new(&bench.spool_in)?, bench.records);
    let behaviour = Behaviour { numbers: records, ..Behaviour::default() };
    let settings = Settings { memory: Some(BUDGET), spool: Some(Spool::at(folder.path())), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let before = folder.written()?;
    let feeder = stage.feed(&format!("feed --connections 2 --size 200 --records {records}"))?;
    stage.join(feeder, LONGEST)?;
    stage.settle(records)?;
    let written = folder.written()?.saturating_sub(before);
    let dirtied = stage.sidecar.dirtied()?;
    let finished = stage.finish()?;

    let rate = records as f64 / finished.seconds.max(f64::MIN_POSITIVE);
    let cpu = finished.cpu_seconds / (records as f64 / 1e6);
    let mut run = Run::of(&finished, records, Doubles::Never, vec![rate, cpu, finished.resident.peak]);
    run.faults.extend(finished.seen.never_spooled());
    let note = format!(
        "the device wrote {:.1} MiB meanwhile, whoever's; the sidecar's own that were not cancelled: {:.1} MiB",
        written as f64 / MIB,
        dirtied as f64 / MIB
    );
    Ok(Outcome::Measured(run.with_note(note)))
}

/// The row `client` with *durable* instead of *ended*. What has ended is durable, too, and with a remote as near as ours much ends
/// before it has to be on disk; so the same is measured with a remote that refuses meanwhile, where nothing but the disk counts.
pub(super) fn framed(bench: &Bench) -> Result<Outcome> {
    durable(bench, 2, 2, None)
}

/// One client, every acknowledged record on the device's platter or flash.
pub(super) fn power_loss(bench: &Bench) -> Result<Outcome> {
    durable(bench, 1, 5, Some("power-loss"))
}

fn durable(bench: &Bench, count: u64, share: u64, survives: Option<&'static str>) -> Result<Outcome> {
    let mut whole: Option<Run> = None;
    for away in [false, true] {
        let folder = SpoolFolder::new(&bench.spool_in)?;
        // Where nothing is delivered all must fit.
        let spool = Spool { survives, max: away.then_some("4GiB"), ..Spool::at(folder.path()) };
        let run = match clients::fed(bench, &Clients { count, share, awaits: "durable", spool: Some(spool), away })? {
            Outcome::Measured(run) => run,
            other => return Ok(other),
        };
        whole = Some(match whole {
            None => run,
            Some(first) => Run {
                values: [first.values, run.values].concat(),
                faults: [first.faults, run.faults].concat(),
                note: format!("{}; remote away: {}", first.note, run.note),
                details: first.details,
            },
        });
    }
    Ok(Outcome::Measured(whole.unwrap_or_default()))
}
