//! What the shipper's processes use, as the kernel counts it; the last look holds where a process has gone since.

use crate::host::kernel::{self, IoCounts};

/// The sidecar's threads that write records to disk.
const SPOOL_THREADS: &str = "spool";

/// Counted from the shipper's start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_mib: f64,
    pub(super) peak_mib: f64,
    /// From and to devices.
    pub(super) io: IoCounts,
    /// Bytes that the spool's threads have written into files, also those that are deleted before they reach the device.
    pub(super) spooled_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Meter {
    pid: u32,
    first: Usage,
    last: Usage,
}

impl Meter {
    /// Of the process group that `pid` leads, from now on.
    pub(super) fn start(pid: u32) -> Self {
        let mut meter = Self { pid, first: Usage::default(), last: Usage::default() };
        meter.look();
        meter.first = meter.last;
        meter
    }

    /// Reads what can be read now. Counters never go back: a process that has ended takes its own with it.
    pub(super) fn look(&mut self) -> Usage {
        let last = &mut self.last;
        if let Ok(seconds) = kernel::group_cpu_seconds(self.pid) {
            last.cpu_seconds = last.cpu_seconds.max(seconds);
        }
        if let Ok(resident) = kernel::group_resident(self.pid) {
            last.resident_mib = resident.now;
            last.peak_mib = last.peak_mib.max(resident.peak);
        }
        if let Ok(io) = kernel::group_io_counts(self.pid) {
            last.io = IoCounts { read: last.io.read.max(io.read), written: last.io.written.max(io.written) };
        }
        if let Ok(bytes) = kernel::written_by_threads(self.pid, SPOOL_THREADS) {
            last.spooled_bytes = last.spooled_bytes.max(bytes);
        }
        *last
    }

    /// What was used since the start, and the peak ever.
    pub(super) fn used(&self) -> Usage {
        let (first, last) = (self.first, self.last);
        Usage {
            cpu_seconds: last.cpu_seconds - first.cpu_seconds,
            io: IoCounts { read: last.io.read - first.io.read, written: last.io.written - first.io.written },
            spooled_bytes: last.spooled_bytes - first.spooled_bytes,
            ..last
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::host::process::Process;

    #[test]
    fn what_a_process_used_stays_when_it_has_gone() {
        let burn = "while :; do :; done";
        let mut shell = Process::spawn("a shell", Command::new("/bin/sh").args(["-c", burn])).unwrap();
        let mut meter = Meter::start(shell.pid());
        let begin = Instant::now();
        while meter.look().cpu_seconds < 0.05 {
            assert!(begin.elapsed() < Duration::from_secs(60), "it never got any CPU");
            thread::sleep(Duration::from_millis(5));
        }
        shell.kill().unwrap();
        let used = meter.look();
        assert!(used.cpu_seconds >= 0.05 && used.peak_mib > 0.0, "{used:?}");
        assert!(meter.used().cpu_seconds <= used.cpu_seconds);
    }
}
