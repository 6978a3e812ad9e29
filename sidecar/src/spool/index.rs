//! What a lane left on disk: its cursor, its segments by name, and of the last one the entries' heads.
//!
//! Of memory it takes a window and the channel table, however large the segments are.

use std::io;
use std::path::Path;

use super::channels::Channels;
use super::cursor;
use super::disk::{doing, list, Disk};
use super::entry::HEAD;
use super::lanes::{folder, LaneFiles, Seed, Segment};
use super::name::{SegmentName, CURSOR};
use super::scan::{data_is_good, Scan};
use super::window::Window;
use crate::engine::spool::{Cursor, DiskRun};

/// Bytes looked at in one go.
const STRIDE: usize = 64 * 1024;

/// Indexes a lane: fills `files` in and says what has ended, and the next offset.
///
/// The next offset is behind everything that is on disk *and* behind everything of which the cursor says that it has ended: no
/// offset is given out twice, else the cursor would call a new record ended.
pub(super) fn index(disk: &dyn Disk, root: &Path, files: &mut LaneFiles) -> io::Result<(Cursor, u64)> {
    let path = folder(root, &files.folder);
    let names = doing("list", &path, list(&path))?;
    let mut segments: Vec<_> = names.iter().filter_map(|(name, bytes)| segment(name, *bytes)).collect();
    segments.sort_unstable_by_key(|segment| segment.name);
    let mut seed = Seed::default();
    let end = channels_and_end(disk, &path, &mut segments, &mut seed.channels)?;
    let cursor_path = path.join(CURSOR);
    let (number, mut cursor) = doing("read", &cursor_path, read_cursor(disk, &cursor_path))?.unwrap_or_default();
    seed.cursor_number = number;
    seed.channels.merge(&cursor.channels);

    let first = segments.first().map_or(0, |segment| segment.name.base);
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
        let cursor_bytes = [names.iter().find(|(name, _)| name == CURSOR).map_or(0, |(_, bytes)| *bytes), 0];
        let end = on_disk;
        let (folder, accounted) = (std::mem::take(&mut files.folder), files.accounted);
        let (watermark, ended) = (durable, cursor.ended.clone());
        *files = LaneFiles { folder, segments, end, watermark, ended, cursor_bytes, accounted, known: true, seed };
    }
    Ok((cursor, next))
}

fn segment(name: &str, bytes: u64) -> Option<Segment> {
    Some(Segment { name: SegmentName::parse(name)?, bytes, made: None, damaged: false })
}

/// Brings the channels up to date out of the newest header that is good and all that follows it; says the offset behind the
/// last good entry of all.
fn channels_and_end(
    disk: &dyn Disk,
    path: &Path,
    segments: &mut [Segment],
    channels: &mut Channels,
) -> io::Result<Option<u64>> {
    let mut from = segments.len();
    let mut walks = Vec::new();
    // Mostly the last segment alone; each damaged header costs one segment more.
    while let Some(index) = from.checked_sub(1) {
        from = index;
        let limit = segments.get(index + 1).map(|next| next.name.base);
        let walk = walk(disk, path, &mut segments[index], limit)?;
        let complete = walk.table.is_some();
        walks.push(walk);
        if complete {
            break;
        }
    }
    let end = walks.first().map(|last| last.end);
    for walk in walks.into_iter().rev() {
        channels.merge(&walk.table.unwrap_or_default());
        channels.merge(&walk.admitted.marks());
    }
    Ok(end)
}

/// What one segment told.
struct Walk {
    table: Option<Vec<crate::engine::spool::ChannelMark>>,
    admitted: Channels,
    end: u64,
}

fn walk(disk: &dyn Disk, path: &Path, segment: &mut Segment, limit: Option<u64>) -> io::Result<Walk> {
    let path = path.join(segment.name.to_string());
    doing("read", &path, walk_file(disk, &path, segment, limit.filter(|limit| *limit > segment.name.base)))
}

fn walk_file(disk: &dyn Disk, path: &Path, segment: &mut Segment, limit: Option<u64>) -> io::Result<Walk> {
    let name = segment.name;
    let file = disk.open(path)?;
    let mut buffer = Vec::new();
    let mut window = Window::new(disk, &file, &mut buffer, STRIDE)?;
    let (mut scan, header) = Scan::begin(name, limit, &mut window)?;
    let mut walk = Walk { table: header.map(|header| header.channels), admitted: Channels::default(), end: name.base };
    // Runs of entries with good heads and bad records: lost if a good one follows, never finished if none does.
    let mut unsure: Vec<DiskRun> = Vec::new();
    while let Some(found) = scan.step(&mut window)? {
        if data_is_good(name, &found, &mut window)? {
            segment.damaged |= !unsure.is_empty();
            walk.admitted.appended(&unsure);
            unsure.clear();
            walk.admitted.appended(&found.head.runs);
            walk.end = found.head.end();
        } else if unsure.len() < STRIDE / HEAD {
            unsure.extend(found.head.runs);
        }
    }
    // Without any entry it is one that was only just begun.
    segment.damaged |= scan.damaged && walk.end > name.base;
    Ok(walk)
}

/// The number and contents of the cursor's good slot with the higher number; `None` where there is none.
pub(super) fn read_cursor(disk: &dyn Disk, path: &Path) -> io::Result<Option<(u64, Cursor)>> {
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
