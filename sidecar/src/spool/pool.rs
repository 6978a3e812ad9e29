//! Files for segments: new ones, and young ones that have ended and are used again, which spares the file system the work.
//!
//! Only young files are used again. The kernel writes a dirty page back about 30 s after it became dirty, but never that of a
//! file that is gone: so what is unlinked early enough is never written at all. With `power-loss` none is used again: after a
//! power loss its old name might be back, with the new contents, and its records, which had ended, would be called lost.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::{blocks, doing, remove_if_there, Disk};
use super::lanes::Segment;
use super::name::{QUARANTINE, SPARE};
use super::salt::Salts;
use super::shared::Shared;

/// Most spares of one writer.
pub(super) const MOST_SPARES: usize = 4;

/// A file older than this is not used again.
const YOUNG: Duration = Duration::from_secs(15);

/// Most segments in the quarantine.
pub(super) const MOST_QUARANTINED: usize = 16;

#[derive(Debug)]
struct Spare {
    path: PathBuf,
    /// Whole blocks.
    bytes: u64,
    made: Instant,
}

/// A file to become a segment.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) file: File,
    /// Bytes that it has already.
    pub(super) bytes: u64,
    pub(super) made: Instant,
}

/// One writer's spares and salts.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    spares: Vec<Spare>,
    pub(super) salts: Salts,
}

impl Pool {
    pub(super) fn new(shared: Arc<Shared>, salts: Salts) -> Self {
        Pool { shared, spares: Vec::new(), salts }
    }

    /// Whether there are files that will have to go when they are no longer young.
    pub(super) fn has_spares(&self) -> bool {
        !self.spares.is_empty()
    }

    /// A file at `path`. One used again has its name first and its new header afterwards: under the new name, which has the
    /// new salt, nothing of what it still holds is taken for an entry.
    pub(super) fn obtain(&mut self, path: &Path, now: Instant) -> io::Result<Fresh> {
        self.drop_old(now);
        let disk = &self.shared.disk;
        if let Some(spare) = self.spares.pop() {
            self.forget(&spare);
            if disk.rename(&spare.path, path).is_ok() {
                let file = doing("open the segment", path, disk.open_or_create(path))?;
                return Ok(Fresh { file, bytes: spare.bytes, made: spare.made });
            }
            // One that is gone or cannot be had is not needed.
            let _ = disk.remove(&spare.path);
        }
        let file = doing("create the segment", path, disk.create(path))?;
        Ok(Fresh { file, bytes: 0, made: now })
    }

    /// Does away with a segment's file: to the quarantine, to the spares, or for good.
    pub(super) fn discard(&mut self, path: &Path, lane: &str, segment: &Segment, now: Instant) -> io::Result<()> {
        if segment.damaged {
            return self.quarantine(path, lane, segment);
        }
        let young = segment.made.filter(|made| now.saturating_duration_since(*made) < YOUNG);
        let wanted = self.spares.len() < MOST_SPARES && !self.shared.syncs();
        let Some(made) = young.filter(|_| wanted) else {
            return self.remove(path);
        };
        let spare = self.shared.folder(SPARE).join(format!("{:016x}", segment.name.salt));
        if self.shared.disk.rename(path, &spare).is_err() {
            // It may have been done all the same. Without a spare nothing is lost but some work.
            let _ = self.shared.disk.remove(&spare);
            return self.remove(path);
        }
        let bytes = blocks(segment.bytes);
        self.shared.counters.spare_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shared.counters.resized(0, bytes);
        self.spares.push(Spare { path: spare, bytes, made });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        doing("remove the segment", path, remove_if_there(&*self.shared.disk, path))
    }

    /// A spare is none any more.
    fn forget(&self, spare: &Spare) {
        self.shared.counters.spare_bytes.fetch_sub(spare.bytes, Ordering::Relaxed);
        self.shared.counters.resized(spare.bytes, 0);
    }

    /// Removes spares that are no longer young.
    pub(super) fn drop_old(&mut self, now: Instant) {
        let (young, old): (Vec<_>, Vec<_>) = std::mem::take(&mut self.spares)
            .into_iter()
            .partition(|spare| now.saturating_duration_since(spare.made) < YOUNG);
        self.spares = young;
        for spare in old {
            // What cannot be removed is removed at the next start.
            let _ = self.shared.disk.remove(&spare.path);
            self.forget(&spare);
        }
    }

    fn quarantine(&self, path: &Path, lane: &str, segment: &Segment) -> io::Result<()> {
        let folder = self.shared.folder(QUARANTINE);
        let disk = &self.shared.disk;
        let rename = || disk.rename(path, &folder.join(format!("{lane}-{}", segment.name)));
        // Mostly because somebody has tidied the folder away. What cannot be kept for people goes for good.
        let moved = rename().or_else(|_| disk.make_folder(&folder).and_then(|()| rename()));
        if moved.is_err() {
            return self.remove(path);
        }
        self.shared.counters.quarantined.fetch_add(1, Ordering::Relaxed);
        self.shared.counters.resized(0, blocks(segment.bytes));
        let freed = prune(&**disk, &folder);
        self.shared.counters.resized(freed, 0);
        Ok(())
    }
}

/// Keeps the newest of a folder's files; says how many bytes the others had. What cannot be removed stays.
fn prune(disk: &dyn Disk, folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let about = |entry: fs::DirEntry| entry.metadata().ok().map(|about| (about.modified().ok(), entry.path(), about));
    let mut files: Vec<_> = entries.filter_map(Result::ok).filter_map(about).filter(|file| file.2.is_file()).collect();
    files.sort_unstable_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
    let old = files.iter().skip(MOST_QUARANTINED);
    old.filter(|(_, path, _)| disk.remove(path).is_ok()).map(|(_, _, about)| blocks(about.len())).sum()
}
