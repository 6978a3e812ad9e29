//! The shipped binary as a process, with shipped defaults but for what a row names.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::account::Scrape;
use crate::endpoint::SECRET;
use crate::error::{io, wrong, Error, Result};
use crate::host::cgroup::Cgroup;
use crate::host::process::Process;
use crate::host::{http, kernel};

const START: Duration = Duration::from_secs(10);
/// Its own deadline is 25 s.
const END: Duration = Duration::from_secs(40);
const SCRAPE: Duration = Duration::from_secs(5);

/// What a row says about the sidecar.
#[derive(Debug, Default)]
pub(crate) struct Settings<'a> {
    pub(crate) endpoint: String,
    pub(crate) ca: Option<PathBuf>,
    /// The memory budget; the binary's own default unless set.
    pub(crate) memory: Option<&'static str>,
    /// Where and how its records also stand on disk; nowhere unless set.
    pub(crate) spool: Option<Spool>,
    /// Further flags, as they are.
    pub(crate) flags: Vec<String>,
    /// A memory limit from the kernel.
    pub(crate) cgroup: Option<&'a Cgroup>,
}

/// What a row says about the spool; the binary's own defaults unless set.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    pub(crate) dir: PathBuf,
    pub(crate) max: Option<&'static str>,
    pub(crate) survives: Option<&'static str>,
}

impl Spool {
    pub(crate) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), max: None, survives: None }
    }
}

#[derive(Debug)]
pub(crate) struct Sidecar {
    process: Process,
    pub(crate) socket: PathBuf,
    pub(crate) admin: SocketAddr,
    log: PathBuf,
    cpu_at_ready: f64,
}

impl Sidecar {
    /// Starts it and waits until its socket accepts.
    pub(crate) fn start(program: &Path, settings: &Settings<'_>, folder: &Path) -> Result<Self> {
        let mut sidecar = Self::spawn(program, settings, folder)?;
        sidecar.wait_ready()?;
        sidecar.cpu_at_ready = kernel::cpu_seconds(sidecar.process.pid())?;
        Ok(sidecar)
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(program: &Path, settings: &Settings<'_>, folder: &Path) -> Result<Self> {
        let (socket, log) = (folder.join("s.sock"), folder.join("sidecar.log"));
        let admin = free_address()?;
        let mut command = match settings.cgroup {
            None => Command::new(program),
            Some(cgroup) => cgroup.command(program),
        };
        command.arg("run").arg("--socket").arg(&socket).args(["--group", "bench", "--stream", "bench"]);
        command.args(["--endpoint-url", &settings.endpoint, "--region", "us-east-1"]);
        command.args(["--admin", &admin.to_string()]);
        if let Some(memory) = settings.memory {
            command.args(["--memory", memory]);
        }
        if let Some(spool) = &settings.spool {
            command.arg("--spool-dir").arg(&spool.dir);
            let flags = [("--spool-max", spool.max), ("--spool-survives", spool.survives)];
            command.args(flags.iter().filter_map(|(flag, value)| Some([*flag, (*value)?])).flatten());
        }
        command.args(&settings.flags);
        // Nothing of the caller's AWS configuration may reach a measurement, nor of its splashdam one.
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let ours = ["AWS_", "SPLASHDAM_", "RUST_"].iter().any(|prefix| known.starts_with(prefix));
            if ours || known.to_ascii_uppercase().ends_with("_PROXY") {
                command.env_remove(&name);
            }
        }
        command.envs([("AWS_ACCESS_KEY_ID", "AKIDBENCH"), ("AWS_SECRET_ACCESS_KEY", SECRET)]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        if let Some(ca) = &settings.ca {
            command.env("AWS_CA_BUNDLE", ca);
        }
        command.stderr(File::create(&log).map_err(io("create", log.display()))?);
        let process = Process::spawn("the sidecar", &mut command)?;
        Ok(Self { process, socket, admin, log, cpu_at_ready: 0.0 })
    }

    fn wait_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            self.check_alive()?;
            // Without a byte sent, this is not a client.
            if UnixStream::connect(&self.socket).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(Error::Late { what: format!("start of the sidecar ({})", self.last_words()), seconds: START.as_secs_f64() })
    }

    /// Fails if it has ended, with its last words.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        self.ended()?.map_or(Ok(()), |how| Err(wrong("the sidecar", how)))
    }

    /// The end of what it wrote to standard error.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Has it said so?
    pub(crate) fn has_said(&self, words: &str) -> bool {
        std::fs::read_to_string(&self.log).is_ok_and(|log| log.contains(words))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended and its last words, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<String>> {
        Ok(self.process.ended()?.map(|status| format!("ended with {status}: {}", self.last_words())))
    }

    /// Its exit status, if it has ended.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Asks it to end in order, and does not wait.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// CPU time since it was ready.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        Ok(kernel::cpu_seconds(self.process.pid())? - self.cpu_at_ready)
    }

    pub(crate) fn resident(&self) -> Result<kernel::Resident> {
        kernel::resident(self.process.pid())
    }

    pub(crate) fn dirtied(&self) -> Result<u64> {
        kernel::dirtied(self.process.pid())
    }

    /// Kills it as the kernel would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end in order, and waits; returns the last line it wrote.
    pub(crate) fn stop(&mut self) -> Result<String> {
        self.process.terminate();
        let status = self.process.wait(END)?;
        let words = self.last_words();
        match status.success() {
            true => Ok(words.rsplit(" | ").next().unwrap_or_default().to_owned()),
            false => Err(wrong("the sidecar", format!("ended with {status}: {words}"))),
        }
    }
}

/// Reads `/metrics`.
pub(crate) fn scrape(admin: SocketAddr) -> Result<Scrape> {
    let answer = http::get(admin, "/metrics", SCRAPE)?;
    match answer.status {
        200 => Ok(Scrape::parse(&answer.body)),
        status => Err(wrong(format!("http://{admin}/metrics"), format!("answered {status}"))),
    }
}

/// An address of the loopback interface that nobody listens on right now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(io("bind", "127.0.0.1:0"))?;
    listener.local_addr().map_err(io("read the address of", "a socket"))
}
