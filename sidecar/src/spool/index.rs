//! What a lane left on disk: its cursor, its segments by name, and of the last one the entries' heads.
//!
//! Of memory it takes a window and the channel table, however large the segments are. Nothing that cannot be read makes it fail,
//! but for what may be read in a moment (too many open files, too little memory), and where no segment at all can be read.

mod survey;
mod walk;

use std::io;
use std::path::Path;

use super::cursor;
use super::disk::{doing, is_passing, list, Disk};
use super::lanes::{LaneFiles, Seed, Segment};
use super::name::{SegmentName, CURSOR, LANES, LANE_FILE, QUARANTINE};
use super::shared::Shared;
use crate::diagnostics::limited;
use crate::engine::spool::Cursor;
use survey::{survey, Survey};

/// Indexes a lane: fills `files` in and says what has ended, and the next offset.
///
/// The next offset is behind everything that is on disk *and* behind everything of which the cursor says that it has ended: no
/// offset is given out twice, else the cursor would call a new record ended.
pub(super) fn index(shared: &Shared, files: &mut LaneFiles) -> io::Result<(Cursor, u64)> {
    let path = shared.lane_folder(files);
    let names = doing("list", &path, list(&path))?;
    let found = names.iter().filter_map(|(name, bytes)| segment(name, *bytes)).collect();
    let Survey { segments, mut aside, channels, end } = doing("read", &path, survey(&*shared.disk, &path, found))?;
    let (number, mut cursor) = cursor_of(shared, files, &path.join(CURSOR))?.unwrap_or_default();
    let mut seed = Seed { channels, cursor_number: number };
    seed.channels.merge(&cursor.channels);

    let first = segments.first().map_or(end.unwrap_or(0), |segment| segment.name.base);
    let said = cursor.watermark.max(cursor.ended.last().map_or(0, |range| range.end));
    let next = said.max(end.unwrap_or(0));
    let durable = cursor.watermark;
    // What was never on disk, and what no segment has any more, has ended as far as this lane will ever know.
    let on_disk = end.unwrap_or(next);
    let low = durable.max(first);
    cursor.watermark = if low >= on_disk { next } else { low };
    cursor::clip(&mut cursor, on_disk);
    cursor.ended.extend(Some(on_disk..next).filter(|gap| gap.start.max(cursor.watermark) < gap.end));
    cursor.channels = seed.channels.marks();
    if !files.known {
        // One that was begun has the next offset. What claims another, and nothing in it agrees, is for people to look at.
        aside.iter_mut().for_each(|segment| segment.damaged |= segment.name.base > next);
        let bytes = |file: &str| names.iter().find(|(name, _)| name == file).map_or(0, |(_, bytes)| *bytes);
        *files = LaneFiles {
            folder: std::mem::take(&mut files.folder),
            segments,
            aside,
            end: on_disk,
            watermark: durable,
            ended: cursor.ended.clone(),
            lane_file: bytes(LANE_FILE),
            cursor_bytes: [bytes(CURSOR), 0],
            accounted: files.accounted,
            known: true,
            closing: files.closing,
            seed,
        };
        sync(shared, files, &path)?;
    }
    Ok((cursor, next))
}

/// Takes over a lane that nobody has indexed, for one who will tell nobody what is in it: not if there are records in it that
/// have not ended. Whoever wrote or deleted then would do so over an earlier process's records.
pub(super) fn take_over(shared: &Shared, files: &mut LaneFiles) -> io::Result<()> {
    if files.known {
        return Ok(());
    }
    let (cursor, next) = index(shared, files)?;
    let known = |end: u64, range: &std::ops::Range<u64>| if range.start <= end { end.max(range.end) } else { end };
    if cursor.ended.iter().fold(cursor.watermark, known) >= next {
        return Ok(());
    }
    files.known = false;
    let path = shared.lane_folder(files);
    Err(io::Error::other(format!("{} holds an earlier process's records and was not looked at", path.display())))
}

fn segment(name: &str, bytes: u64) -> Option<Segment> {
    Some(Segment { name: SegmentName::parse(name)?, bytes, made: None, damaged: false })
}

/// The process that wrote all this may have ended before it was on the disk: now it is going to be called durable.
fn sync(shared: &Shared, files: &mut LaneFiles, path: &Path) -> io::Result<()> {
    if !shared.syncs() {
        return Ok(());
    }
    let left = |index: &usize| files.segment_end(*index) > files.watermark;
    let names: Vec<_> = (0..files.segments.len()).filter(left).map(|index| files.segments[index].name).collect();
    let result = names.iter().try_for_each(|name| {
        let path = path.join(name.to_string());
        match shared.disk.open(&path) {
            Err(error) if !is_passing(&error) => Ok(()),
            file => doing("sync", &path, file.and_then(|file| shared.disk.sync(&file))),
        }
    });
    let folders = || shared.sync_folder(path).and_then(|()| shared.sync_folder(&shared.folder(LANES)));
    let result = result.and_then(|()| if names.is_empty() { Ok(()) } else { folders() });
    files.known = result.is_ok();
    result
}

/// The cursor; none where it cannot be read. Then it is set aside: it may be read again one day, and must not count then.
fn cursor_of(shared: &Shared, files: &LaneFiles, path: &Path) -> io::Result<Option<(u64, Cursor)>> {
    match read_cursor(&*shared.disk, path) {
        Err(error) if !is_passing(&error) => {
            limited(|| tracing::warn!("the spool goes on without {}: {error}", path.display()));
            if !files.known {
                let to = shared.folder(QUARANTINE).join(format!("{}-{CURSOR}", files.folder));
                if let Err(error) = shared.disk.rename(path, &to) {
                    limited(|| tracing::warn!("the spool cannot set aside {}: {error}", path.display()));
                }
            }
            Ok(None)
        }
        cursor => doing("read", path, cursor),
    }
}

/// The number and contents of the cursor's good slot with the higher number; `None` where there is none.
fn read_cursor(disk: &dyn Disk, path: &Path) -> io::Result<Option<(u64, Cursor)>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(2 * cursor::SLOT);
    let mut bytes = vec![0; length];
    let read = disk.read(&file, &mut bytes, 0)?;
    let (first, second) = bytes[..read].split_at(read.min(cursor::SLOT));
    Ok(cursor::pick(first, second))
}
