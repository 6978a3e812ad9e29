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

/// What a block device has done so far, for whomever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DeviceCounts {
    pub(crate) read_bytes: u64,
    pub(crate) written_bytes: u64,
    /// Reads and writes that it has completed; neighbours that the kernel merged count once.
    pub(crate) operations: u64,
}

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
        Ok(self.device()?.written_bytes)
    }

    /// What the device has done so far.
    pub(crate) fn device(&self) -> Result<DeviceCounts> {
        let stat = fs::read_to_string(&self.counter).map_err(io("read", self.counter.display()))?;
        parse(&stat).ok_or_else(|| wrong(self.counter.display(), "no counts in it"))
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

/// The fields are reads, merged, sectors read, milliseconds, and the same again for writes.
fn parse(stat: &str) -> Option<DeviceCounts> {
    let fields: Vec<_> = stat.split_ascii_whitespace().collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(DeviceCounts {
        read_bytes: field(2)? * SECTOR,
        written_bytes: field(6)? * SECTOR,
        operations: field(0)? + field(4)?,
    })
}

impl DeviceCounts {
    /// What it has done since.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_sub(before.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            operations: self.operations.saturating_sub(before.operations),
        }
    }
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
    fn sectors_and_operations_are_found() {
        let stat = "   47579     7166  9316802    87800     7436    48033 18891112   101993        0    13640   190961";
        let counts = parse(stat).unwrap();
        assert_eq!((counts.read_bytes, counts.written_bytes), (9_316_802 * 512, 18_891_112 * 512));
        assert_eq!(counts.operations, 47_579 + 7_436);
        assert_eq!(parse("nonsense"), None);
        let later = DeviceCounts { operations: counts.operations + 3, ..counts };
        assert_eq!(later.since(counts), DeviceCounts { operations: 3, ..DeviceCounts::default() });
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
