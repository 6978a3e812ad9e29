//! What the kernel has written to the block device under a folder: its own sector counter, before and after.
//!
//! The device is everybody's: builds, logs and journals beside a run are counted too. So rows that judge by it print what was
//! written while nothing of ours was.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, statfs};
use tempfile::TempDir;

use crate::error::{io, wrong, Result};

/// The unit of `/sys/dev/block/*/stat`, whatever the device's own is.
const SECTOR: u64 = 512;
/// File systems that are memory: a spool there would prove nothing about disks. From `linux/magic.h`.
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// A fresh folder for a spool, on a disk.
#[derive(Debug)]
pub(crate) struct SpoolFolder {
    folder: TempDir,
    counter: PathBuf,
}

impl SpoolFolder {
    /// Makes one inside `parent`; refuses file systems in memory and those without a block device of their own.
    pub(crate) fn new(parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("splashdam-spool-").tempdir_in(parent);
        let folder = folder.map_err(io("make a folder for a spool in", parent.display()))?;
        let counter = counter(folder.path())?;
        Ok(Self { folder, counter })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes that the kernel has written to the device so far.
    pub(crate) fn written(&self) -> Result<u64> {
        let stat = fs::read_to_string(&self.counter).map_err(io("read", self.counter.display()))?;
        sectors_written(&stat)
            .map(|sectors| sectors * SECTOR)
            .ok_or_else(|| wrong(self.counter.display(), "no counts in it"))
    }

    /// Bytes of all files in it, as their lengths say.
    pub(crate) fn bytes(&self) -> u64 {
        size(self.path())
    }
}

fn counter(folder: &Path) -> Result<PathBuf> {
    let kind = statfs(folder).map_err(|error| io("ask for the file system of", folder.display())(error.into()))?.f_type;
    if [TMPFS, RAMFS].contains(&(kind as u32)) {
        return Err(wrong(folder.display(), "is in memory (tmpfs), not on a disk; name another place with --spool-in"));
    }
    let device = fs::metadata(folder).map_err(io("ask for the device of", folder.display()))?.dev();
    let counter = PathBuf::from(format!("/sys/dev/block/{}:{}/stat", major(device), minor(device)));
    match counter.exists() {
        true => Ok(counter),
        false => Err(wrong(folder.display(), "has no block device of its own; name another place with --spool-in")),
    }
}

fn sectors_written(stat: &str) -> Option<u64> {
    stat.split_ascii_whitespace().nth(6)?.parse().ok()
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        // Deleted meanwhile: the sidecar may be at work.
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seventh_number_counts_written_sectors() {
        let stat = "   47579     7166  9316802    87800     7436    48033 18891112   101993        0    13640   190961";
        assert_eq!(sectors_written(stat), Some(18_891_112));
        assert_eq!(sectors_written("nonsense"), None);
    }

    #[test]
    fn memory_is_no_disk() {
        let shm = Path::new("/dev/shm");
        if shm.is_dir() && statfs(shm).is_ok_and(|stat| stat.f_type as u32 == TMPFS) {
            let error = SpoolFolder::new(shm).unwrap_err();
            assert!(error.to_string().contains("--spool-in"), "{error}");
        }
    }

    #[test]
    fn files_are_summed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), [0; 70]).unwrap();
        fs::write(folder.path().join("c"), [0; 7]).unwrap();
        assert_eq!(size(folder.path()), 77);
    }
}
