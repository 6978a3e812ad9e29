//! One lane's files, as its writer has them: the folder, the segment that grows, the cursor.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Destination;
use crate::engine::spool::Cursor;
use crate::spool::channels::Channels;
use crate::spool::disk::{doing, write_all};
use crate::spool::lanes::{lock, LaneFiles};
use crate::spool::name::{SegmentName, CURSOR, LANES, LANE_FILE};
use crate::spool::shared::Shared;
use crate::spool::{cursor, index, lane_file};

/// A segment in which everything has ended is left after this time, or with this many bytes.
const ENDED_AGE: Duration = Duration::from_secs(1);
const ENDED_BYTES: u64 = 1 << 20;

/// The segment that grows.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) name: SegmentName,
    pub(super) file: File,
    /// Where the header ends.
    pub(super) start: u64,
    /// Where the next entry goes: all before is durable.
    pub(super) written: u64,
    pub(super) begun: Instant,
}

/// A lane.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    pub(super) destination: Destination,
    pub(super) path: PathBuf,
    pub(super) files: Arc<Mutex<LaneFiles>>,
    pub(super) channels: Channels,
    pub(super) current: Option<Current>,
    /// Last end that was reported: everything below is durable, or ended before it came to the disk.
    pub(super) reported: u64,
    /// The folder has names that are not on the disk yet.
    pub(super) names_to_sync: bool,
    cursor_number: u64,
    /// The folder is there, and its `lane.json`.
    ready: bool,
}

impl Lane {
    /// Takes over a lane, as its index left it. One that nobody has indexed yet is indexed here.
    pub(super) fn open(shared: &Arc<Shared>, destination: &Destination) -> io::Result<Self> {
        let files = shared.lanes.of(destination);
        let mut held = lock(&files);
        if !held.known {
            index::index(&*shared.disk, &shared.root, &mut held)?;
        }
        let seed = std::mem::take(&mut held.seed);
        let (path, reported) = (shared.lane_folder(&held), held.end);
        drop(held);
        Ok(Lane {
            shared: Arc::clone(shared),
            destination: destination.clone(),
            path,
            files,
            channels: seed.channels,
            current: None,
            reported,
            names_to_sync: false,
            cursor_number: seed.cursor_number,
            ready: false,
        })
    }

    /// Makes the folder and its `lane.json`, unless they are there.
    pub(super) fn make_ready(&mut self) -> io::Result<()> {
        if self.ready {
            return Ok(());
        }
        let disk = &*self.shared.disk;
        doing("make the folder", &self.path, disk.make_folder(&self.path))?;
        let path = self.path.join(LANE_FILE);
        let there = std::fs::read(&path).is_ok_and(|bytes| lane_file::decode(&bytes).as_ref() == Ok(&self.destination));
        if !there {
            let bytes = lane_file::encode(&self.destination);
            let file = doing("create", &path, disk.open_or_create(&path))?;
            doing("write", &path, disk.cut(&file, 0).and_then(|()| write_bytes(&self.shared, &file, &bytes, 0)))?;
            if self.shared.syncs() {
                doing("sync", &path, disk.sync(&file))?;
            }
        }
        self.shared.sync_folder(&self.path)?;
        self.shared.sync_folder(&self.shared.folder(LANES))?;
        self.ready = true;
        Ok(())
    }

    /// Writes the cursor into the slot that does not count. Not synced: an older one costs duplicates only.
    pub(super) fn write_cursor(&mut self, engine: &Cursor) -> io::Result<()> {
        self.make_ready()?;
        let mut channels = self.channels.clone();
        let marks = channels.at_cursor(&engine.channels);
        let (watermark, clean) = (engine.watermark, engine.clean);
        let ended = engine.ended.clone();
        let number = self.cursor_number + 1;
        let bytes = cursor::encode(number, &Cursor { watermark, ended, channels: marks, clean });
        let path = self.path.join(CURSOR);
        let file = doing("open the cursor", &path, self.shared.disk.open_or_create(&path))?;
        let at = cursor::place(number);
        doing("write the cursor", &path, write_bytes(&self.shared, &file, &bytes, at))?;
        self.channels = channels;
        self.cursor_number = number;
        let mut files = lock(&self.files);
        self.names_to_sync |= files.cursor_bytes == [0; 2];
        files.watermark = files.watermark.max(watermark);
        files.ended.clone_from(&engine.ended);
        let slot = &mut files.cursor_bytes[usize::from(at > 0)];
        *slot = (*slot).max(bytes.len() as u64);
        Ok(())
    }

    /// Whether everything in the segment that grows has ended, and there is something in it.
    pub(super) fn has_ended(&self) -> bool {
        let files = lock(&self.files);
        self.current.as_ref().is_some_and(|current| current.written > current.start) && files.watermark >= files.end
    }

    /// Begins no new segment yet, but leaves the present one if everything in it has ended and it is no longer small and new.
    pub(super) fn leave_what_has_ended(&mut self, now: Instant) {
        let ended = self.has_ended();
        let outgrown = |current: &Current| {
            now.saturating_duration_since(current.begun) >= ENDED_AGE || current.written > ENDED_BYTES
        };
        if ended && self.current.as_ref().is_some_and(outgrown) {
            self.current = None;
        }
    }
}

/// Writes `bytes` at a place.
pub(super) fn write_bytes(shared: &Shared, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    write_all(&*shared.disk, file, &mut [IoSlice::new(bytes)], at)
}
