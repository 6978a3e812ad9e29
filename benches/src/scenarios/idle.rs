//! A sidecar that nobody writes to and nobody asks.

use std::thread;

use super::Bench;
use crate::error::Result;
use crate::host::kernel;
use crate::run::{Outcome, Run};
use crate::sidecar::{free_address, Settings, Sidecar};
use crate::stage::folder;

pub(super) fn run(bench: &Bench) -> Result<Outcome> {
    let folder = folder()?;
    // Idle, it has nothing to say to an endpoint.
    let settings = Settings { endpoint: format!("http://{}", free_address()?), ..Settings::default() };
    let mut sidecar = Sidecar::start(&bench.programs.splashdam, &settings, folder.path())?;
    let before = sidecar.cpu_seconds()?;
    thread::sleep(bench.minute);
    sidecar.check_alive()?;
    let used = sidecar.cpu_seconds()? - before;
    let kernel::Resident { now, peak } = sidecar.resident()?;
    sidecar.stop()?;
    let percent = 100.0 * used / bench.minute.as_secs_f64();
    let note = format!("peak {peak:.1} MiB; the kernel counts in steps of 10 ms");
    Ok(Outcome::Measured(Run { values: vec![now, percent], note, ..Run::default() }))
}
