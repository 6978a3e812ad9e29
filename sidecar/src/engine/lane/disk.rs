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
use crate::engine::batch::Queued;
use crate::engine::spool::{Refused, Want};

mod cursor;
mod order;
mod recall;

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

/// What has come back in place of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// The chunk, or only whose it is.
    Chunk,
    /// The word that it had ended when it was written.
    Ended,
    /// Nothing: it cannot be read.
    Lost,
}

/// A read under way.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What for.
    pub want: Want,
    /// From this offset. What comes back counts only if `away` still begins there: meanwhile more may have left memory.
    pub from: u64,
    /// Since when.
    pub since: Duration,
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
    away_ended: Vec<Range<u64>>,
    /// All that had, ascending, as long as it lies above the watermark.
    inherited: Vec<Range<u64>>,
    /// How many others of `away` ended before they were written: their entries on disk say so.
    away_gone: u64,
    /// When the first that is away was taken in.
    away_since: Duration,
    tail: VecDeque<Queued>,
    /// Bytes paid for the tail.
    pub tail_held: usize,
    /// An order is under way (before all is known: the look at the files), and how many bytes of records it appends.
    pub ordering: bool,
    /// See `ordering`.
    pub ordered_bytes: u64,
    /// What is being read.
    pub reading: Option<Reading>,
    /// It would read, but there is no memory for that.
    pub hungry: bool,
    /// The cursor on disk is behind.
    pub dirty: bool,
    /// It has files there, or may have.
    pub used: bool,
    /// The order under way deletes them: nobody needs the lane any more, or nobody did.
    pub closing: bool,
    /// There is no room on disk for what comes next, as the last order found.
    pub full: bool,
    /// It is among those that look again when there may be.
    pub short: bool,
    /// Dead letters to be written, and how many bytes of chunks they hold.
    pub refused: Vec<Refused>,
    /// See `refused`.
    pub refused_bytes: usize,
    /// Records that got no dead letter, because the disk was not well.
    pub letters_lost: u64,
    /// Failures in a row of orders (or of looks), and nothing is ordered before this moment.
    pub failures: u32,
    /// See `failures`.
    pub not_before: Duration,
    /// The same of reads.
    pub read_failures: u32,
    /// See `read_failures`.
    pub read_not_before: Duration,
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
            away_ended: Vec::new(),
            inherited: Vec::new(),
            away_gone: 0,
            away_since: Duration::ZERO,
            tail: VecDeque::new(),
            tail_held: 0,
            ordering: false,
            ordered_bytes: 0,
            reading: None,
            hungry: false,
            dirty: false,
            used: known != Known::All,
            closing: false,
            full: false,
            short: false,
            refused: Vec::new(),
            refused_bytes: 0,
            letters_lost: 0,
            failures: 0,
            not_before: Duration::ZERO,
            read_failures: 0,
            read_not_before: Duration::ZERO,
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

    /// Whether a segment is being dropped to make room.
    #[must_use]
    pub fn is_dropping(&self) -> bool {
        self.reading.is_some_and(|reading| reading.want == Want::Runs)
    }

    /// Records that are on disk only and have not ended.
    #[must_use]
    pub fn away_records(&self) -> u64 {
        let ended: u64 = self.away_ended.iter().map(|range| range.end - range.start).sum();
        self.away.end - self.away.start - ended - self.away_gone
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
        let mut tail = std::mem::take(&mut self.tail);
        if let Some(place) = tail.len().checked_sub(2) {
            joins(&mut tail, place, Some(self));
        }
        self.tail = tail;
    }

    pub(super) fn find(&mut self, first: u64) -> Option<&mut Queued> {
        let place = self.tail.binary_search_by_key(&first, |queued| queued.first).ok()?;
        self.tail.get_mut(place)
    }

    /// Chunks in memory that are not on disk, with how many of their records have not ended.
    pub fn tail(&self) -> impl Iterator<Item = &Queued> {
        self.tail.iter()
    }

    pub(super) fn tail_mut(&mut self) -> impl Iterator<Item = &mut Queued> {
        self.tail.iter_mut()
    }

    /// What of `offsets`, which come back, had ended before: as indices of a chunk that begins at their start.
    fn ended_before(&mut self, offsets: &Range<u64>) -> Vec<Range<u32>> {
        let within = |range: &Range<u64>| range.start.max(offsets.start)..range.end.min(offsets.end);
        let index = |offset: u64| (offset - offsets.start) as u32;
        let parts = self.away_ended.iter().map(within).filter(|part| !part.is_empty());
        let ended = parts.map(|part| index(part.start)..index(part.end)).collect();
        self.away_ended.retain_mut(|range| {
            range.start = range.start.max(offsets.end);
            !range.is_empty()
        });
        ended
    }
}

/// Whether the tombstone at `place` has taken the next one in, if both are such.
///
/// What is being written is left as it is: of a tombstone of which only the first part is on disk nobody could say what it is
/// that a client has to send again.
pub(super) fn joins(queue: &mut VecDeque<Queued>, place: usize, disk: Option<&Disk>) -> bool {
    let is_tombstone = |queued: &mut Queued| {
        queued.unended == 0 && queued.chunk.paid() == 0 && Arc::get_mut(&mut queued.chunk).is_some()
    };
    let mut pair = queue.range_mut(place..);
    let (Some(before), Some(next)) = (pair.next(), pair.next()) else { return false };
    let is_settled = disk.is_none_or(|disk| next.end() <= disk.written || before.first >= disk.ordered);
    let joined =
        is_settled && is_tombstone(before) && is_tombstone(next) && before.absorb(next, disk.map(|disk| disk.written));
    if joined {
        queue.remove(place + 1);
    }
    joined
}

/// The same for all of `queue` that lies in `offsets`: it is on disk now.
fn join_written(queue: &mut VecDeque<Queued>, offsets: &Range<u64>, disk: &Disk) {
    let mut place = queue.partition_point(|queued| queued.end() <= offsets.start).saturating_sub(1);
    while queue.get(place).is_some_and(|queued| queued.end() <= offsets.end) {
        if !joins(queue, place, Some(disk)) {
            place += 1;
        }
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
}
