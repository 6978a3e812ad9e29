//! What the kernel says about a process and the machine.

use std::fs;

use crate::error::{io, wrong, Result};

mod group;

pub(crate) use group::{group_cpu_seconds, group_io_counts, group_peak_mib, group_resident};

/// The kernel's unit in `/proc/*/stat`; a hundred on every Linux we know of, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(io("read", path))
}

/// User and system time of all threads of a live process, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let ticks = parse_stat(&read(&path)?).ok_or_else(|| wrong(path, "no CPU times in it"))?;
    Ok(ticks.max(threads_seconds(pid)))
}

/// The same of the threads that live, to the nanosecond: the process's own sum counts in whole ticks, but has those that ended, too.
fn threads_seconds(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let of = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(of).sum::<f64>() / 1e9
}

fn parse_stat(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses and may hold anything, so begin after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

/// Resident memory of a live process, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

pub(crate) fn resident(pid: u32) -> Result<Resident> {
    let path = format!("/proc/{pid}/status");
    let status = read(&path)?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? / 1_024.0)
    };
    let both = field("VmRSS:").zip(field("VmHWM:"));
    both.map(|(now, peak)| Resident { now, peak }).ok_or_else(|| wrong(path, "no resident size in it"))
}

/// How many file descriptors a live process has open.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    entries(&format!("/proc/{pid}/fd"))
}

/// How many threads a live process has.
pub(crate) fn threads(pid: u32) -> Result<usize> {
    entries(&format!("/proc/{pid}/task"))
}

fn entries(folder: &str) -> Result<usize> {
    Ok(fs::read_dir(folder).map_err(io("list", folder))?.count())
}

/// What a live process has had read from and written to storage, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IoCounts {
    pub(crate) read: u64,
    /// File pages that it has made dirty, less those that were gone before they were written back: what of its own the kernel has
    /// written or will write.
    pub(crate) written: u64,
}

pub(crate) fn io_counts(pid: u32) -> Result<IoCounts> {
    let path = format!("/proc/{pid}/io");
    parse_io(&read(&path)?).ok_or_else(|| wrong(path, "no counts in it"))
}

/// [`IoCounts::written`] alone.
pub(crate) fn dirtied(pid: u32) -> Result<u64> {
    Ok(io_counts(pid)?.written)
}

fn parse_io(io: &str) -> Option<IoCounts> {
    let field = |name: &str| io.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
    let written = field("write_bytes:")?.saturating_sub(field("cancelled_write_bytes:")?);
    Some(IoCounts { read: field("read_bytes:")?, written })
}

/// Bytes that those threads of a live process have written to anything, whose names begin so.
pub(crate) fn written_by_threads(pid: u32, name: &str) -> Result<u64> {
    let folder = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&folder).map_err(io("list", folder))?;
    let of = |thread: fs::DirEntry| {
        let comm = fs::read_to_string(thread.path().join("comm")).ok()?;
        let io = comm.starts_with(name).then(|| fs::read_to_string(thread.path().join("io")).ok())??;
        io.lines().find_map(|line| line.strip_prefix("wchar:"))?.trim().parse::<u64>().ok()
    };
    Ok(threads.flatten().filter_map(of).sum())
}

/// Seconds of CPU that the whole machine has used so far, and how many CPUs it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) busy_seconds: f64,
    pub(crate) cpus: usize,
}

pub(crate) fn machine() -> Result<Machine> {
    let stat = read("/proc/stat")?;
    let cpus = stat.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1);
    let ticks: Vec<f64> = stat
        .lines()
        .next()
        .map(|line| line.split_ascii_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect())
        .unwrap_or_default();
    // user nice system idle iowait irq softirq; what a hypervisor stole is nobody's work here.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum();
    Ok(Machine { busy_seconds: busy / TICKS_PER_SECOND, cpus })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 125 3 4 20 0 4 0 100";
        assert_eq!(parse_stat(stat), Some(3.75));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn what_was_cancelled_is_not_written() {
        let io = "rchar: 9\nwchar: 9\nread_bytes: 70\nwrite_bytes: 5000\ncancelled_write_bytes: 4096\n";
        assert_eq!(parse_io(io), Some(IoCounts { read: 70, written: 904 }));
        assert_eq!(parse_io("nonsense"), None);
    }

    #[test]
    fn a_threads_writes_are_its_own() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (told, written) = std::sync::mpsc::channel::<()>();
        let writer = std::thread::Builder::new().name("some-writer".to_owned()).spawn(move || {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("file"), [0; 12_345]).unwrap();
            told.send(()).unwrap();
            let _ = receiver.recv();
        });
        written.recv().unwrap();
        let own = std::process::id();
        assert_eq!(written_by_threads(own, "some-").unwrap(), 12_345);
        assert_eq!(written_by_threads(own, "no such name").unwrap(), 0);
        drop(sender);
        writer.unwrap().join().unwrap();
    }

    #[test]
    fn this_process_is_there() {
        let own = std::process::id();
        assert!(cpu_seconds(own).unwrap() >= 0.0);
        assert!(threads(own).unwrap() >= 1 && descriptors(own).unwrap() >= 3);
        let resident = resident(own).unwrap();
        assert!(resident.now > 0.0 && resident.peak >= resident.now * 0.9);
        assert!(machine().unwrap().cpus >= 1);
    }
}
