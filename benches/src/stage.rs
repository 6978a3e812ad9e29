//! One run: endpoint and sidecar set up, a feeder let loose, everything awaited, asked and ended.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::endpoint::{self, Behaviour, Endpoint};
use crate::error::{io, wrong, Error, Result};
use crate::feed;
use crate::host::clock::{own_cpu, unix_micros};
use crate::host::kernel::{self, machine, Machine, Resident};
use crate::host::process::Process;
use crate::sidecar::{Settings, Sidecar};
use crate::watch::{Seen, Watch};

/// The programs that take part.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) splashdam: PathBuf,
    pub(crate) emulator: PathBuf,
    /// The client crate's examples are here, if they were built.
    pub(crate) examples: PathBuf,
}

/// No record ended for so long: something hangs.
const STUCK: Duration = Duration::from_secs(60);

/// A run that is shorter than the pause between two scrapes waits so long for one.
const FIRST_SCRAPE: Duration = Duration::from_secs(3);

/// Fields are dropped in this order: who asks first, who is asked last.
#[derive(Debug)]
pub(crate) struct Stage {
    watch: Watch,
    pub(crate) sidecar: Sidecar,
    pub(crate) endpoint: Option<Endpoint>,
    feeders: Vec<feed::Report>,
    machine: Machine,
    own_cpu: Duration,
    folder: TempDir,
}

/// A feeder at work.
#[derive(Debug)]
pub(crate) struct Feeder {
    process: Process,
    begin_micros: u64,
    /// As last seen: for programs that do not tell their own.
    cpu_seconds: f64,
}

impl Feeder {
    /// Asks a paced text feeder to write no more.
    pub(crate) fn stop(&self) {
        self.process.terminate();
    }
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) feeders: Vec<feed::Report>,
    pub(crate) report: endpoint::Report,
    pub(crate) seen: Seen,
    /// CPU of the sidecar since it was ready.
    pub(crate) cpu_seconds: f64,
    pub(crate) resident: Resident,
    /// From the first byte written to the last record accepted.
    pub(crate) seconds: f64,
    /// When the last record was accepted, microseconds since the epoch.
    pub(crate) last_accept_micros: u64,
    /// CPUs that processes other than ours kept busy meanwhile.
    pub(crate) others: f64,
    pub(crate) last_line: String,
}

impl Stage {
    /// Endpoint first, then the sidecar.
    pub(crate) fn set(programs: &Programs, behaviour: &Behaviour, settings: Settings<'_>) -> Result<Self> {
        let folder = folder()?;
        let endpoint = Endpoint::start(&programs.emulator, behaviour, folder.path())?;
        let settings = Settings { endpoint: endpoint.url.clone(), ca: endpoint.ca.clone(), ..settings };
        let mut stage = Self::without_endpoint(programs, &settings, folder)?;
        stage.endpoint = Some(endpoint);
        Ok(stage)
    }

    /// The sidecar alone; the endpoint may come later.
    pub(crate) fn without_endpoint(programs: &Programs, settings: &Settings<'_>, folder: TempDir) -> Result<Self> {
        let sidecar = Sidecar::start(&programs.splashdam, settings, folder.path())?;
        let watch = Watch::start(sidecar.admin);
        let (machine, own_cpu) = (machine()?, own_cpu());
        Ok(Self { watch, sidecar, endpoint: None, feeders: Vec::new(), machine, own_cpu, folder })
    }

    /// Starts the endpoint that the sidecar has missed so far.
    pub(crate) fn bring_up(&mut self, programs: &Programs, behaviour: &Behaviour) -> Result<()> {
        self.endpoint = Some(Endpoint::start(&programs.emulator, behaviour, self.folder.path())?);
        Ok(())
    }

    /// Kills the sidecar as the kernel would; returns what was seen of it.
    pub(crate) fn kill(&mut self) -> Result<Seen> {
        let seen = self.watch.stop();
        self.sidecar.kill()?;
        Ok(seen)
    }

    /// Starts a sidecar in place of one that was killed; its socket may not accept yet.
    pub(crate) fn restart(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<()> {
        self.sidecar = Sidecar::spawn(&programs.splashdam, settings, self.folder.path())?;
        self.watch = Watch::start(self.sidecar.admin);
        Ok(())
    }

    /// The endpoint, which is there.
    pub(crate) fn remote(&self) -> Result<&Endpoint> {
        self.endpoint.as_ref().ok_or_else(|| wrong("the stage", "has no endpoint"))
    }

    /// What the endpoint says now.
    pub(crate) fn report(&self) -> Result<endpoint::Report> {
        self.remote()?.report()?.ok_or_else(|| wrong("the endpoint", "gave no report"))
    }

    /// Starts another program that feeds the sidecar.
    pub(crate) fn feed_with(&self, program: &Path, arguments: &str) -> Result<Feeder> {
        let mut command = Command::new(program);
        command.args(arguments.split_ascii_whitespace()).arg("--socket").arg(&self.sidecar.socket);
        let begin_micros = unix_micros();
        Ok(Feeder { process: Process::spawn("the feeder", &mut command)?, begin_micros, cpu_seconds: 0.0 })
    }

    /// Starts this program as a feeder.
    pub(crate) fn feed(&self, arguments: &str) -> Result<Feeder> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        self.feed_with(&own, arguments)
    }

    /// Waits until a feeder of ours has ended.
    pub(crate) fn join(&mut self, mut feeder: Feeder, longest: Duration) -> Result<feed::Report> {
        self.wait_for(&mut feeder, longest)?;
        let report: feed::Report =
            serde_json::from_str(&feeder.process.output()).map_err(|error| wrong("the feeder's report", error))?;
        self.feeders.push(report.clone());
        Ok(report)
    }

    /// Waits until another program has fed so many records, and returns what it printed.
    pub(crate) fn join_other(&mut self, mut feeder: Feeder, records: u64, longest: Duration) -> Result<String> {
        self.wait_for(&mut feeder, longest)?;
        let Feeder { begin_micros, cpu_seconds, .. } = feeder;
        let end_micros = unix_micros();
        self.feeders.push(feed::Report { records, begin_micros, end_micros, cpu_seconds, ..feed::Report::default() });
        Ok(feeder.process.output())
    }

    /// Whether a feeder has ended as it should. Fails where it ended otherwise, or the sidecar did.
    pub(crate) fn has_fed(&mut self, feeder: &mut Feeder) -> Result<bool> {
        if let Some(status) = feeder.process.ended()? {
            return match status.success() {
                true => Ok(true),
                false => Err(wrong("the feeder", format!("ended with {status}"))),
            };
        }
        feeder.cpu_seconds = kernel::cpu_seconds(feeder.process.pid()).unwrap_or(feeder.cpu_seconds);
        // A feeder's writes wait for a sidecar; one that has died would be waited for in vain.
        self.sidecar.check_alive()?;
        Ok(false)
    }

    fn wait_for(&mut self, feeder: &mut Feeder, longest: Duration) -> Result<()> {
        let begin = Instant::now();
        while !self.has_fed(feeder)? {
            if begin.elapsed() > longest {
                let what = format!("end of the feeder (the sidecar says: {})", self.sidecar.last_words());
                return Err(Error::Late { what, seconds: longest.as_secs_f64() });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits until so many records have ended, as long as some go on doing so.
    pub(crate) fn settle(&mut self, records: u64) -> Result<()> {
        self.settle_unless(records, &|| false).map(drop)
    }

    /// The same; false where it was stopped before.
    pub(crate) fn settle_unless(&mut self, records: u64, stop: &dyn Fn() -> bool) -> Result<bool> {
        let (mut since, mut before) = (Instant::now(), 0);
        loop {
            let ended = self.ended()?;
            if ended >= records {
                return Ok(true);
            }
            if stop() {
                return Ok(false);
            }
            if ended > before {
                (since, before) = (Instant::now(), ended);
            }
            if since.elapsed() > STUCK {
                let (account, words) = (self.seen().latest.account(), self.sidecar.last_words());
                let what = format!("end of {records} records ({ended} ended; account: {account}; it says: {words})");
                return Err(Error::Late { what, seconds: STUCK.as_secs_f64() });
            }
            self.sidecar.check_alive()?;
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// As the sidecar says, or while it says nothing, as the endpoint does.
    fn ended(&self) -> Result<u64> {
        let seen = self.watch.seen();
        if seen.scrapes > 0 || seen.failed == 0 {
            return Ok(u64::try_from(seen.latest.account().ended()).unwrap_or(0));
        }
        let report = self.endpoint.as_ref().map(Endpoint::report).transpose()?.flatten();
        Ok(report.map_or(0, |report| report.marks.unique))
    }

    pub(crate) fn seen(&self) -> Seen {
        self.watch.seen()
    }

    /// Reads what has to be read from live processes, then ends them.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        let (cpu_seconds, resident) = (self.sidecar.cpu_seconds()?, self.sidecar.resident()?);
        let (machine_now, window) = (machine()?, own_cpu().saturating_sub(self.own_cpu));
        self.watch.wait_for_one(FIRST_SCRAPE);
        let seen = self.watch.stop();
        let last_line = self.sidecar.stop()?;
        let endpoint = self.endpoint.as_mut().ok_or_else(|| wrong("the stage", "never had an endpoint"))?;
        let report = endpoint.stop()?;

        let begin = self.feeders.iter().map(|feeder| feeder.begin_micros).min().unwrap_or_default();
        let last_accept_micros = endpoint.last_accept_micros(&report).unwrap_or_default();
        let seconds = last_accept_micros.saturating_sub(begin) as f64 / 1e6;
        let feeding: f64 = self.feeders.iter().map(|feeder| feeder.cpu_seconds).sum();
        let ours = cpu_seconds + report.cpu_seconds() + feeding + window.as_secs_f64();
        let busy = machine_now.busy_seconds - self.machine.busy_seconds;
        let others = (busy - ours).max(0.0) / seconds.max(f64::MIN_POSITIVE);
        let feeders = std::mem::take(&mut self.feeders);
        Ok(Finished { feeders, report, seen, cpu_seconds, resident, seconds, last_accept_micros, others, last_line })
    }
}

pub(crate) fn folder() -> Result<TempDir> {
    tempfile::Builder::new().prefix("splashdam-bench-").tempdir().map_err(io("make", "a folder for a run"))
}
