//! What the kernel says about all processes of a process group: a server and its workers, or somebody else's shipper.
//!
//! Each child that [`crate::host::process`] starts leads a group of its own. Children that the group's processes have waited for
//! stay in its CPU time; those that nobody of the group waits for are lost with their end, and so is their memory's peak.

use std::fs;

use super::{io_counts, resident, threads_seconds, IoCounts, Resident, TICKS_PER_SECOND};
use crate::error::{io, wrong, Result};

/// What is read of one process.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Member {
    group: u32,
    own_seconds: f64,
    /// Of children it has waited for.
    children_seconds: f64,
}

/// User and system time of a group's live processes, and of their children that were waited for, in seconds.
pub(crate) fn group_cpu_seconds(pgid: u32) -> Result<f64> {
    let of = |(pid, member): &(u32, Member)| member.own_seconds.max(threads_seconds(*pid)) + member.children_seconds;
    Ok(members(pgid)?.iter().map(of).sum())
}

/// The sum of the live processes' peaks, in MiB. They need not have been at one moment, and pages that processes share count once
/// for each: too much, never too little.
pub(crate) fn group_peak_mib(pgid: u32) -> Result<f64> {
    Ok(group_resident(pgid)?.peak)
}

/// The sums of what the live processes have in memory now, and of their peaks; shared pages count once for each process.
pub(crate) fn group_resident(pgid: u32) -> Result<Resident> {
    let members = members(pgid)?;
    // One that has ended meanwhile, or that nobody has waited for yet, has no memory.
    let each = members.iter().filter_map(|(pid, _)| resident(*pid).ok());
    Ok(each.fold(Resident { now: 0.0, peak: 0.0 }, |sum, one| Resident {
        now: sum.now + one.now,
        peak: sum.peak + one.peak,
    }))
}

/// What the live processes have had read from and written to storage.
pub(crate) fn group_io_counts(pgid: u32) -> Result<IoCounts> {
    let members = members(pgid)?;
    let each = members.iter().filter_map(|(pid, _)| io_counts(*pid).ok());
    Ok(each.fold(IoCounts::default(), |sum, one| IoCounts {
        read: sum.read + one.read,
        written: sum.written + one.written,
    }))
}

/// The group's processes with their pids; the error says that there are none.
fn members(pgid: u32) -> Result<Vec<(u32, Member)>> {
    let entries = fs::read_dir("/proc").map_err(io("list", "/proc"))?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.filter_map(|pid| {
        let member = parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        (member.group == pgid).then_some((pid, member))
    });
    let members: Vec<_> = found.collect();
    match members.is_empty() {
        false => Ok(members),
        true => Err(wrong(format!("process group {pgid}"), "has no process left")),
    }
}

fn parse(stat: &str) -> Option<Member> {
    // As in `parse_stat`: the name in parentheses may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |range: std::ops::Range<usize>| {
        fields.get(range)?.iter().map(|field| field.parse::<f64>().ok()).sum::<Option<f64>>()
    };
    // utime and stime, cutime and cstime
    let [own_seconds, children_seconds] = [ticks(11..13)?, ticks(13..15)?].map(|ticks| ticks / TICKS_PER_SECOND);
    Some(Member { group: fields.get(2)?.parse().ok()?, own_seconds, children_seconds })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::host::process::Process;

    #[test]
    fn group_and_times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 6 5 0 -1 4194560 900 0 0 0 250 125 100 25 20 0 4 0 100";
        assert_eq!(parse(stat), Some(Member { group: 6, own_seconds: 3.75, children_seconds: 1.25 }));
        assert_eq!(parse("nonsense"), None);
        assert_eq!(parse("7 (a) S 1 6"), None);
    }

    #[test]
    fn a_shell_and_its_children_are_one_group() {
        // The first child burns CPU and is waited for, the second stays.
        let script = "(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done); sleep 60 & wait";
        let mut shell = Process::spawn("a shell", Command::new("/bin/sh").args(["-c", script])).unwrap();
        let begin = Instant::now();
        while members(shell.pid()).unwrap().len() < 2 || group_cpu_seconds(shell.pid()).unwrap() == 0.0 {
            assert!(begin.elapsed() < Duration::from_secs(60), "its child never showed up");
            thread::sleep(Duration::from_millis(5));
        }
        let whole = group_resident(shell.pid()).unwrap();
        assert!(whole.now > resident(shell.pid()).unwrap().now);
        assert!(group_peak_mib(shell.pid()).unwrap() > 0.0);
        group_io_counts(shell.pid()).unwrap();
        shell.kill().unwrap();
        while members(shell.pid()).is_ok() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the child outlived the group's leader");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
