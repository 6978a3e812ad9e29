//! A memory limit from the kernel, as a pod has it; where this machine lets us set one.
//!
//! A limit that is not enforced would make any row pass, so a process that wants twice as much is killed first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use crate::error::{io, wrong, Result};

#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    version: Version,
    mebibytes: u64,
}

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
        let cgroup = Self { folder, version, mebibytes };
        let limit = match version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        cgroup.write(limit, &(mebibytes << 20).to_string())?;
        cgroup.prove()?;
        Ok(cgroup)
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).map_err(io("write to", path.display()))
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
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
        command.arg(self.folder.join("cgroup.procs")).arg(program);
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
    }
}

/// Touches so many MiB: what [`Cgroup::prove`] runs.
pub(crate) fn hog(mebibytes: usize) -> usize {
    let page = 4_096;
    let mut memory = vec![0_u8; mebibytes << 20];
    memory.iter_mut().step_by(page).for_each(|byte| *byte = 1);
    memory.iter().step_by(page).map(|byte| usize::from(*byte)).sum()
}
