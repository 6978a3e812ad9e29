//! What a run needs: the endpoint, a shipper perhaps in a cgroup and perhaps with a disk, and somebody who watches its account.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::external::Started;
use super::options::{Options, Rung};
use crate::endpoint::{Behaviour, Endpoint};
use crate::error::{io, Result};
use crate::host::cgroup::Cgroup;
use crate::host::disk::SpoolFolder;
use crate::host::process::Process;
use crate::sidecar::{Settings, Sidecar, Spool};
use crate::stage::folder;
use crate::watch::Watch;

/// The budget where no limit stands for the sidecar to derive it from.
const BUDGET: &str = "64MiB";
/// Of the feeder.
const CONNECTIONS: u32 = 2;

#[derive(Debug)]
pub(super) enum Shipper {
    Splashdam(Box<Sidecar>),
    Other(Started),
}

impl Shipper {
    /// Its process and its process group.
    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Splashdam(sidecar) => sidecar.pid(),
            Self::Other(other) => other.pid(),
        }
    }

    pub(super) fn socket(&self) -> &Path {
        match self {
            Self::Splashdam(sidecar) => &sidecar.socket,
            Self::Other(other) => &other.socket,
        }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<String>> {
        match self {
            Self::Splashdam(sidecar) => sidecar.ended(),
            Self::Other(other) => other.ended(),
        }
    }

    /// Asks it to end in order, and waits; says what was not in order.
    pub(super) fn stop(&mut self) -> Result<Option<String>> {
        match self {
            Self::Splashdam(sidecar) => Ok(sidecar.stop().err().map(|error| error.to_string())),
            Self::Other(other) => other.stop(),
        }
    }
}

/// Fields are dropped in this order: who asks first; a cgroup when nobody is left in it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) watch: Option<Watch>,
    pub(super) shipper: Shipper,
    pub(super) endpoint: Endpoint,
    pub(super) cgroup: Option<Cgroup>,
    /// Why there is no limit where one was asked for.
    pub(super) unlimited: Option<String>,
    /// Where the shipper may keep records.
    pub(super) disk: Option<SpoolFolder>,
    _folder: TempDir,
}

impl Scene {
    /// Endpoint first, then the shipper, until it accepts.
    pub(super) fn set(options: &Options, rung: Rung) -> Result<Self> {
        let folder = folder()?;
        let (cgroup, unlimited) = match options.limit_mib.map(Cgroup::limited) {
            Some(Ok(cgroup)) => (Some(cgroup), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        let behaviour = Behaviour {
            numbers: options.records(rung.per_minute),
            faults: options.remote.fault().into_iter().collect(),
            ..Behaviour::default()
        };
        let endpoint = Endpoint::start(&options.programs.emulator, &behaviour, folder.path())?;
        let disk = disk(options, rung)?;
        let mut watch = None;
        let shipper = match &options.shipper {
            None => {
                let sidecar = sidecar(options, &endpoint, cgroup.as_ref(), disk.as_ref(), folder.path())?;
                watch = Some(Watch::start(sidecar.admin));
                Shipper::Splashdam(Box::new(sidecar))
            }
            Some(shipper) => {
                let dir = disk.as_ref().map_or(folder.path(), |disk| disk.path());
                Shipper::Other(Started::start(shipper, &endpoint, cgroup.as_ref(), folder.path(), dir)?)
            }
        };
        Ok(Self { watch, shipper, endpoint, cgroup, unlimited, disk, _folder: folder })
    }

    /// Starts this program as a feeder that gives up after so long.
    pub(super) fn feed(&self, options: &Options, rung: Rung, give_up: Duration) -> Result<Process> {
        let own: PathBuf = std::env::current_exe().map_err(io("find", "this program"))?;
        let mut command = Command::new(own);
        command.arg("feed").arg("--socket").arg(self.shipper.socket());
        let flags = [
            ("--connections", CONNECTIONS.to_string()),
            ("--records", options.records(rung.per_minute).to_string()),
            ("--rate", rung.per_second().to_string()),
            ("--size", options.size.to_string()),
            ("--gather", rung.gather().as_micros().to_string()),
            ("--give-up", give_up.as_secs_f64().to_string()),
        ];
        command.args(flags.iter().flat_map(|(flag, value)| [*flag, value.as_str()]));
        Process::spawn("the feeder", &mut command)
    }
}

fn sidecar(
    options: &Options,
    endpoint: &Endpoint,
    cgroup: Option<&Cgroup>,
    disk: Option<&SpoolFolder>,
    folder: &Path,
) -> Result<Sidecar> {
    let settings = Settings {
        endpoint: endpoint.url.clone(),
        memory: cgroup.is_none().then_some(BUDGET),
        spool: disk.map(|disk| Spool::at(disk.path())),
        cgroup,
        ..Settings::default()
    };
    Sidecar::start(&options.programs.splashdam, &settings, folder)
}

/// A folder on a disk: the sidecar's spool, where it is to have one; another shipper may do with its own as it likes, and gets one
/// in memory where there is no disk.
fn disk(options: &Options, rung: Rung) -> Result<Option<SpoolFolder>> {
    match &options.shipper {
        None => rung.spool.then(|| SpoolFolder::new(&options.spool_in)).transpose(),
        Some(_) => Ok(SpoolFolder::new(&options.spool_in).ok()),
    }
}
