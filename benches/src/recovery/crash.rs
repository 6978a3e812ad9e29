//! A spool is filled while nobody listens at the remote's address, its sidecar is killed, and another is started in its place.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::endpoint::Behaviour;
use crate::error::{wrong, Error, Result};
use crate::feed::framed::first_admitted;
use crate::host::clock::unix_micros;
use crate::host::disk::SpoolFolder;
use crate::sidecar::{free_address, Settings, Spool};
use crate::stage::{folder, Finished, Programs, Stage};
use crate::watch::Seen;

/// Bytes of a record.
pub(super) const SIZE: u64 = 200;
pub(super) const BUDGET_MIB: f64 = 64.0;
const BUDGET: &str = "64MiB";
const CLIENTS: u64 = 2;
/// No disk is so slow that this many records a second are too many to fill it with.
const SLOWEST_FILL: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// The first record and the first send are waited for so long; what takes longer is no recovery.
const SOON: Duration = Duration::from_secs(120);

/// What is to be left behind, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) spool_in: &'a Path,
    pub(crate) records: u64,
    /// What the spool may take.
    pub(crate) max_mib: u64,
}

/// How the start after it went; times from just before the process was started.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Bytes of files that were left behind.
    pub(crate) bytes: u64,
    pub(crate) first_record: Duration,
    pub(crate) first_send: Duration,
    pub(crate) all_delivered: Duration,
    pub(crate) peak_until_first_send: f64,
    pub(crate) finished: Finished,
    while_filling: Seen,
}

impl Recovered {
    /// Why it does not count, if the sidecar that was killed had lost count.
    pub(crate) fn wrong_while_filling(&self) -> Option<String> {
        let seen = &self.while_filling;
        let why = || format!("while it filled up, {} scrapes did not add up: {:?}", seen.wrong, seen.first_wrong);
        (seen.wrong > 0).then(why)
    }
}

impl Crash<'_> {
    /// Fills, kills, restarts and waits until all was delivered; the first record after the start has the number behind the last.
    /// Nothing where it was stopped meanwhile.
    pub(crate) fn recovered(&self, stop: &dyn Fn() -> bool) -> Result<Option<Recovered>> {
        let (spool, listen) = (SpoolFolder::new(self.spool_in)?, free_address()?);
        let settings = Settings {
            endpoint: format!("http://{listen}"),
            memory: Some(BUDGET),
            spool: Some(Spool::at(spool.path())),
            flags: vec!["--spool-max".to_owned(), format!("{}MiB", self.max_mib)],
            ..Settings::default()
        };
        let mut stage = Stage::without_endpoint(self.programs, &settings, folder()?)?;
        if !self.fill(&mut stage, stop)? {
            return Ok(None);
        }
        let while_filling = stage.kill()?;
        let bytes = spool.bytes();

        let behaviour = Behaviour { listen: Some(listen), numbers: self.records + 1, ..Behaviour::default() };
        stage.bring_up(self.programs, &behaviour)?;
        let begin = unix_micros();
        let since = |micros: u64| Duration::from_micros(micros.saturating_sub(begin));
        stage.restart(self.programs, &settings)?;
        first_admitted(&stage.sidecar.socket, self.records, SOON)?;
        let first_record = since(unix_micros());
        let first_send = since(first_batch(&mut stage)?);
        let peak_until_first_send = stage.sidecar.resident()?.peak;
        if !stage.settle_unless(self.records + 1, stop)? {
            return Ok(None);
        }
        let finished = stage.finish()?;
        let all_delivered = since(finished.last_accept_micros);
        let recovered = Recovered {
            bytes,
            first_record,
            first_send,
            all_delivered,
            peak_until_first_send,
            finished,
            while_filling,
        };
        Ok(Some(recovered))
    }

    /// Writes until all is durable; false where it was stopped before.
    fn fill(&self, stage: &mut Stage, stop: &dyn Fn() -> bool) -> Result<bool> {
        let (records, patience) = (self.records, PATIENCE.as_secs());
        let mut feeder = stage.feed(&format!(
            "framed --connections {CLIENTS} --records {records} --size {SIZE} --await durable --flush-timeout {patience}"
        ))?;
        let longest = Duration::from_secs(records / SLOWEST_FILL) + PATIENCE;
        let begin = Instant::now();
        while !stage.has_fed(&mut feeder)? {
            if stop() {
                return Ok(false);
            }
            if begin.elapsed() > longest {
                return Err(Error::Late { what: "filling the spool".into(), seconds: longest.as_secs_f64() });
            }
            thread::sleep(Duration::from_millis(5));
        }
        let report = stage.join(feeder, PATIENCE)?;
        match report.ended.iter().all(|ended| (ended.pending, ended.rejected, ended.dropped) == (0, 0, 0)) {
            true => Ok(true),
            false => Err(wrong("a client that fills the spool", format!("was told {:?}", report.ended))),
        }
    }
}

/// When the endpoint took the first batch, microseconds since the epoch.
fn first_batch(stage: &mut Stage) -> Result<u64> {
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        if let Some(micros) = stage.remote()?.first_accept_micros(&stage.report()?) {
            return Ok(micros);
        }
        stage.sidecar.check_alive()?;
        thread::sleep(Duration::from_millis(5));
    }
    Err(Error::Late { what: "the first batch after the start".into(), seconds: SOON.as_secs_f64() })
}
