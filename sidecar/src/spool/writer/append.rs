//! Appending: entries into the segment that grows, and the next segment where it is full, old or broken.

use std::io;
use std::time::Instant;

use super::lane::{write_bytes, Current, Lane, OLD};
use crate::engine::chunk::CHUNK_RECORDS;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{DiskRun, Entry};
use crate::spool::disk::{doing, write_all};
use crate::spool::entry::{Head, Pieces, MOST_RUNS};
use crate::spool::header::Header;
use crate::spool::lanes::{lock, Segment};
use crate::spool::name::SegmentName;
use crate::spool::pool::Pool;
use crate::spool::shared::Now;

// Only a tombstone may have more runs than an entry takes.
const _: () = assert!(CHUNK_RECORDS as usize <= MOST_RUNS);

impl Lane {
    /// Appends chunks. After a failure all that is durable is what `files.end` says, and the next entry begins a new segment.
    pub(super) fn append(&mut self, entries: &[Entry], pool: &mut Pool, now: Now) -> io::Result<()> {
        let mut rest = entries;
        while let Some(entry) = rest.first() {
            self.leave_full_or_old(entry, now.at);
            let written = self.begin_segment(pool, now).and_then(|()| self.write_some(rest));
            match written {
                Ok(entries) => rest = &rest[entries..],
                Err(error) => {
                    self.abandon();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn leave_full_or_old(&mut self, next: &Entry, now: Instant) {
        self.leave_what_has_ended(now);
        let most = self.shared.segment_bytes;
        let due = |current: &Current| {
            let full = current.written + entry_length(next) > most;
            current.written > current.start && (full || now.saturating_duration_since(current.begun) >= OLD)
        };
        if self.current.as_ref().is_some_and(due) {
            self.current = None;
        }
    }

    /// Begins a segment, unless one grows.
    fn begin_segment(&mut self, pool: &mut Pool, now: Now) -> io::Result<()> {
        if self.current.is_some() {
            return Ok(());
        }
        self.make_ready()?;
        let base = lock(&self.files).end;
        self.clear_aside(pool, now.at)?;
        self.remove_empty(base, pool, now.at)?;
        let name = SegmentName { base, salt: pool.salts.next_salt() };
        let path = self.path.join(name.to_string());
        // Listed before it is there: whatever comes of it, a file left behind is known, and goes before the next is begun.
        lock(&self.files).segments.push(Segment { name, bytes: 0, made: None, damaged: false });
        let fresh = pool.obtain(&path, now.at)?;
        self.names_to_sync = true;
        if let Some(last) = lock(&self.files).segments.last_mut() {
            last.made = Some(fresh.made);
        }
        let (destination, channels) = (self.destination.clone(), self.channels.marks());
        let header = Header { name, created_ms: now.ms, destination, channels }.encode();
        doing("write the segment", &path, write_bytes(&self.shared, &fresh.file, &header, 0))?;
        let start = header.len() as u64;
        self.current = Some(Current { name, path, file: fresh.file, start, written: start, begun: now.at });
        self.set_bytes(fresh.bytes.max(start));
        Ok(())
    }

    /// Two segments of one base could not be told apart. One of ours that has the base of the next holds nothing that counts: it
    /// was begun and nothing got into it, or what did was never durable and is asked for again. (One that was found and has
    /// entries ends behind its base, or went aside.)
    fn remove_empty(&mut self, base: u64, pool: &mut Pool, now: Instant) -> io::Result<()> {
        loop {
            let last = lock(&self.files).segments.last().filter(|last| last.name.base >= base).cloned();
            let Some(last) = last else { return Ok(()) };
            self.discard(&last, pool, now)?;
            lock(&self.files).segments.pop();
        }
    }

    /// Writes as many entries as the segment takes, at least one, and makes them durable; says how many.
    fn write_some(&mut self, entries: &[Entry]) -> io::Result<usize> {
        let Some(current) = &self.current else { return Ok(0) };
        let most = self.shared.segment_bytes.max(current.written + entries.first().map_or(0, entry_length));
        let (mut pieces, mut count, mut after) = (Pieces::default(), 0, lock(&self.files).end);
        for entry in entries {
            if current.written + pieces.bytes + entry_length(entry) > most {
                break;
            }
            if entry.first < after {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{}: offset {} is to be appended where {after} comes next", self.destination, entry.first),
                ));
            }
            after = push(&mut pieces, entry, after, current.name.salt);
            count += 1;
        }
        let path = &current.path;
        doing("append to", path, write_all(&*self.shared.disk, &current.file, &mut pieces.slices(), current.written))?;
        if self.shared.syncs() && !sabotage::on(Sabotage::NoSync) {
            doing("sync", path, self.shared.disk.sync(&current.file))?;
        }
        self.sync_names()?;
        self.settle(&entries[..count], pieces.bytes, after);
        Ok(count)
    }

    /// A file that was just made has to be found after a power loss, too.
    fn sync_names(&mut self) -> io::Result<()> {
        if self.names_to_sync {
            self.shared.sync_folder(&self.path)?;
            self.names_to_sync = false;
            self.names_are_synced();
        }
        Ok(())
    }

    /// These entries are durable: only now may channels and the end say so.
    fn settle(&mut self, entries: &[Entry], bytes: u64, end: u64) {
        for entry in entries {
            self.channels.appended(&entry.runs);
        }
        lock(&self.files).end = end;
        if let Some(current) = &mut self.current {
            current.written += bytes;
            let written = current.written;
            self.set_bytes(written);
        }
    }

    /// The present segment's file has at least so many bytes.
    fn set_bytes(&self, bytes: u64) {
        if let Some(last) = lock(&self.files).segments.last_mut() {
            last.bytes = last.bytes.max(bytes);
        }
    }

    /// After a failure: cuts off what is not durable, as far as that is possible, and writes into this segment no more.
    /// Where the cut fails, too, the next segment's base says that the rest does not count.
    fn abandon(&mut self) {
        let Some(current) = self.current.take() else { return };
        if self.shared.disk.cut(&current.file, current.written).is_ok() {
            if let Some(last) = lock(&self.files).segments.last_mut() {
                last.bytes = current.written;
            }
        }
    }
}

/// Bytes of a chunk's entry, or entries.
fn entry_length(entry: &Entry) -> u64 {
    let data = if entry.ended { 0 } else { entry.chunk.data().len() };
    let heads = entry.runs.len().div_ceil(MOST_RUNS).max(1);
    (data + heads * crate::spool::entry::HEAD + entry.runs.len() * crate::spool::entry::RUN) as u64
}

/// Adds a chunk, a tombstone of very many runs as several entries; gives the offset behind it.
fn push<'a>(pieces: &mut Pieces<'a>, entry: &'a Entry, after: u64, salt: u64) -> u64 {
    if !entry.ended || entry.runs.len() <= MOST_RUNS {
        let head = Head::of(entry, after, salt);
        pieces.push(&head, salt, if entry.ended { &[] } else { entry.chunk.data() });
        return head.end();
    }
    let (mut after, mut first) = (after, entry.first);
    for runs in entry.runs.chunks(MOST_RUNS) {
        let head = tombstone(runs, after, first, entry.arrived_ms, salt);
        pieces.push(&head, salt, &[]);
        (after, first) = (head.end(), head.end());
    }
    after
}

fn tombstone(runs: &[DiskRun], after: u64, first: u64, arrived_ms: i64, salt: u64) -> Head {
    let records = runs.iter().map(|run| run.records).sum();
    let data_sum = crate::spool::checksum::checksum(salt, &[]);
    Head { data: 0, data_sum, records, after, first, arrived_ms, runs: runs.to_vec() }
}
