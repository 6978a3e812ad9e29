//! What the kernel says about this process, under the names that Prometheus's own clients use.

use rustix::process::{getrlimit, Resource};
use rustix::time::{clock_gettime, ClockId};

/// Figures of the process. What the kernel does not tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) peak_resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: u64,
}

impl Process {
    pub(super) fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Process {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            resident_bytes: field(&status, "VmRSS:") * 1024,
            peak_resident_bytes: field(&status, "VmHWM:") * 1024,
            virtual_bytes: field(&status, "VmSize:") * 1024,
            threads: field(&status, "Threads:"),
            // One of them reads the folder.
            open_fds: std::fs::read_dir("/proc/self/fd").map_or(0, |fds| (fds.count() as u64).saturating_sub(1)),
            max_fds: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        }
    }
}

/// The number after a name in `/proc/self/status`; kilobytes where it is memory.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_by_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\nOdd:\n";
        let fields = ["VmRSS:", "VmHWM:", "Threads:", "Odd:", "None:"].map(|name| field(status, name));
        assert_eq!(fields, [1024, 2048, 3, 0, 0]);
    }

    #[test]
    fn sees_this_process() {
        let process = Process::read();
        assert!(process.cpu_seconds > 0.0 && process.threads >= 1);
        assert!(process.resident_bytes > 1 << 20 && process.peak_resident_bytes >= process.resident_bytes);
        assert!(process.virtual_bytes >= process.resident_bytes);
        assert!((3..=process.max_fds).contains(&process.open_fds), "{process:?}");
    }
}
