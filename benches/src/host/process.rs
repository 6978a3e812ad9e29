//! A child process that does not outlive its handle.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};

use super::warden;
use crate::error::{io, Error, Result};

const POLL: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    ended: Option<ExitStatus>,
    output: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts a program whose whole standard output is kept for [`Self::output`].
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut process = Self::spawn_piped(name, command)?;
        if let Some(mut stdout) = process.child.stdout.take() {
            process.output = Some(thread::spawn(move || {
                let mut text = String::new();
                let _ = stdout.read_to_string(&mut text);
                text
            }));
        }
        Ok(process)
    }

    /// Starts a program whose standard output is the caller's to read.
    pub(crate) fn spawn_piped(name: &'static str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(io("start", format!("{name} ({:?})", command.get_program())))?;
        warden::tell('+', child.id());
        Ok(Self { name, child, ended: None, output: None })
    }

    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        if self.ended.is_none() {
            if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }

    /// Kills it as the kernel would, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().map_err(io("kill", self.name))?;
            self.wait(Duration::from_secs(10))?;
        }
        Ok(())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().map_err(io("wait for", self.name))?;
            if self.ended.is_some() {
                warden::tell('-', self.child.id());
            }
        }
        Ok(self.ended)
    }

    pub(crate) fn wait(&mut self, longest: Duration) -> Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if begin.elapsed() > longest {
                return Err(Error::Late { what: format!("end of {}", self.name), seconds: longest.as_secs_f64() });
            }
            thread::sleep(POLL);
        }
    }

    /// What it wrote to standard output; call it when it has ended.
    pub(crate) fn output(&mut self) -> String {
        self.output.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            warden::tell('-', self.child.id());
        }
    }
}
