//! One lane's files, as its writer has them: the folder, the segment that grows, the cursor.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::config::Destination;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::Cursor;
use crate::spool::channels::Channels;
use crate::spool::disk::{doing, read_some, write_all};
use crate::spool::lanes::{lock, LaneFiles, Seed};
use crate::spool::name::{SegmentName, CURSOR, LANES, LANE_FILE};
use crate::spool::shared::Shared;
use crate::spool::{cursor, index, lane_file};

/// A segment in which everything has ended is left after this time, or with this many bytes.
const ENDED_AGE: Duration = Duration::from_secs(1);
const ENDED_BYTES: u64 = 1 << 20;

/// Any segment is left after this time, so that none keeps what ended long ago, and a quiet lane holds no file open.
pub(in crate::spool) const OLD: Duration = Duration::from_secs(5);

/// The segment that grows.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) name: SegmentName,
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Where the header ends.
    pub(super) start: u64,
    /// Where the next entry goes: all before is durable.
    pub(super) written: u64,
    pub(super) begun: Instant,
}

/// With `power-loss`: a slot of the cursor that is on the disk, and that alone knows what has ended below some offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    number: u64,
    end: u64,
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
    /// The cursor's file, as long as it is written often.
    cursor: Option<File>,
    cursor_path: PathBuf,
    cursor_number: u64,
    /// The slot that has to stay on the disk until something else there knows what it alone knows.
    kept: Option<Kept>,
    /// The folder is there, and its `lane.json`.
    ready: bool,
}

impl Lane {
    /// Takes over a lane, as its index left it. One that nobody has indexed yet is indexed here; that fails where there are
    /// records in it, which only the engine may take over. (What was to be deleted anyway may be taken over to do that.)
    pub(super) fn open(shared: &Arc<Shared>, destination: &Destination) -> io::Result<Self> {
        let files = shared.lanes.of(destination);
        let mut held = lock(&files);
        if held.closing {
            index::index(shared, &mut held)?;
        } else {
            index::take_over(shared, &mut held)?;
        }
        let seed = std::mem::take(&mut held.seed);
        let (path, reported) = (shared.lane_folder(&held), held.end);
        drop(held);
        // Which slot of an earlier process is on the disk nobody knows: the next one must not overwrite it before the last one is.
        let before = seed.cursor_number.checked_sub(1).filter(|_| shared.syncs());
        let kept = before.map(|number| Kept { number, end: reported });
        Ok(Lane {
            shared: Arc::clone(shared),
            destination: destination.clone(),
            cursor_path: path.join(CURSOR),
            path,
            files,
            channels: seed.channels,
            current: None,
            reported,
            names_to_sync: false,
            cursor: None,
            cursor_number: seed.cursor_number,
            kept,
            ready: false,
        })
    }

    /// After a failure: perhaps somebody has removed the folder.
    pub(super) fn make_ready_again(&mut self) {
        self.ready = false;
        self.cursor = None;
    }

    /// Makes the folder and its `lane.json`, unless they are there.
    pub(super) fn make_ready(&mut self) -> io::Result<()> {
        if self.ready {
            return Ok(());
        }
        let disk = &*self.shared.disk;
        doing("make the folder", &self.path, disk.make_folder(&self.path))?;
        let path = self.path.join(LANE_FILE);
        let bytes = lane_file::encode(&self.destination);
        let there =
            read_some(&path, lane_file::MOST).and_then(|bytes| lane_file::decode(&bytes).map_err(io::Error::other));
        if there.ok().as_ref() != Some(&self.destination) {
            let file = doing("create", &path, disk.open_or_create(&path))?;
            doing("write", &path, disk.cut(&file, 0).and_then(|()| write_bytes(&self.shared, &file, &bytes, 0)))?;
            if self.shared.syncs() {
                doing("sync", &path, disk.sync(&file))?;
            }
        }
        lock(&self.files).lane_file = bytes.len() as u64;
        self.shared.sync_folder(&self.path)?;
        self.shared.sync_folder(&self.shared.folder(LANES))?;
        self.ready = true;
        Ok(())
    }

    /// Whether all that a cursor names above its watermark is on disk, or was reported to have ended before it came here. If not,
    /// its counts are of records that would be sent and counted again.
    pub(super) fn has_what_it_names(&self, cursor: &Cursor) -> bool {
        let named = cursor.ended.last().map_or(0, |range| range.end);
        named <= self.reported.max(lock(&self.files).end) || sabotage::on(Sabotage::NamesUnwritten)
    }

    /// Writes the cursor into the slot that does not count. Not synced: an older one costs duplicates only. But where one is kept it
    /// is not overwritten before the other one is on the disk: a power loss may tear both.
    pub(super) fn write_cursor(&mut self, engine: &Cursor) -> io::Result<()> {
        self.make_ready()?;
        if self.kept.is_some_and(|kept| cursor::place(kept.number) != cursor::place(self.cursor_number)) {
            self.keep_last_cursor()?;
        }
        // Without the cursor its counts may not be in the next segment's header: what they count would be sent again.
        let before = self.channels.clone();
        let channels = self.channels.at_cursor(&engine.channels);
        let number = self.cursor_number + 1;
        let bytes = cursor::encode_with(number, engine, &channels);
        let at = cursor::place(number);
        let shared = Arc::clone(&self.shared);
        let written = self.cursor_file().and_then(|file| write_bytes(&shared, file, &bytes, at));
        if written.is_err() {
            self.channels = before;
            self.cursor = None;
        }
        doing("write the cursor", &self.cursor_path, written)?;
        self.channels.cursor_written();
        self.cursor_number = number;
        let mut files = lock(&self.files);
        self.names_to_sync |= files.cursor_bytes == [0; 2];
        files.watermark = files.watermark.max(engine.watermark);
        files.ended.clone_from(&engine.ended);
        let slot = &mut files.cursor_bytes[usize::from(at > 0)];
        *slot = (*slot).max(bytes.len() as u64);
        Ok(())
    }

    fn cursor_file(&mut self) -> io::Result<&File> {
        let file = match self.cursor.take() {
            Some(file) => file,
            None => self.shared.disk.open_or_create(&self.cursor_path)?,
        };
        Ok(self.cursor.insert(file))
    }

    /// Brings the cursor to the disk, and sees to it that it stays there: what has ended below `end` it alone is going to know.
    pub(super) fn keep_cursor(&mut self, end: u64) -> io::Result<()> {
        let end = self.kept.map_or(end, |kept| kept.end.max(end));
        self.sync_cursor()?;
        self.shared.sync_folder(&self.path)?;
        self.kept = Some(Kept { number: self.cursor_number, end });
        Ok(())
    }

    /// The slot written last is kept in the place of the one that is going to be overwritten.
    fn keep_last_cursor(&mut self) -> io::Result<()> {
        let synced = self.sync_cursor();
        if synced.is_err() {
            // The kernel forgets what it could not bring to the disk. The next cursor takes that slot again.
            self.cursor_number += 1;
        }
        synced?;
        self.kept = self.kept.map(|kept| Kept { number: self.cursor_number, ..kept });
        Ok(())
    }

    fn sync_cursor(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let synced = self.cursor_file().and_then(|file| shared.disk.sync(file));
        doing("sync the cursor", &self.cursor_path, synced)
    }

    /// The names of the segments, and what is in them, are on the disk: where none lies before what the cursor alone knew, they tell
    /// enough.
    pub(super) fn names_are_synced(&mut self) {
        let first = lock(&self.files).segments.first().map_or(0, |segment| segment.name.base);
        self.kept.take_if(|kept| kept.end <= first);
    }

    /// Whether files of it are open.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some() || self.cursor.is_some()
    }

    /// Closes the files of a lane that is quiet.
    pub(super) fn let_go(&mut self, now: Instant) {
        self.current.take_if(|current| now.saturating_duration_since(current.begun) >= OLD);
        if self.current.is_none() {
            self.cursor = None;
        }
    }

    /// Whether it was to be deleted, and something of it is still there.
    pub(super) fn is_closing(&self) -> bool {
        lock(&self.files).closing
    }

    /// Its deletion has failed: what is left is looked at anew before anything else is done with it. An old cursor would outrank
    /// those of the lane that has its destination next.
    pub(super) fn left_half_closed(&self) {
        let mut files = lock(&self.files);
        (files.known, files.closing, files.seed) = (false, true, Seed::default());
        self.shared.account(&mut files);
    }

    /// Whether everything in the segment that grows has ended, and there is something in it.
    pub(super) fn has_ended(&self) -> bool {
        let ended = |files: MutexGuard<'_, LaneFiles>| files.watermark >= files.end;
        self.current.as_ref().is_some_and(|current| current.written > current.start) && ended(lock(&self.files))
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
