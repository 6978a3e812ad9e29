//! A child process that does not outlive its handle, nor does what it has started.
//!
//! Each leads a process group of its own: the terminal's Ctrl-C does not reach it, so that an interrupted run can still be ended in
//! order, and what is left of the group when its leader has ended is killed.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, kill_process_group, waitid, Pid, Signal, WaitId, WaitIdOptions};

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
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let child = command.spawn().map_err(io("start", format!("{name} ({:?})", command.get_program())))?;
        warden::tell('+', child.id());
        Ok(Self { name, child, ended: None, output: None })
    }

    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// What it writes to standard error, if its command asked for a pipe.
    pub(crate) fn stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.child.stderr.take()
    }

    /// Its pid, which is its process group's, too.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn raw_pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.pid()).ok()?)
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        if self.ended.is_none() {
            if let Some(pid) = self.raw_pid() {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }

    /// Kills it and its group as the kernel would, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.kill_group();
            self.child.kill().map_err(io("kill", self.name))?;
            self.wait(Duration::from_secs(10))?;
        }
        Ok(())
    }

    /// Only while its leader has not been waited for: then the number cannot be anybody else's.
    fn kill_group(&self) {
        if let Some(pid) = self.raw_pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() && self.has_exited()? {
            self.kill_group();
            self.ended = self.child.try_wait().map_err(io("wait for", self.name))?;
            if self.ended.is_some() {
                warden::tell('-', self.child.id());
            }
        }
        Ok(self.ended)
    }

    /// Asks without taking the answer: the pid stays its own.
    fn has_exited(&self) -> Result<bool> {
        let Some(pid) = self.raw_pid() else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(pid), options).map_err(|error| io("wait for", self.name)(error.into()))?;
        Ok(status.is_some())
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
            self.kill_group();
            let _ = self.child.kill();
            let _ = self.child.wait();
            warden::tell('-', self.child.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn("a shell", Command::new("/bin/sh").args(["-c", script])).unwrap()
    }

    /// Gone, or dead and not yet waited for by whoever inherited it.
    fn is_over(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    fn until(what: impl Fn() -> bool) {
        let begin = Instant::now();
        while !what() {
            assert!(begin.elapsed() < Duration::from_secs(30));
            thread::sleep(POLL);
        }
    }

    #[test]
    fn what_it_started_ends_with_it() {
        let mut leader = shell("sleep 60 >/dev/null & echo $!");
        assert!(leader.wait(Duration::from_secs(30)).unwrap().success());
        let child = leader.output().trim().to_owned();
        assert!(!child.is_empty());
        until(|| is_over(&child));
    }

    #[test]
    fn it_leads_a_group_of_its_own() {
        let mut leader = shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat");
        leader.wait(Duration::from_secs(30)).unwrap();
        assert_eq!(leader.output().trim(), leader.pid().to_string());
    }
}
