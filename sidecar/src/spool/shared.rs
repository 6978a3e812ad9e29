//! What all threads of the spool share: the place, the settings, which files there are, and the sums.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::dead_letter::DeadLetters;
use super::disk::Disk;
use super::lanes::{LaneFiles, Lanes};
use crate::engine::budget::Budget;

/// What a record that is durable survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// The end of this process: the kernel has the record.
    ProcessCrash,
    /// The end of the machine: the disk has the record.
    PowerLoss,
}

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// For ages.
    pub at: Instant,
    /// For people: milliseconds since the epoch.
    pub ms: i64,
}

/// Sums for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments moved to the quarantine since the start.
    pub quarantined: u64,
    /// Records written to the dead letter.
    pub dead_letters: u64,
    /// Records that could not be written to the dead letter.
    pub dead_letters_lost: u64,
    /// Folders found at the start that may hold records which we do not deliver: of a newer format, damaged, or not readable.
    pub left_out: u64,
    /// Bytes of segments that wait to be used again.
    pub spare_bytes: u64,
    /// Bytes of lanes, spares and quarantine. The dead letter has its own bound.
    pub spool_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) quarantined: AtomicU64,
    pub(super) dead_letters: AtomicU64,
    pub(super) dead_letters_lost: AtomicU64,
    pub(super) spare_bytes: AtomicU64,
    pub(super) spool_bytes: AtomicU64,
}

impl Counters {
    pub(super) fn stats(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            quarantined: get(&self.quarantined),
            dead_letters: get(&self.dead_letters),
            dead_letters_lost: get(&self.dead_letters_lost),
            left_out: 0,
            spare_bytes: get(&self.spare_bytes),
            spool_bytes: get(&self.spool_bytes),
        }
    }

    /// Takes into account that a part of the spool has `after` bytes where it had `before`.
    pub(super) fn resized(&self, before: u64, after: u64) {
        // Wraps through zero and back where it shrinks.
        self.spool_bytes.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }
}

pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) root: PathBuf,
    pub(super) survives: Survives,
    /// A segment is no larger, unless one entry is.
    pub(super) segment_bytes: u64,
    pub(super) budget: Arc<Budget>,
    pub(super) lanes: Lanes,
    pub(super) counters: Counters,
    pub(super) dead_letters: Mutex<DeadLetters>,
}

impl Shared {
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn lane_folder(&self, files: &LaneFiles) -> PathBuf {
        super::lanes::folder(&self.root, &files.folder)
    }

    pub(super) fn syncs(&self) -> bool {
        self.survives == Survives::PowerLoss
    }

    /// Brings a folder's names to the disk, where that is asked for.
    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if self.syncs() {
            super::disk::doing("sync the folder", path, self.disk.sync_folder(path))
        } else {
            Ok(())
        }
    }

    /// Brings the sum of all bytes up to date after a lane's files have changed.
    pub(super) fn account(&self, files: &mut LaneFiles) {
        let bytes = files.bytes();
        self.counters.resized(files.accounted, bytes);
        files.accounted = bytes;
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("root", &self.root).field("survives", &self.survives).finish_non_exhaustive()
    }
}
