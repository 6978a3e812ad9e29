//! The reader: brings chunks back, in order, as far as the payment goes. Synchronous; a thread drives it.
//!
//! Of each lane that is read it remembers the place, so that reading on does not begin at the segment's start again. It keeps
//! no file open between reads: a file may have ended and been used again meanwhile.

mod pieces;

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::entry;
use super::lanes::{lock, LaneFiles, Located};
use super::scan::{Bytes, Found, Scan};
use super::shared::Shared;
use super::window::Window;
use super::{disk::doing, index};
use crate::config::Destination;
use crate::engine::chunk::Chunk;
use crate::engine::lane::LaneId;
use crate::engine::spool::{Cursor, Indexed, Read, ReadBack, Want};
use pieces::{whole_records, Gathered};

/// Most bytes brought from the disk in one go, and least.
const MOST_STRIDE: usize = 256 * 1024;
const LEAST_STRIDE: usize = 8 * 1024;

/// Reads the files of all lanes.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    places: HashMap<LaneId, Scan>,
    buffer: Vec<u8>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Reader { shared, places: HashMap::new(), buffer: Vec::new() }
    }

    /// Says what a lane left on disk.
    pub(super) fn index(&mut self, lane: LaneId, destination: &Destination) -> Indexed {
        self.places.remove(&lane);
        let files = self.shared.lanes.of(destination);
        let mut files = lock(&files);
        if std::mem::take(&mut files.closing) {
            // The engine takes over what is left of it.
            files.known = false;
        }
        let result = index::index(&self.shared, &mut files);
        self.shared.account(&mut files);
        let spool_bytes = self.shared.counters.stats().spool_bytes;
        let empty = Indexed { lane, lane_bytes: files.bytes(), spool_bytes, ..Indexed::default() };
        match result {
            Ok((cursor, next)) => Indexed { cursor, next, ..empty },
            Err(error) => Indexed { cursor: Cursor::default(), failure: Some(error.to_string()), ..empty },
        }
    }

    /// Reads a lane.
    pub(super) fn read(&mut self, read: Read, destination: &Destination) -> ReadBack {
        let files = self.shared.lanes.of(destination);
        let lane = read.lane;
        let mut gathered = Gathered::new(read);
        let mut failure = self.unknown(&files);
        while failure.is_none() && gathered.wants_more() {
            let held = lock(&files);
            gathered.known_ended = held.known_ended();
            let located = held.locate(gathered.next);
            let folder = self.shared.lane_folder(&held);
            drop(held);
            match located {
                Located::Behind => gathered.ended(gathered.to),
                Located::Before(first) => gathered.corrupt(first, Vec::new()),
                Located::Segment { name, limit, end } => {
                    let path = folder.join(name.to_string());
                    match doing("read", &path, self.segment(&path, lane, (name, limit, end), &mut gathered)) {
                        Ok(()) => {}
                        // Gone, or nothing that could be read: a folder, say.
                        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                            gathered.corrupt(end, Vec::new());
                        }
                        Err(error) if gathered.want == Want::RecordsOrSkip => {
                            tracing::warn!(%error, "gave up reading a part of the spool after many tries");
                            gathered.corrupt(end, Vec::new());
                        }
                        Err(error) => failure = Some(error.to_string()),
                    }
                    if gathered.take_damage() && lock(&files).mark_damaged(name) {
                        tracing::warn!(
                            "{} is damaged: what cannot be read of it is lost, counted as corrupt",
                            path.display()
                        );
                    }
                    gathered.segment_done();
                }
            }
        }
        if gathered.next >= gathered.to || lock(&files).end <= gathered.next {
            // All that is wanted of it is read.
            self.places.remove(&lane);
        }
        if self.places.is_empty() {
            // Nothing is being read back: the memory is wanted elsewhere.
            self.buffer = Vec::new();
        }
        gathered.finish(failure)
    }

    /// Says why a lane cannot be read that nobody has indexed yet, lest what is on disk be taken for ended.
    fn unknown(&self, files: &Mutex<LaneFiles>) -> Option<String> {
        index::take_over(&self.shared, &mut lock(files)).err().map(|error| error.to_string())
    }

    /// Reads of one segment what is wanted, or as much as is paid for.
    fn segment(
        &mut self,
        path: &Path,
        lane: LaneId,
        (name, limit, end): (super::name::SegmentName, Option<u64>, u64),
        gathered: &mut Gathered,
    ) -> io::Result<()> {
        let file = self.shared.disk.open(path)?;
        let stride = gathered.stride().clamp(LEAST_STRIDE, MOST_STRIDE);
        let mut window = Window::new(&*self.shared.disk, &file, &mut self.buffer, stride)?;
        let known = self.places.remove(&lane).filter(|scan| scan.name() == name && scan.next_offset() <= gathered.next);
        let mut scan = match known {
            Some(scan) => scan.limited(limit),
            None => Scan::begin(name, limit, &mut window)?.0,
        };
        gathered.damaged |= scan.damaged;
        let wanted = gathered.to.min(end);
        while gathered.next < wanted {
            let before = scan.clone();
            let Some(found) = scan.step(&mut window)? else {
                gathered.corrupt(end, Vec::new());
                return Ok(());
            };
            gathered.damaged |= scan.damaged;
            if found.head.end() <= gathered.next {
                continue;
            }
            if take(&self.shared, name.salt, &found, &mut window, gathered)?.is_break() {
                scan = before;
                break;
            }
        }
        self.places.insert(lane, scan);
        Ok(())
    }
}

/// Takes what was found into what is handed over, and what is missing before it; breaks off where that cannot be paid for.
fn take(
    shared: &Shared,
    salt: u64,
    found: &Found,
    window: &mut Window<'_>,
    gathered: &mut Gathered,
) -> io::Result<ControlFlow<()>> {
    let head = &found.head;
    gathered.corrupt(head.after, Vec::new());
    gathered.ended(head.first);
    if gathered.next >= gathered.to || !gathered.has_room_for(head.runs.len()) {
        return Ok(ControlFlow::Break(()));
    }
    if gathered.want == Want::Runs || head.data == 0 {
        let chunk = Chunk::empty(&shared.budget, head.records);
        gathered.chunk(head, chunk, head.data == 0);
        return Ok(ControlFlow::Continue(()));
    }
    if found.data_at + u64::from(head.data) > window.length {
        gathered.corrupt(head.end(), head.runs.clone());
        return Ok(ControlFlow::Continue(()));
    }
    let length = head.data as usize;
    let Some(payment) = gathered.pay(Chunk::paid_for(length, head.runs.len())) else {
        return Ok(ControlFlow::Break(()));
    };
    let data = records(shared, found, window)?;
    let chunk = Some(data).filter(|data| entry::sound(head, salt, data) && whole_records(data));
    let chunk = chunk.and_then(|data| Chunk::restored(&shared.budget, payment, data));
    match chunk.filter(|chunk| chunk.records == head.records) {
        Some(chunk) => gathered.chunk(head, chunk, false),
        None => gathered.corrupt(head.end(), head.runs.clone()),
    }
    Ok(ControlFlow::Continue(()))
}

/// The records' bytes; fewer where the file ends before them.
fn records(shared: &Shared, found: &Found, window: &mut Window<'_>) -> io::Result<Vec<u8>> {
    let length = found.head.data as usize;
    let mut data = shared.budget.buffer(length);
    while data.len() < length {
        let part = window.at(found.data_at + data.len() as u64, (length - data.len()).min(LEAST_STRIDE))?;
        if part.is_empty() {
            break;
        }
        data.extend_from_slice(part);
    }
    Ok(data)
}
