//! Children end with us, however we end.
//!
//! Dropping a [`super::process::Process`] kills its child, but nothing is dropped when this process is itself
//! killed. So a second process of this program, the warden, is told each child's pid through a pipe; when the
//! pipe closes, because we are gone, it kills those that were not taken back. It has a process group of its
//! own, so that the terminal's Ctrl-C does not reach it first.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{kill_process, kill_process_group, Pid, Signal};

use crate::error::{io, Result};

static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// Has a warden beside all that `work` does.
pub(crate) fn with<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let program = std::env::current_exe().map_err(io("find", "this program"))?;
    let mut warden = Command::new(program)
        .arg("warden")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(io("start", "the warden"))?;
    *pipe() = warden.stdin.take();
    let result = work();
    *pipe() = None;
    let _ = warden.wait();
    result
}

fn pipe() -> MutexGuard<'static, Option<ChildStdin>> {
    PIPE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the warden of a child that began (`+`) or was waited for (`-`).
pub(super) fn tell(what: char, pid: u32) {
    if let Some(pipe) = pipe().as_mut() {
        // Without a warden, children still end when they are dropped.
        let _ = writeln!(pipe, "{what}{pid}");
    }
}

/// The warden's own life: remembers children until its standard input ends, then kills the rest.
pub(crate) fn watch(input: impl BufRead) {
    let mut alive = BTreeSet::new();
    for line in input.lines().map_while(std::result::Result::ok) {
        match (line.get(..1), line.get(1..).and_then(|pid| pid.parse::<i32>().ok())) {
            (Some("+"), Some(pid)) => alive.insert(pid),
            (Some("-"), Some(pid)) => alive.remove(&pid),
            _ => false,
        };
    }
    for pid in alive.into_iter().filter_map(Pid::from_raw) {
        // Each leads a group, unless it was only just started.
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_children_not_taken_back_are_killed() {
        let sleeper = || Command::new("sleep").arg("60").spawn().unwrap();
        let (mut left, mut kept) = (sleeper(), sleeper());
        watch(format!("+{}\n+{}\n-{}\n", left.id(), kept.id(), kept.id()).as_bytes());
        assert!(!left.wait().unwrap().success());
        assert!(kept.try_wait().unwrap().is_none());
        kept.kill().unwrap();
        kept.wait().unwrap();
    }
}
