//! The far side of an app: the endpoint, and before it in mode `splashdam` the sidecar, in mode `shipper` somebody else's. Modes that ship
//! nothing have neither.

use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::app::Logging;
use super::remote::Remote;
use super::session::Session;
use crate::endpoint::Endpoint;
use crate::error::{wrong, Result};
use crate::host::disk::SpoolFolder;
use crate::host::kernel;
use crate::record::external::Started;
use crate::results::Mode;
use crate::sidecar::{Settings, Sidecar};
use crate::stage::folder;

/// Nothing arrived for so long: nothing more will.
const QUIET: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Fields are dropped in this order: who asks first, who is asked last.
#[derive(Debug)]
pub(crate) struct Far {
    mode: Mode,
    sidecar: Option<Sidecar>,
    /// In its place.
    shipper: Option<Started>,
    endpoint: Option<Endpoint>,
    /// Where that may keep what it likes.
    disk: Option<SpoolFolder>,
    folder: TempDir,
}

/// CPU seconds so far; `sidecar` is who stands before the endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FarCpu {
    pub(crate) sidecar: Option<f64>,
    pub(crate) endpoint: Option<f64>,
}

impl Far {
    /// `numbers` is above every number that a record will carry.
    pub(crate) fn set(session: &Session, mode: Mode, remote: &Remote, numbers: u64) -> Result<Self> {
        let folder = folder()?;
        let mut far = Self { mode, sidecar: None, shipper: None, endpoint: None, disk: None, folder };
        if !mode.ships() {
            return Ok(far);
        }
        let endpoint =
            Endpoint::start(&session.programs.emulator, &remote.behaviour(numbers, session.next_seed()), far.folder())?;
        match mode {
            Mode::Splashdam => {
                let settings = Settings { endpoint: endpoint.url.clone(), ..Settings::default() };
                far.sidecar = Some(Sidecar::start(&session.programs.splashdam, &settings, far.folder())?);
            }
            Mode::Shipper => far.start_shipper(session, &endpoint)?,
            _ => {}
        }
        far.endpoint = Some(endpoint);
        Ok(far)
    }

    /// It gets a folder on a disk, or in memory where there is no disk, as in the load record.
    fn start_shipper(&mut self, session: &Session, endpoint: &Endpoint) -> Result<()> {
        let shipper = session.shipper.as_ref().ok_or_else(|| wrong("mode shipper", "needs --shipper and --to"))?;
        self.disk = SpoolFolder::new(&session.spool_in).ok();
        let dir = self.disk.as_ref().map_or(self.folder.path(), SpoolFolder::path);
        self.shipper = Some(Started::start(shipper, endpoint, None, self.folder.path(), dir)?);
        Ok(())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn logging(&self) -> Logging<'_> {
        let sidecar = self.sidecar.as_ref().map(|sidecar| sidecar.socket.as_path());
        Logging {
            mode: self.mode,
            socket: sidecar.or(self.shipper.as_ref().map(|shipper| shipper.socket.as_path())),
            endpoint: self.endpoint.as_ref().map(|endpoint| endpoint.url.as_str()),
        }
    }

    pub(crate) fn cpu(&self) -> Result<FarCpu> {
        let endpoint = self.endpoint.as_ref().map(Endpoint::report).transpose()?.flatten();
        let sidecar = self.sidecar.as_ref().map(Sidecar::cpu_seconds).transpose()?;
        // Absent where it has gone: what it used is not known then.
        let shipper = self.shipper.as_ref().and_then(|shipper| kernel::group_cpu_seconds(shipper.pid()).ok());
        Ok(FarCpu { sidecar: sidecar.or(shipper), endpoint: endpoint.map(|report| report.cpu_seconds()) })
    }

    /// Of the sidecar, or of the shipper's processes that there are now.
    pub(crate) fn sidecar_peak_mib(&self) -> Result<Option<f64>> {
        if let Some(shipper) = &self.shipper {
            return Ok(kernel::group_peak_mib(shipper.pid()).ok().filter(|mib| *mib > 0.0));
        }
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

    /// Ends the shipper in order, and waits: what it still had has arrived then, as far as it cares. Says what was not in order.
    pub(crate) fn stop_shipper(&mut self) -> Result<Option<String>> {
        let Some(mut shipper) = self.shipper.take() else { return Ok(None) };
        if let Some(how) = shipper.ended()? {
            return Ok(Some(format!("the shipper {how}")));
        }
        Ok(shipper.stop()?.map(|what| format!("at its end: {what}")))
    }

    /// Acceptances beyond the first of a record, of all numbers.
    pub(crate) fn doubled(&self) -> Result<u64> {
        let report = self.endpoint.as_ref().map(Endpoint::report).transpose()?.flatten();
        Ok(report.map_or(0, |report| report.marks.doubled))
    }
}
