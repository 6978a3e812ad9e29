//! A lane's part on disk, as its books show it: what is written, what is on disk alone, and what waits to be written.
//!
//! ```text
//! offsets ──►  ended │ queue (in memory)      │ away (on disk only)   │ tail (in memory, to be written) │
//!              watermark                                              written ≥ here                   next offset
//! ```
//!
//! Invariants: `queue` ends where `away` begins, `away` ends where `tail` begins. Where nothing is away nothing is in the
//! tail. Everything below `written` is on disk or has ended; what is away lies below it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Lane;
use crate::engine::account::{Dropped, End};
use crate::engine::batch::Queued;
use crate::engine::channel::Channels;
use crate::engine::chunk::{Chunk, Run, TEXT};
use crate::engine::limits::EVENT_OVERHEAD;
use crate::engine::spool::{Cursor, DiskRun, Entry, Indexed, Order, Refused, Stored, Want, CURSOR_RANGES};
use crate::engine::time::Now;

/// Most bytes of records in one order, and most entries.
const ORDER_BYTES: usize = 1024 * 1024;
const ORDER_ENTRIES: usize = 64;

/// What an entry takes on disk beside its records, without its runs; and each run.
const ENTRY_HEAD: usize = 64;
const ENTRY_RUN: usize = 32;

/// How far we know what the lane left on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is being looked at; nothing is taken in before that.
    NotYet,
    /// All of it.
    All,
    /// It cannot be looked at: the lane goes on in memory, and looks again whenever it is empty.
    Unreadable,
}

/// What of a lane is on disk.
#[derive(Debug)]
pub struct Disk {
    /// How far we know it.
    pub known: Known,
    /// Behind the last chunk that was ordered to be written.
    ordered: u64,
    /// Every offset below is on disk, or had ended before its turn came.
    pub written: u64,
    /// What is on disk only.
    pub away: Range<u64>,
    /// What of `away` had ended when an earlier process wrote its cursor, ascending.
    away_ended: VecDeque<Range<u64>>,
    /// When the first that is away was taken in.
    away_since: Duration,
    tail: VecDeque<Queued>,
    /// Bytes paid for the tail.
    pub tail_held: usize,
    /// An order is under way (before all is known: the look at the files), and how many bytes of records it appends.
    pub ordering: bool,
    /// See `ordering`.
    pub ordered_bytes: u64,
    /// What is being read, and since when.
    pub reading: Option<(Want, Duration)>,
    /// It would read, but there is no memory for that.
    pub hungry: bool,
    /// The cursor on disk is behind.
    pub dirty: bool,
    /// There is no room on disk for what comes next.
    pub full: bool,
    /// Dead letters to be written.
    pub refused: Vec<Refused>,
    /// Failures of the disk in a row, writing and reading.
    pub failures: u32,
    /// Nothing is asked of the disk before this moment.
    pub not_before: Duration,
    /// What the disk said last, for people.
    pub trouble: Option<String>,
    /// Bytes of the lane's files.
    pub bytes: u64,
    /// Bytes of the next chunk on disk, where a read could not pay for it.
    pub needs: Option<usize>,
    /// Bytes that may have been in flight when an earlier process was killed.
    pub suspect: usize,
    /// When memory was short and what is safe on disk had to leave it.
    pub squeezed_at: Option<Duration>,
}

impl Disk {
    /// The part on disk of a lane of which nothing is there yet, or nothing is known.
    #[must_use]
    pub fn new(known: Known) -> Self {
        Disk {
            known,
            ordered: 0,
            written: 0,
            away: 0..0,
            away_ended: VecDeque::new(),
            away_since: Duration::ZERO,
            tail: VecDeque::new(),
            tail_held: 0,
            ordering: false,
            ordered_bytes: 0,
            reading: None,
            hungry: false,
            dirty: false,
            full: false,
            refused: Vec::new(),
            failures: 0,
            not_before: Duration::ZERO,
            trouble: None,
            bytes: 0,
            needs: None,
            suspect: 0,
            squeezed_at: None,
        }
    }

    /// Whether records are on disk only, or stand behind such.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.away.is_empty() || !self.tail.is_empty()
    }

    /// Whether nothing is here and nothing under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known != Known::NotYet && !self.is_behind() && !self.ordering && self.reading.is_none()
    }

    /// Whether a segment is being dropped to make room.
    #[must_use]
    pub fn is_dropping(&self) -> bool {
        matches!(self.reading, Some((Want::Runs, _)))
    }

    /// Records that are on disk only and have not ended.
    #[must_use]
    pub fn away_records(&self) -> u64 {
        let ended: u64 = self.away_ended.iter().map(|range| range.end - range.start).sum();
        self.away.end - self.away.start - ended
    }

    /// The first offset behind the queue, if any is.
    pub(super) fn first(&self) -> Option<u64> {
        let away = (!self.away.is_empty()).then_some(self.away.start);
        away.or_else(|| self.tail.front().map(|queued| queued.first))
    }

    pub(super) fn oldest(&self) -> Option<Duration> {
        let away = (!self.away.is_empty()).then_some(self.away_since);
        away.or_else(|| self.tail.front().map(|queued| queued.chunk.arrived))
    }

    pub(super) fn push(&mut self, queued: Queued) {
        if self.tail.is_empty() && self.away.is_empty() {
            self.away = queued.first..queued.first;
        }
        self.tail_held += queued.chunk.paid();
        self.tail.push_back(queued);
    }

    /// Neighbouring tombstones at the back become one, so that a disk without room does not make them gather.
    pub(super) fn bury_last(&mut self) {
        let is_tombstone = |queued: &mut Queued| {
            queued.unended == 0 && queued.chunk.paid() == 0 && Arc::get_mut(&mut queued.chunk).is_some()
        };
        let last = self.tail.len().saturating_sub(1);
        if last == 0 || !self.tail.range_mut(last - 1..).all(is_tombstone) {
            return;
        }
        let gone = self.tail.pop_back();
        let before = self.tail.back_mut().and_then(|queued| Arc::get_mut(&mut queued.chunk));
        if let (Some(before), Some(gone)) = (before, gone) {
            before.absorb(&gone.chunk);
        }
    }

    pub(super) fn find(&mut self, first: u64) -> Option<&mut Queued> {
        let place = self.tail.binary_search_by_key(&first, |queued| queued.first).ok()?;
        self.tail.get_mut(place)
    }

    /// Chunks in memory that are not on disk, with how many of their records have not ended.
    pub(super) fn tail(&self) -> impl Iterator<Item = &Queued> {
        self.tail.iter()
    }

    pub(super) fn tail_mut(&mut self) -> impl Iterator<Item = &mut Queued> {
        self.tail.iter_mut()
    }

    /// What of `offsets`, which come back, had ended before: as indices of a chunk that begins at their start.
    fn ended_before(&mut self, offsets: &Range<u64>) -> Vec<Range<u32>> {
        let mut ended = Vec::new();
        while let Some(range) = self.away_ended.front().filter(|range| range.start < offsets.end).cloned() {
            let index = |offset: u64| (offset.clamp(offsets.start, offsets.end) - offsets.start) as u32;
            let part = index(range.start)..index(range.end);
            if !part.is_empty() {
                ended.push(part);
            }
            if range.end > offsets.end {
                // The rest of it is still away; what has come back must not be taken off twice.
                self.away_ended[0].start = offsets.end;
                break;
            }
            self.away_ended.pop_front();
        }
        ended
    }
}

impl Lane {
    /// Whether the next chunk must queue behind what is on disk, or would make the lane hold more than `most` bytes.
    pub(super) fn is_for_the_tail(&self, bytes: usize, most: usize) -> bool {
        let Some(disk) = self.disk.as_ref().filter(|disk| disk.known == Known::All) else { return false };
        disk.is_behind() || self.held + bytes > most
    }

    /// Bytes of memory in the queue alone.
    #[must_use]
    pub fn queue_held(&self) -> usize {
        self.held - self.disk.as_ref().map_or(0, |disk| disk.tail_held)
    }

    /// What the disk is to do next, if anything. `room`: bytes that the lane's files may grow by.
    pub fn next_order(&mut self, room: u64, now: Now) -> Option<Order> {
        let ended = self.ended();
        let disk = self.disk.as_mut().filter(|disk| disk.known == Known::All)?;
        if disk.ordering || disk.not_before > now.at {
            return None;
        }
        disk.ordered = disk.ordered.max(ended.min(self.next_offset));
        let place = self.queue.partition_point(|queued| queued.first < disk.ordered);
        let from = disk.ordered;
        let waiting = self.queue.range(place..).chain(disk.tail.iter().filter(|queued| queued.first >= from));
        let (mut append, mut bytes) = (Vec::new(), 0);
        disk.full = false;
        for queued in waiting {
            let has_ended = queued.unended == 0;
            let data = if has_ended { 0 } else { queued.chunk.data().len() };
            let size = data + ENTRY_HEAD + queued.chunk.runs.len() * ENTRY_RUN;
            if bytes + size > ORDER_BYTES && !append.is_empty() || append.len() == ORDER_ENTRIES {
                break;
            }
            if (bytes + size) as u64 > room {
                disk.full = true;
                break;
            }
            bytes += size;
            append.push(entry(queued, &self.channels, has_ended, now));
            disk.ordered = queued.end();
        }
        let refused = std::mem::take(&mut disk.refused);
        if append.is_empty() && refused.is_empty() && !disk.dirty {
            return None;
        }
        disk.ordering = true;
        let (end, cursor) = (disk.ordered, std::mem::take(&mut disk.dirty));
        let cursor = cursor.then(|| self.cursor());
        Some(Order { lane: 0, destination: self.destination.clone(), append, end, cursor, refused, close: false })
    }

    /// What has ended, for the disk.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let watermark = self.ended();
        let mut ended: Vec<Range<u64>> = Vec::new();
        for range in self.queue.iter().flat_map(Queued::ended) {
            let full = ended.len() == CURSOR_RANGES;
            match ended.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ if full => break,
                _ => ended.push(range),
            }
        }
        Cursor { watermark, ended, channels: self.channels.marks(), clean: false }
    }

    /// An order has been done, as far as it went. Returns the channels that have news.
    pub fn stored(&mut self, stored: &Stored) -> Vec<u32> {
        let Some(disk) = &mut self.disk else { return Vec::new() };
        disk.ordering = false;
        disk.bytes = stored.lane_bytes;
        let before = disk.written;
        disk.written = disk.written.max(stored.end);
        disk.trouble.clone_from(&stored.failure);
        if stored.failure.is_some() {
            disk.ordered = disk.written;
            disk.failures += 1;
            disk.dirty = true;
        } else {
            disk.failures = 0;
        }
        let written = disk.written;
        let place = self.queue.partition_point(|queued| queued.end() <= before);
        let chunks = self.queue.range(place..).chain(disk.tail.iter());
        let runs: Vec<Run> = chunks
            .take_while(|queued| queued.end() <= written)
            .flat_map(|queued| queued.chunk.runs.iter().filter(|run| run.channel != TEXT && run.sequences > 0).cloned())
            .collect();
        let mut news = Vec::new();
        for run in runs {
            if let Some(channel) = self.channels.get_mut(run.channel) {
                channel.durable = channel.durable.max(run.first_sequence + u64::from(run.sequences) - 1);
                news.push(run.channel);
            }
        }
        news.sort_unstable();
        news.dedup();
        news
    }

    /// Moves what waits behind the disk: into the queue where nothing is away any more and it has room for `most` bytes, out
    /// of memory where it is on disk.
    pub fn settle_tail(&mut self, most: usize) {
        loop {
            let queue_held = self.queue_held();
            let Some(disk) = &mut self.disk else { return };
            let Some(front) = disk.tail.front() else { return };
            let bytes = front.chunk.paid();
            let joins = disk.away.is_empty() && (queue_held + bytes <= most || queue_held == 0);
            let leaves = front.end() <= disk.written;
            if !joins && !leaves {
                return;
            }
            let Some(queued) = disk.tail.pop_front() else { return };
            disk.tail_held -= bytes;
            if joins {
                disk.away = queued.end()..queued.end();
                self.enqueue(queued);
            } else {
                if disk.away.is_empty() {
                    disk.away_since = queued.chunk.arrived;
                }
                disk.away.end = queued.end();
                if queued.unended == 0 {
                    disk.away_ended.push_back(queued.first..queued.end());
                }
                self.held -= bytes;
            }
        }
    }

    /// Lets what is safe on disk leave the queue from its end, until at most `most` bytes are left or what comes next is not
    /// safe, or not wholly unsent. Returns whether anything left.
    pub fn squeeze(&mut self, most: usize, now: Now) -> bool {
        let mut left = false;
        while self.queue_held() > most {
            let Some(disk) = self.disk.as_mut().filter(|disk| disk.known == Known::All) else { break };
            let safe = |queued: &Queued| queued.is_untouched() && queued.end() <= disk.written;
            if !self.queue.back().is_some_and(safe) {
                break;
            }
            let Some(queued) = self.queue.pop_back() else { break };
            if !disk.is_behind() {
                disk.away.end = queued.end();
            }
            (disk.away.start, disk.away_since) = (queued.first, queued.chunk.arrived);
            disk.squeezed_at = Some(now.at);
            self.held -= queued.chunk.paid();
            self.unsent_records -= u64::from(queued.chunk.records);
            self.unsent_cost -= u64::from(queued.chunk.cost());
            left = true;
        }
        if left {
            self.find_unsent_since();
        }
        left
    }

    /// What an earlier process left: from now on the lane goes on behind it.
    pub fn indexed(&mut self, found: Indexed, reach: usize, now: Now) {
        let Some(disk) = &mut self.disk else { return };
        let next = found.next;
        let watermark = found.cursor.watermark.min(next);
        disk.known = Known::All;
        (disk.ordered, disk.written, disk.away) = (next, next, watermark..next);
        let within = |range: &Range<u64>| range.start.max(watermark)..range.end.min(next);
        disk.away_ended = found.cursor.ended.iter().map(within).filter(|range| !range.is_empty()).collect();
        disk.away_since = now.at;
        disk.bytes = found.lane_bytes;
        disk.failures = 0;
        // It is no longer the cursor of an orderly end.
        disk.dirty = found.cursor.clean;
        disk.suspect = if found.cursor.clean { 0 } else { reach };
        self.account.recovered += disk.away_records();
        self.next_offset = next;
        self.channels.renumber(next);
        for mark in &found.cursor.channels {
            self.channels.restore(mark, next, now.at);
        }
        self.idle_since = now.at;
    }

    /// Takes a chunk that has come back from disk, or a tombstone for one that has not. `ended`: all of it had ended when it was
    /// written.
    pub fn recall(&mut self, mut chunk: Chunk, runs: &[DiskRun], ended: bool, arrived: Duration) {
        chunk.runs = runs.iter().map(|run| self.run_of(run)).collect();
        chunk.arrived = arrived;
        let Some(disk) = &mut self.disk else { return };
        let first = disk.away.start;
        let mut queued = Queued::new(first, chunk);
        let before = disk.ended_before(&(first..queued.end()));
        disk.away.start = queued.end();
        disk.away.end = disk.away.end.max(disk.away.start);
        disk.away_since = arrived;
        for range in &before {
            queued.unended -= range.end - range.start;
        }
        if ended {
            // They had ended when they were written, and the cursor did not know.
            self.account.recovered = self.account.recovered.saturating_sub(u64::from(queued.unended));
            queued.unended = 0;
        }
        if queued.unended == 0 {
            queued.todo = Vec::new();
        } else {
            queued.todo = complement(&before, queued.chunk.records);
            queued.done = before;
        }
        if queued.unended > 0 && disk.suspect > 0 {
            disk.suspect = disk.suspect.saturating_sub(queued.chunk.paid());
            self.account.possible_duplicates += u64::from(queued.unended);
        }
        self.held += queued.chunk.paid();
        self.enqueue(queued);
    }

    /// Drops what has come back last: it is not wanted, or cannot be read. Returns how many records that were.
    pub fn drop_last(&mut self, reason: Dropped) -> u64 {
        let Some(queued) = self.queue.back_mut() else { return 0 };
        let (first, ranges) = (queued.first, std::mem::take(&mut queued.todo));
        let count = ranges.iter().map(|range| u64::from(range.end - range.start)).sum();
        self.unsent_records -= count;
        // A chunk without bytes has no text to cost anything.
        self.unsent_cost -= count * u64::from(EVENT_OVERHEAD);
        for range in ranges {
            self.end(first, range, End::Dropped(reason));
        }
        self.bury_last();
        count
    }

    /// The last chunk of the queue is a tombstone: it joins its neighbour.
    pub fn bury_last(&mut self) {
        if let Some(last) = self.queue.len().checked_sub(1) {
            self.bury(last);
        }
    }

    fn run_of(&self, run: &DiskRun) -> Run {
        let text = run.client == [0; 16];
        let channel = if text { None } else { self.channels.find(&run.client) };
        Run {
            channel: channel.unwrap_or(TEXT),
            first_sequence: run.first_sequence,
            sequences: run.sequences,
            records: run.records,
        }
    }
}

fn entry(queued: &Queued, channels: &Channels, ended: bool, now: Now) -> Entry {
    let client = |run: &Run| channels.get(run.channel).map_or([0; 16], |channel| channel.client());
    let runs = queued.chunk.runs.iter().map(|run| DiskRun {
        client: client(run),
        first_sequence: run.first_sequence,
        sequences: run.sequences,
        records: run.records,
    });
    let age = now.at.saturating_sub(queued.chunk.arrived).as_millis();
    let arrived_ms = now.wall_ms.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
    Entry { first: queued.first, chunk: Arc::clone(&queued.chunk), runs: runs.collect(), arrived_ms, ended }
}

/// What `ranges` (ascending, disjoint) leave of `0..count`.
fn complement(ranges: &[Range<u32>], count: u32) -> Vec<Range<u32>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain(std::iter::once(count));
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}
