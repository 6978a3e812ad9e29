//! Which files there are: what writer and reader share of each lane. Locks are held for a look, never for an operation on
//! a file, but for the first index of a lane.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::channels::Channels;
use super::disk::blocks;
use super::name::{self, SegmentName};
use crate::config::Destination;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::CURSOR_RANGES;

/// A segment's file.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Its name.
    pub(super) name: SegmentName,
    /// Bytes of the file, whatever they hold.
    pub(super) bytes: u64,
    /// When this process made the file; `None` for one that it found.
    pub(super) made: Option<Instant>,
    /// Something in it could not be read: it goes to the quarantine.
    pub(super) damaged: bool,
}

/// What an index found out for whoever writes next.
#[derive(Clone, Debug, Default)]
pub(super) struct Seed {
    /// The lane's channels.
    pub(super) channels: Channels,
    /// Number of the cursor's last good slot.
    pub(super) cursor_number: u64,
}

/// A lane's files.
#[derive(Debug, Default)]
pub(super) struct LaneFiles {
    /// Name of its folder.
    pub(super) folder: String,
    /// Its segments, ascending.
    pub(super) segments: Vec<Segment>,
    /// Offset behind the last entry.
    pub(super) end: u64,
    /// Every offset below has ended, and a cursor says so.
    pub(super) watermark: u64,
    /// What has ended above it, ascending, as that cursor says.
    pub(super) ended: Vec<Range<u64>>,
    /// What is none of the lane's segments though it is called one: empty, of a base that another has, or not to be read. The
    /// writer does away with them before it begins a segment.
    pub(super) aside: Vec<Segment>,
    /// Bytes of `lane.json`.
    pub(super) lane_file: u64,
    /// Bytes of the cursor's two slots; between them is a hole.
    pub(super) cursor_bytes: [u64; 2],
    /// Bytes that the spool's sum contains of this lane.
    pub(super) accounted: u64,
    /// Whether the files are known, or still to be indexed.
    pub(super) known: bool,
    /// For whoever writes next.
    pub(super) seed: Seed,
    /// It was to be deleted, and something is still there.
    pub(super) closing: bool,
}

/// Where an offset is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// In this segment; the next one begins at `limit`, or all ends at `end`.
    Segment {
        /// Which.
        name: SegmentName,
        /// Base of the next segment.
        limit: Option<u64>,
        /// Offset behind the segment.
        end: u64,
    },
    /// Nowhere: the first segment begins only here.
    Before(u64),
    /// Behind everything that was written.
    Behind,
}

impl LaneFiles {
    /// Bytes of the lane's files, in whole blocks: many small lanes take more than their bytes.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        let segments = self.segments.iter().chain(&self.aside).map(|segment| segment.bytes);
        segments.chain(self.cursor_bytes).chain([self.lane_file]).map(blocks).sum()
    }

    /// Offset behind the segment at `index`.
    #[must_use]
    pub(super) fn segment_end(&self, index: usize) -> u64 {
        self.limit_of(index).unwrap_or(self.end)
    }

    /// Base of the segment that follows the one at `index`.
    fn limit_of(&self, index: usize) -> Option<u64> {
        let base = self.segments.get(index)?.name.base;
        self.segments[index..].iter().map(|segment| segment.name.base).find(|next| *next > base)
    }

    /// What has ended, as the cursor on disk says, ascending.
    #[must_use]
    pub(super) fn known_ended(&self) -> Vec<Range<u64>> {
        std::iter::once(0..self.watermark).chain(self.ended.iter().cloned()).collect()
    }

    /// The first segment of which the cursor on disk says that all of it has ended; not the last one where `grows`. One behind
    /// others only while the cursor has room for more: else a later one might have to leave out the range that says so.
    #[must_use]
    pub(super) fn first_ended(&self, grows: Option<SegmentName>) -> Option<usize> {
        let room = self.ended.len() < CURSOR_RANGES;
        let early = |start: u64| sabotage::on(Sabotage::SegmentDeletedEarly) && start < self.watermark;
        // What lies between a segment and the next one that is left has ended, too, but only the cursor may say so.
        let ended = |index: &usize| {
            let (start, end) = (self.segments[*index].name.base, self.segment_end(*index));
            let range = self.ended.get(self.ended.partition_point(|range| range.end < end));
            let within = range.is_some_and(|range| range.start <= start);
            end <= self.watermark || early(start) || ((*index == 0 || room) && within)
        };
        (0..self.segments.len()).filter(|index| Some(self.segments[*index].name) != grows).find(ended)
    }

    /// Where `offset` is.
    #[must_use]
    pub(super) fn locate(&self, offset: u64) -> Located {
        if offset >= self.end {
            return Located::Behind;
        }
        match self.segments.partition_point(|segment| segment.name.base <= offset).checked_sub(1) {
            Some(index) => Located::Segment {
                name: self.segments[index].name,
                limit: self.limit_of(index),
                end: self.segment_end(index),
            },
            None => Located::Before(self.segments.first().map_or(self.end, |segment| segment.name.base)),
        }
    }

    /// Remembers that something in a segment could not be read.
    ///
    /// True if nobody knew.
    pub(super) fn mark_damaged(&mut self, name: SegmentName) -> bool {
        let segment = self.segments.iter_mut().find(|segment| segment.name == name);
        segment.is_some_and(|segment| !std::mem::replace(&mut segment.damaged, true))
    }
}

/// Locks a lane's files. Each change leaves them consistent, so a poisoned lock is, too.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All lanes that have files, by destination.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_destination: HashMap<Destination, Arc<Mutex<LaneFiles>>>,
    folders: HashSet<String>,
    left_out: u64,
}

impl Lanes {
    /// Keeps the name of a folder that is there, and may hold records which we do not deliver, out of use.
    pub(super) fn leave_out(&self, folder: String) {
        let inner = &mut *lock(&self.0);
        inner.folders.insert(folder);
        inner.left_out += 1;
    }

    /// How many folders may hold records that are not delivered.
    #[must_use]
    pub(super) fn left_out(&self) -> u64 {
        lock(&self.0).left_out
    }

    /// Takes in a lane that was found, unless its destination has a folder already.
    pub(super) fn found(&self, destination: &Destination, folder: &str, bytes: u64) -> bool {
        let inner = &mut *lock(&self.0);
        inner.folders.insert(folder.to_owned());
        let new = !inner.by_destination.contains_key(destination);
        if new {
            let files = LaneFiles { folder: folder.to_owned(), accounted: bytes, ..LaneFiles::default() };
            inner.by_destination.insert(destination.clone(), Arc::new(Mutex::new(files)));
        }
        new
    }

    /// The files of a lane; a new lane has none yet, but the name of a folder that no other has.
    #[must_use]
    pub(super) fn of(&self, destination: &Destination) -> Arc<Mutex<LaneFiles>> {
        let inner = &mut *lock(&self.0);
        if let Some(files) = inner.by_destination.get(destination) {
            return Arc::clone(files);
        }
        let mut taken = 0;
        let mut folder = name::lane_folder(destination, taken);
        while !inner.folders.insert(folder.clone()) {
            taken += 1;
            folder = name::lane_folder(destination, taken);
        }
        let files = Arc::new(Mutex::new(LaneFiles { folder, ..LaneFiles::default() }));
        inner.by_destination.insert(destination.clone(), Arc::clone(&files));
        files
    }

    /// Forgets a lane whose files are gone.
    pub(super) fn forget(&self, destination: &Destination, folder: &str) {
        let inner = &mut *lock(&self.0);
        inner.by_destination.remove(destination);
        inner.folders.remove(folder);
    }
}

/// Folder of the lanes, below the spool's.
#[must_use]
pub(super) fn folder(root: &std::path::Path, lane: &str) -> PathBuf {
    root.join(name::LANES).join(lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(bases: &[u64], end: u64) -> LaneFiles {
        let segment =
            |base: &u64| Segment { name: SegmentName { base: *base, salt: 1 }, bytes: 10, made: None, damaged: false };
        LaneFiles { segments: bases.iter().map(segment).collect(), end, ..LaneFiles::default() }
    }

    #[test]
    fn an_offset_is_in_the_last_segment_that_begins_at_or_below_it() {
        let files = files(&[10, 20], 30);
        let name = |base| SegmentName { base, salt: 1 };
        assert_eq!(files.locate(9), Located::Before(10));
        assert_eq!(files.locate(19), Located::Segment { name: name(10), limit: Some(20), end: 20 });
        assert_eq!(files.locate(20), Located::Segment { name: name(20), limit: None, end: 30 });
        assert_eq!(files.locate(30), Located::Behind);
    }

    #[test]
    fn a_segment_behind_others_goes_only_while_the_cursor_has_room() {
        let mut files = files(&[10, 20], 30);
        let single = |n: u64| 100 + 2 * n..101 + 2 * n;
        files.ended = std::iter::once(20..30).chain((1..CURSOR_RANGES as u64 - 1).map(single)).collect();
        assert_eq!(files.first_ended(None), Some(1));
        files.ended.push(5_000..5_001);
        assert_eq!(files.first_ended(None), None);
        // From the front it may always go: what lies before the first segment has ended.
        files.segments.remove(0);
        assert_eq!(files.first_ended(None), Some(0));
    }

    #[test]
    fn small_files_count_as_what_they_take() {
        let files = LaneFiles { lane_file: 60, cursor_bytes: [200, 0], ..files(&[10, 20], 30) };
        assert_eq!(files.bytes(), 4 * 4_096);
    }

    #[test]
    fn no_two_lanes_share_a_folder() {
        let a = Destination::parse("/a", "s").unwrap();
        let lanes = Lanes::default();
        lanes.leave_out(name::lane_folder(&a, 0));
        // As if another destination had the next name.
        assert!(lanes.found(&Destination::parse("/b", "s").unwrap(), &name::lane_folder(&a, 1), 0));
        assert_eq!(lock(&lanes.of(&a)).folder, name::lane_folder(&a, 2));
        assert!(Arc::ptr_eq(&lanes.of(&a), &lanes.of(&a)));
    }
}
