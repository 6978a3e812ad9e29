//! Limits of memory and CPU from the kernel, as a pod has them; where this machine lets us set them.
//!
//! A limit that is not enforced would make any row pass, so each is proved first: a process that wants twice as much memory is
//! killed, and one that wants a whole CPU does not get it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::Process;
use crate::error::{io, wrong, Result};

#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    /// The one with the CPU's limit, where the first version of the hierarchy keeps it apart.
    cpu: Option<PathBuf>,
    version: Version,
    mebibytes: u64,
}

/// In which the kernel gives out a CPU's time: it is 100 ms in every cluster unless somebody changed it.
const PERIOD: Duration = Duration::from_millis(100);
/// How long the proof of a CPU's limit runs.
const SPIN: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    /// Makes a group with this limit, and proves that it holds. The error says why that cannot be done here.
    pub(crate) fn limited(mebibytes: u64) -> Result<Self> {
        let name = format!("splashdam-bench-{}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/memory");
        let (root, version) = match one.join("memory.limit_in_bytes").exists() {
            true => (one, Version::One),
            false => (Path::new("/sys/fs/cgroup"), Version::Two),
        };
        let folder = root.join(name);
        fs::create_dir(&folder).map_err(io("make the cgroup", folder.display()))?;
        let cgroup = Self { folder, cpu: None, version, mebibytes };
        let limit = match version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        cgroup.write(limit, &(mebibytes << 20).to_string())?;
        cgroup.prove()?;
        Ok(cgroup)
    }

    /// The same with so many thousandths of a CPU.
    pub(crate) fn pod(mebibytes: u64, millicpus: u32) -> Result<Self> {
        let mut cgroup = Self::limited(mebibytes)?;
        let quota = (PERIOD * millicpus / 1_000).as_micros();
        let period = PERIOD.as_micros();
        match cgroup.version {
            Version::Two => cgroup.write("cpu.max", &format!("{quota} {period}"))?,
            Version::One => {
                let name = cgroup.folder.file_name().map(PathBuf::from).unwrap_or_default();
                let folder = Path::new("/sys/fs/cgroup/cpu").join(name);
                fs::create_dir(&folder).map_err(io("make the cgroup", folder.display()))?;
                write(&cgroup.cpu.insert(folder).join("cpu.cfs_quota_us"), &quota.to_string())?;
            }
        }
        cgroup.prove_cpu(millicpus)?;
        Ok(cgroup)
    }

    fn prove_cpu(&self, millicpus: u32) -> Result<()> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        let mut spinner = self.command(&own);
        spinner.args(["spin", &SPIN.as_millis().to_string()]).stdout(std::process::Stdio::piped());
        let output = spinner.output().map_err(io("run", "the proof of the CPU's limit"))?;
        let used: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::MAX);
        let most = 1.5 * f64::from(millicpus) / 1e3 * SPIN.as_secs_f64() + 0.05;
        match used <= most {
            true => Ok(()),
            false => Err(wrong("cgroup", format!("a limit of {millicpus}m is not enforced here: it used {used} s"))),
        }
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        write(&self.folder.join(file), value)
    }

    fn prove(&self) -> Result<()> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        let mut hog = self.command(&own);
        hog.args(["hog", &(2 * self.mebibytes).to_string()]);
        let ended = Process::spawn("the memory hog", &mut hog)?.wait(Duration::from_secs(20))?;
        match ended.success() {
            true => Err(wrong("cgroup", format!("a limit of {} MiB is not enforced here", self.mebibytes))),
            false => Ok(()),
        }
    }

    /// A command that joins the group before it becomes `program`, so that not a page is charged elsewhere.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$ > \"$0\" && echo $$ > \"$1\" && shift && exec \"$@\""]);
        let cpu = self.cpu.as_ref().unwrap_or(&self.folder);
        command.arg(self.folder.join("cgroup.procs")).arg(cpu.join("cgroup.procs")).arg(program);
        command
    }

    /// Processes of the group that the kernel has killed for want of memory.
    pub(crate) fn kills(&self) -> Result<u64> {
        match self.version {
            Version::One => self.count("memory.oom_control", "oom_kill "),
            Version::Two => self.count("memory.events", "oom_kill "),
        }
    }

    /// How often the group's memory was at its limit, so that the kernel had to take some back first: also where that was but
    /// the page cache of files.
    pub(crate) fn reached(&self) -> Result<u64> {
        match self.version {
            Version::One => self.count("memory.failcnt", ""),
            Version::Two => self.count("memory.events", "max "),
        }
    }

    fn count(&self, file: &str, name: &str) -> Result<u64> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).map_err(io("read", path.display()))?;
        let count = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        count.ok_or_else(|| wrong(path.display(), format!("no count `{name}` in it")))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Fails while a process is left in it, which then is a later run's to see.
        let _ = fs::remove_dir(&self.folder);
        let _ = self.cpu.as_ref().map(fs::remove_dir);
    }
}

fn write(path: &Path, value: &str) -> Result<()> {
    fs::write(path, value).map_err(io("write to", path.display()))
}

/// Wants a whole CPU for so long; gives the seconds of it that it got: what [`Cgroup::prove_cpu`] runs.
pub(crate) fn spin(milliseconds: u64) -> Result<f64> {
    let pid = std::process::id();
    let (begun, before) = (Instant::now(), super::kernel::cpu_seconds(pid)?);
    while begun.elapsed() < Duration::from_millis(milliseconds) {
        std::hint::spin_loop();
    }
    Ok(super::kernel::cpu_seconds(pid)? - before)
}

/// Touches so many MiB: what [`Cgroup::prove`] runs.
pub(crate) fn hog(mebibytes: usize) -> usize {
    let page = 4_096;
    let mut memory = vec![0_u8; mebibytes << 20];
    memory.iter_mut().step_by(page).for_each(|byte| *byte = 1);
    memory.iter().step_by(page).map(|byte| usize::from(*byte)).sum()
}
