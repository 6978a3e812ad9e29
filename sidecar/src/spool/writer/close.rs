//! Deleting: segments in which everything has ended, and all of a lane that is gone.

use std::io;
use std::time::Instant;

use super::lane::Lane;
use crate::spool::disk::{doing, remove_if_there};
use crate::spool::lanes::{lock, Segment};
use crate::spool::name::{CURSOR, LANE_FILE};
use crate::spool::pool::Pool;

impl Lane {
    /// Deletes the segments of which the cursor on disk says that all of it has ended. Nearly always that is from the front;
    /// where what is oldest was dropped to make room, it may be behind something that is still in flight.
    pub(super) fn delete_ended(&mut self, pool: &mut Pool, now: Instant) -> io::Result<()> {
        while let Some((index, segment)) = self.ended_segment() {
            self.keep_cursor_for(index)?;
            self.discard(&segment, pool, now)?;
            lock(&self.files).segments.remove(index);
        }
        Ok(())
    }

    fn ended_segment(&self) -> Option<(usize, Segment)> {
        let files = lock(&self.files);
        let index = files.first_ended(self.current.as_ref().map(|current| current.name))?;
        Some((index, files.segments[index].clone()))
    }

    /// Mostly an older cursor does after a power loss: what lies before the first segment has ended. But only the cursor knows
    /// that something between two segments had, and with the last segment the lane's channels would go: then it must be on the
    /// disk first.
    fn keep_cursor_for(&mut self, index: usize) -> io::Result<()> {
        let front = index == 0 && lock(&self.files).segments.len() > 1;
        if front || !self.shared.syncs() {
            return Ok(());
        }
        let end = lock(&self.files).segment_end(index);
        self.keep_cursor(end)
    }

    /// Does away with what is called a segment and is none.
    pub(super) fn clear_aside(&mut self, pool: &mut Pool, now: Instant) -> io::Result<()> {
        loop {
            let aside = lock(&self.files).aside.last().cloned();
            let Some(aside) = aside else { return Ok(()) };
            self.discard(&aside, pool, now)?;
            lock(&self.files).aside.pop();
        }
    }

    /// Does away with a segment's file, but for its place in the list.
    pub(super) fn discard(&self, segment: &Segment, pool: &mut Pool, now: Instant) -> io::Result<()> {
        let lane = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        pool.discard(&self.path.join(segment.name.to_string()), &lane, segment, now)
    }

    fn remove_front(&mut self, front: &Segment, pool: &mut Pool, now: Instant) -> io::Result<()> {
        self.discard(front, pool, now)?;
        lock(&self.files).segments.remove(0);
        Ok(())
    }

    /// Deletes all of a lane: segments first, so that at no moment there are records without a cursor that knows of them.
    pub(super) fn remove_all(&mut self, pool: &mut Pool, now: Instant) -> io::Result<()> {
        self.current = None;
        self.clear_aside(pool, now)?;
        loop {
            let front = lock(&self.files).segments.first().cloned();
            let Some(front) = front else { break };
            self.remove_front(&front, pool, now)?;
        }
        let disk = &*self.shared.disk;
        for name in [CURSOR, LANE_FILE] {
            let path = self.path.join(name);
            doing("remove", &path, remove_if_there(disk, &path))?;
        }
        match disk.remove_folder(&self.path) {
            // Somebody else's file in our folder stays, and so does the folder.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
                return doing("remove the folder", &self.path, Err(error));
            }
            _ => {}
        }
        let mut files = lock(&self.files);
        (files.cursor_bytes, files.lane_file) = ([0; 2], 0);
        self.shared.account(&mut files);
        let folder = files.folder.clone();
        drop(files);
        self.shared.lanes.forget(&self.destination, &folder);
        Ok(())
    }
}
