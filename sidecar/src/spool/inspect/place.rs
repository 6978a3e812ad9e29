//! Which lanes, segments and other files there are. Reads names and small files only.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{flock, FlockOperation};

use super::segment::{self, SegmentPlace};
use crate::config::Destination;
use crate::engine::spool::Cursor;
use crate::spool::disk::{open_regular, read_some};
use crate::spool::header::Format;
use crate::spool::name::{SegmentName, CURSOR, LANE_FILE, LOCK, NEWER};
use crate::spool::{cursor, lane_file};

/// Whether a sidecar uses a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Somebody holds its lock.
    InUse,
    /// Nobody does.
    Free,
    /// We may not look at the lock.
    Unknown,
}

/// Whether a sidecar uses the spool now. Holds the lock for no longer than it takes to let it go again.
#[must_use]
pub fn usage(dir: &Path) -> Usage {
    let file = match open_regular(&dir.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Usage::Free,
        Err(_) => return Usage::Unknown,
    };
    // Shared, so that two who look do not take each other for a sidecar.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            // Closing the file would do, too.
            let _ = flock(&file, FlockOperation::Unlock);
            Usage::Free
        }
        Err(rustix::io::Errno::WOULDBLOCK) => Usage::InUse,
        Err(_) => Usage::Unknown,
    }
}

/// A lane's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePlace {
    /// The folder.
    pub path: PathBuf,
    /// Where its records go, as far as `lane.json` says.
    pub destination: Result<Destination, Format>,
}

/// The folders of lanes, by destination, and the names of those set aside.
pub(super) fn lanes(folder: &Path) -> io::Result<(Vec<LanePlace>, Vec<String>)> {
    let (mut lanes, mut newer) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if name.ends_with(NEWER) {
            newer.push(name);
        } else {
            lanes.extend(LanePlace::find(entry.path()));
        }
    }
    // Those without a known destination last.
    lanes.sort_by(|a, b| {
        let key = |lane: &LanePlace| (lane.destination.is_err(), lane.destination.clone().ok(), lane.path.clone());
        key(a).cmp(&key(b))
    });
    newer.sort();
    Ok((lanes, newer))
}

impl LanePlace {
    /// The lane in a folder; `None` where the folder is none of ours.
    fn find(path: PathBuf) -> Option<Self> {
        let contents = read_some(&path.join(LANE_FILE), lane_file::MOST);
        let destination = contents.map_err(|_| Format::Damaged).and_then(|bytes| lane_file::decode(&bytes));
        let lane = LanePlace { path, destination };
        if lane.destination == Err(Format::Newer) {
            return Some(lane);
        }
        // Each segment's header says it, too, and has a checksum.
        let segments = lane.segments().unwrap_or_default();
        if segments.is_empty() && lane.destination.is_err() {
            return None;
        }
        let told = |place: &SegmentPlace| segment::header(place).map(|header| header.destination);
        let destination = segments.last().and_then(told).or(lane.destination.ok());
        let destination = destination.or_else(|| segments.iter().find_map(told));
        Some(LanePlace { destination: destination.ok_or(Format::Damaged), path: lane.path })
    }

    /// `group:stream`, else the folder.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.destination {
            Ok(destination) => destination.to_string(),
            Err(_) => self.folder(),
        }
    }

    /// The folder's name.
    #[must_use]
    pub fn folder(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its segments, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<SegmentPlace>> {
        // While files come a listing may have the newer of two and not the older. Then that is in the next one.
        let mut files = self.segment_files()?;
        if let Some(newest) = files.last_key_value().map(|(name, _)| *name) {
            let mut again = self.segment_files()?;
            files.append(&mut again);
            files.retain(|name, _| *name <= newest);
        }
        // Where two begin at the same offset one of them was begun after an error, and either may hold the records.
        let mut bases: Vec<u64> = files.keys().map(|name| name.base).collect();
        // The last ones count only from one on in which something agrees with its name.
        let claim = files.iter().rev().take_while(|(name, path)| segment::is_only_a_name(**name, path));
        bases.truncate(bases.len() - claim.count());
        let limit = |base: u64| bases.get(bases.partition_point(|other| *other <= base)).copied();
        Ok(files.into_iter().map(|(name, path)| SegmentPlace { limit: limit(name.base), name, path }).collect())
    }

    fn segment_files(&self) -> io::Result<BTreeMap<SegmentName, PathBuf>> {
        let files = fs::read_dir(&self.path)?.flatten().map(|entry| entry.path());
        let name = |path: &PathBuf| SegmentName::parse(path.file_name()?.to_str()?);
        Ok(files.filter_map(|path| Some((name(&path)?, path))).collect())
    }

    /// Its cursor, if one slot of it is good.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        // A slot that is being written is not good at the first look.
        let looks = [self.look_at_cursor(), self.look_at_cursor()];
        looks.into_iter().flatten().max_by_key(|(number, _)| *number).map(|(_, cursor)| cursor)
    }

    fn look_at_cursor(&self) -> Option<(u64, Cursor)> {
        let bytes = read_some(&self.path.join(CURSOR), 2 * cursor::SLOT).ok()?;
        let (first, second) = bytes.split_at(bytes.len().min(cursor::SLOT));
        cursor::pick(first, second)
    }
}

/// Files that nobody looks into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pile {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Pile {
    /// The files in a folder and in its folders. None where the folder cannot be read.
    pub(super) fn of(folder: &Path) -> Self {
        Self::within(folder, 2)
    }

    fn within(folder: &Path, depth: u32) -> Self {
        let mut pile = Pile::default();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // A file that has gone since is not counted.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth > 0 {
                let inner = Self::within(&entry.path(), depth - 1);
                pile = Pile { files: pile.files + inner.files, bytes: pile.bytes + inner.bytes };
            } else if metadata.is_file() {
                pile = Pile { files: pile.files + 1, bytes: pile.bytes + metadata.len() };
            }
        }
        pile
    }
}
