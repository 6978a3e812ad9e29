//! The far side of an app: the endpoint, and in mode `splashdam` the sidecar before it. Modes that ship nothing have neither.

use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::app::Logging;
use super::remote::Remote;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::host::kernel;
use crate::results::Mode;
use crate::sidecar::{Settings, Sidecar};
use crate::stage::{folder, Programs};

/// Nothing arrived for so long: nothing more will.
const QUIET: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Fields are dropped in this order: who asks first, who is asked last.
#[derive(Debug)]
pub(crate) struct Far {
    mode: Mode,
    sidecar: Option<Sidecar>,
    endpoint: Option<Endpoint>,
    folder: TempDir,
}

/// CPU seconds so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FarCpu {
    pub(crate) sidecar: Option<f64>,
    pub(crate) endpoint: Option<f64>,
}

impl Far {
    /// `numbers` is above every number that a record will carry.
    pub(crate) fn set(programs: &Programs, mode: Mode, remote: &Remote, numbers: u64) -> Result<Self> {
        let folder = folder()?;
        let endpoint = match mode.ships() {
            true => Some(Endpoint::start(&programs.emulator, &remote.behaviour(numbers), folder.path())?),
            false => None,
        };
        let sidecar = match &endpoint {
            Some(endpoint) if mode == Mode::Splashdam => {
                let settings = Settings { endpoint: endpoint.url.clone(), ..Settings::default() };
                Some(Sidecar::start(&programs.splashdam, &settings, folder.path())?)
            }
            _ => None,
        };
        Ok(Self { mode, sidecar, endpoint, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn logging(&self) -> Logging<'_> {
        Logging {
            mode: self.mode,
            socket: self.sidecar.as_ref().map(|sidecar| sidecar.socket.as_path()),
            endpoint: self.endpoint.as_ref().map(|endpoint| endpoint.url.as_str()),
        }
    }

    pub(crate) fn cpu(&self) -> Result<FarCpu> {
        let endpoint = self.endpoint.as_ref().map(Endpoint::report).transpose()?.flatten();
        Ok(FarCpu {
            sidecar: self.sidecar.as_ref().map(Sidecar::cpu_seconds).transpose()?,
            endpoint: endpoint.map(|report| report.cpu_seconds()),
        })
    }

    pub(crate) fn sidecar_peak_mib(&self) -> Result<Option<f64>> {
        Ok(self.sidecar.as_ref().map(Sidecar::resident).transpose()?.map(|resident: kernel::Resident| resident.peak))
    }

    /// How many of these numbers have arrived.
    pub(crate) fn arrived(&self, numbers: &Range<u64>) -> Result<u64> {
        self.endpoint.as_ref().map_or(Ok(0), |endpoint| endpoint.marked(numbers))
    }

    /// Waits until so many of these numbers have arrived, or nothing more comes.
    pub(crate) fn settle(&self, numbers: &Range<u64>, expected: u64) -> Result<()> {
        let (mut since, mut before) = (Instant::now(), 0);
        while self.endpoint.is_some() {
            let arrived = self.arrived(numbers)?;
            if arrived >= expected {
                break;
            }
            if arrived > before {
                (since, before) = (Instant::now(), arrived);
            }
            if since.elapsed() > QUIET {
                break;
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Ends the sidecar in order: what it still had has arrived then. Its last line is its account.
    pub(crate) fn stop_sidecar(&mut self) -> Result<Option<String>> {
        let mut sidecar = self.sidecar.take();
        sidecar.as_mut().map(Sidecar::stop).transpose()
    }

    /// Acceptances beyond the first of a record, of all numbers.
    pub(crate) fn doubled(&self) -> Result<u64> {
        let report = self.endpoint.as_ref().map(Endpoint::report).transpose()?.flatten();
        Ok(report.map_or(0, |report| report.marks.doubled))
    }
}
