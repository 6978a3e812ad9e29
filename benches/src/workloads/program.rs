//! A program that speaks in lines on standard error: an app, or the load generator. Its standard output is read and thrown away.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{wrong, Error, Result};
use crate::host::kernel;
use crate::host::process::Process;

/// Lines that are kept; of a program that says more, the latest.
const KEPT: usize = 1_000;
/// A line is cut here.
const LONGEST_LINE: u64 = 16 << 20;
const POLL: Duration = Duration::from_millis(5);
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    process: Process,
    said: Arc<Said>,
    /// CPU of its process group, as last seen: the kernel forgets it with the last process.
    cpu_seconds: f64,
    /// The most memory that its group's processes were seen to have had.
    peak_mib: Option<f64>,
    looked: Instant,
}

#[derive(Debug, Default)]
struct Said {
    lines: Mutex<VecDeque<String>>,
    more: Condvar,
    /// Nothing more will be said.
    over: AtomicBool,
}

impl Said {
    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        let mut lines = self.lines();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
        self.more.notify_all();
    }
}

impl Program {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut process = Process::spawn_piped(name, command.stderr(Stdio::piped()))?;
        let said = Arc::new(Said::default());
        if let Some(mut stdout) = process.stdout() {
            thread::spawn(move || {
                let mut piece = vec![0; 64 << 10];
                while stdout.read(&mut piece).is_ok_and(|read| read > 0) {}
            });
        }
        if let Some(stderr) = process.stderr() {
            let said = Arc::clone(&said);
            thread::spawn(move || read_lines(BufReader::new(stderr), &said));
        }
        Ok(Self { name, process, said, cpu_seconds: 0.0, peak_mib: None, looked: Instant::now() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// CPU of its whole process group so far.
    pub(crate) fn cpu_seconds(&mut self) -> f64 {
        self.cpu_seconds = kernel::group_cpu_seconds(self.pid()).unwrap_or(self.cpu_seconds).max(self.cpu_seconds);
        self.cpu_seconds
    }

    /// Summed over its group's processes; nothing where it ended before anybody looked. Of those that have ended, as far as somebody waited for this program meanwhile.
    pub(crate) fn peak_mib(&mut self) -> Option<f64> {
        let now = kernel::group_peak_mib(self.pid()).ok().filter(|mib| *mib > 0.0);
        self.peak_mib = [self.peak_mib, now].into_iter().flatten().reduce(f64::max);
        self.peak_mib
    }

    /// Looks at what will be forgotten; seldom, because it takes CPU that others need.
    fn look(&mut self) {
        if self.looked.elapsed() > LOOK {
            self.looked = Instant::now();
            self.peak_mib();
        }
    }

    /// Waits for a line that begins so, and returns the rest of it.
    pub(crate) fn wait_for(&mut self, prefix: &str, longest: Duration) -> Result<String> {
        let begin = Instant::now();
        loop {
            // In this order: what was said before its end is among the lines by then.
            let ended = self.process.ended()?.filter(|_| self.said.over.load(Ordering::Acquire));
            self.look();
            let (lines, _) = self
                .said
                .more
                .wait_timeout_while(self.said.lines(), POLL, |lines| !lines.iter().any(|line| line.starts_with(prefix)))
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(rest) = lines.iter().find_map(|line| line.strip_prefix(prefix)) {
                return Ok(rest.to_owned());
            }
            drop(lines);
            if let Some(status) = ended {
                return Err(wrong(
                    self.name,
                    format!("ended with {status} before it said `{prefix}`: {}", self.last_words()),
                ));
            }
            if begin.elapsed() > longest || crate::interrupt::asked() {
                let what = format!("`{prefix}` of {} ({})", self.name, self.last_words());
                return Err(Error::Late { what, seconds: begin.elapsed().as_secs_f64() });
            }
        }
    }

    /// Waits for its end; how it ended is the caller's to judge.
    pub(crate) fn wait(&mut self, longest: Duration) -> Result<bool> {
        let begin = Instant::now();
        loop {
            self.cpu_seconds();
            self.look();
            if let Some(status) = self.process.ended()?.filter(|_| self.said.over.load(Ordering::Acquire)) {
                return Ok(status.success());
            }
            if begin.elapsed() > longest {
                let what = format!("end of {} ({})", self.name, self.last_words());
                return Err(Error::Late { what, seconds: longest.as_secs_f64() });
            }
            thread::sleep(POLL);
        }
    }

    /// Asks it to end in order, and waits.
    pub(crate) fn stop(&mut self, longest: Duration) -> Result<()> {
        self.process.terminate();
        match self.wait(longest)? {
            true => Ok(()),
            false => Err(wrong(self.name, format!("did not end in order: {}", self.last_words()))),
        }
    }

    /// The lines that begin so, without their beginning.
    pub(crate) fn lines(&self, prefix: &str) -> Vec<String> {
        self.said.lines().iter().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    /// The end of what it said.
    pub(crate) fn last_words(&self) -> String {
        let lines = self.said.lines();
        let last = lines.iter().skip(lines.len().saturating_sub(5));
        last.map(|line| line.chars().take(300).collect()).collect::<Vec<String>>().join(" | ")
    }
}

/// To the end, which comes when the last process that could speak is gone.
fn read_lines(mut from: impl BufRead, said: &Said) {
    let mut line = Vec::new();
    while from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        said.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    said.over.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Program {
        Program::start("a shell", Command::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_line_is_awaited_and_the_rest_of_it_returned() {
        let mut program = shell("echo one >&2; echo 'ready: 7' >&2; sleep 60");
        assert_eq!(program.wait_for("ready: ", LONG).unwrap(), "7");
        assert_eq!(program.lines(""), ["one", "ready: 7"]);
    }

    #[test]
    fn the_end_is_told_with_the_last_words() {
        let error = shell("echo 'no such file' >&2; exit 3").wait_for("ready: ", LONG).unwrap_err().to_string();
        assert!(error.contains("no such file") && error.contains('3'), "{error}");
    }

    #[test]
    fn its_output_is_read_so_that_it_never_waits() {
        let mut program = shell("head -c 1000000 /dev/zero; echo done >&2");
        program.wait_for("done", LONG).unwrap();
        assert!(program.wait(LONG).unwrap());
    }

    #[test]
    fn the_cpu_of_children_is_seen() {
        let mut program = shell("(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done); echo done >&2; sleep 60");
        program.wait_for("done", LONG).unwrap();
        assert!(program.cpu_seconds() > 0.0);
    }
}
