//! Batches: cutting a lane's chunks into calls that CloudWatch cannot refuse.
//!
//! A batch is a list of (chunk, record range), nearly always whole chunks. Every limit of the API holds by construction:
//! bytes, events, span of timestamps; order is the encoder's to make where a part is not sorted.
//!
//! Timestamps may be mixed (one client 30 h behind, one in the present). A batch takes what fits its first record's window
//! and leaves the rest where it is, so two clients make two full batches and not many small ones.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::account::End;
use super::channel::Counts;
use super::chunk::{ChannelIndex, Chunk};
use super::limits::{BATCH_BYTES, BATCH_EVENTS, BATCH_SPAN_MS, EVENT_OVERHEAD};

/// A chunk in its lane, with what has become of it.
#[derive(Debug)]
pub struct Queued {
    /// The records.
    pub chunk: Arc<Chunk>,
    /// Offset of its first record in the lane.
    pub first: u64,
    /// Record ranges that are in no batch and have not ended, ascending.
    pub todo: Vec<Range<u32>>,
    /// Records without an outcome.
    pub unended: u32,
    /// Record ranges that have ended while others have not, ascending. Kept for the cursor on disk.
    pub done: Vec<Range<u32>>,
    /// Of the records that have ended, those that were not delivered, ascending, and how they ended.
    undelivered: Vec<(Range<u32>, End)>,
    /// The last order that wrote it wrote it as something that has ended: it is never sent again from there.
    pub ordered_as_ended: bool,
    /// Of a tombstone that took others in: how its records ended, but for what was on disk as ended before.
    pub absorbed: Option<Box<Outcomes>>,
}

/// How records ended, by channel.
pub type Outcomes = BTreeMap<ChannelIndex, Counts>;

impl Queued {
    /// A chunk of which nothing is in a batch and nothing has ended.
    #[must_use]
    pub fn new(first: u64, chunk: impl Into<Arc<Chunk>>) -> Self {
        let chunk = chunk.into();
        let records = chunk.records;
        Queued {
            first,
            todo: vec![0..records],
            unended: records,
            done: Vec::new(),
            undelivered: Vec::new(),
            ordered_as_ended: false,
            absorbed: None,
            chunk,
        }
    }

    /// The offset behind its last record.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.chunk.records)
    }

    /// Notes how these have ended, for the cursor.
    pub fn note_done(&mut self, records: Range<u32>, end: End) {
        if end != End::Delivered {
            self.note_undelivered(records.clone(), end);
        }
        if self.unended > 0 {
            insert(&mut self.done, records);
        } else {
            self.done = Vec::new();
        }
    }

    /// Joins what is noted before and behind where that ended in the same way.
    fn note_undelivered(&mut self, mut records: Range<u32>, end: End) {
        let noted = &mut self.undelivered;
        let place = noted.partition_point(|(range, _)| range.end <= records.start);
        let joins = |other: Option<&(Range<u32>, End)>, at: u32| {
            other.is_some_and(|(range, how)| *how == end && (range.start == at || range.end == at))
        };
        let from = if joins(place.checked_sub(1).and_then(|before| noted.get(before)), records.start) {
            records.start = noted[place - 1].0.start;
            place - 1
        } else {
            place
        };
        let to = if joins(noted.get(place), records.end) {
            records.end = noted[place].0.end;
            place + 1
        } else {
            place
        };
        noted.splice(from..to, [(records, end)]);
    }

    /// They are known otherwise.
    pub fn forget_undelivered(&mut self) {
        self.undelivered = Vec::new();
    }

    /// Of the records that have ended, those that were not delivered, ascending, and how they ended.
    #[must_use]
    pub fn undelivered(&self) -> &[(Range<u32>, End)] {
        &self.undelivered
    }

    /// What has ended of it, as offsets.
    pub fn ended(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let whole = (self.unended == 0).then(|| self.first..self.end());
        let at = |index: u32| self.first + u64::from(index);
        whole.into_iter().chain(self.done.iter().map(move |range| at(range.start)..at(range.end)))
    }

    /// Whether none of its records is in a batch or has ended.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.todo.first() == Some(&(0..self.chunk.records))
    }
}

/// Records of one chunk in a batch.
#[derive(Clone, Debug)]
pub struct Part {
    /// The records.
    pub chunk: Arc<Chunk>,
    /// Offset of the chunk's first record in the lane.
    pub first: u64,
    /// Which of its records, by index.
    pub records: Range<u32>,
}

impl Part {
    /// How many records.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.records.end - self.records.start
    }

    /// Whether it holds no record; such a part never leaves the cutter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// What one call to PutLogEvents carries.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in the order of arrival.
    pub parts: Vec<Part>,
    /// Number of records.
    pub records: u32,
    /// What the API measures: texts plus overhead, in bytes.
    pub cost: u32,
    /// When the oldest of its records was taken in.
    pub arrived: Duration,
    /// Attempts made so far.
    pub tries: u32,
    /// The bisection it belongs to, if CloudWatch refused the whole that it is a part of.
    pub trial: Option<u32>,
    /// It was the reach that ended it and no limit: there may be more to come.
    pub short: bool,
}

/// How full a batch must be to be closed at a chunk's border rather than inside one: 95 %.
pub const FULL_ENOUGH: u32 = BATCH_BYTES / 100 * 95;

/// Share of a batch that may be given up to let the cut fall between two milliseconds: 5 %.
const BORDER_SHARE: u32 = 20;

/// How far to look and how large a body may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Chunk bytes from the lane's head beyond which nothing is taken.
    pub reach: usize,
    /// Body bytes per byte of text, as this lane's texts have needed lately.
    pub growth: f32,
    /// Bytes that the body may take.
    pub body: usize,
    /// Records that may be in it, where that is less than the API's own limit.
    pub events: u32,
}

impl Bounds {
    /// The body that so much text in so many records is likely to make, without what goes around all of them.
    #[must_use]
    pub fn body_of(growth: f32, text: u32, records: u32) -> usize {
        (text as f32 * growth) as usize + records as usize * EVENT_FRAME
    }
}

/// JSON around each event's text, at most: `{"timestamp":9999999999999,"message":""},`.
pub const EVENT_FRAME: usize = 48;

/// Takes the next batch from `queue`, or nothing if all is in flight or out of reach.
pub fn cut(queue: &mut VecDeque<Queued>, bounds: Bounds) -> Option<Batch> {
    let mut cutter = Cutter::new(bounds);
    let mut seen = 0;
    for queued in queue.iter_mut() {
        cutter.batch.short = !cutter.full && seen > bounds.reach;
        if cutter.full || cutter.batch.short {
            break;
        }
        seen += queued.chunk.paid();
        if !queued.todo.is_empty() {
            cutter.take_from(queued);
        }
    }
    if cutter.full {
        cutter.retreat_to_border(queue);
    }
    (cutter.batch.records > 0).then_some(cutter.batch)
}

struct Cutter {
    batch: Batch,
    min_ms: i64,
    max_ms: i64,
    bounds: Bounds,
    full: bool,
}

impl Cutter {
    fn new(bounds: Bounds) -> Self {
        Cutter { batch: Batch::default(), min_ms: i64::MAX, max_ms: i64::MIN, bounds, full: false }
    }

    fn span_allows(&self, min_ms: i64, max_ms: i64) -> bool {
        self.max_ms.max(max_ms) - self.min_ms.min(min_ms) <= BATCH_SPAN_MS
    }

    /// Whether a batch of this size is within the limits. A single record always is: it was bounded when it was taken in.
    fn size_allows(&self, records: u32, cost: u32) -> bool {
        let body = || Bounds::body_of(self.bounds.growth, cost - records * EVENT_OVERHEAD, records);
        let events = BATCH_EVENTS.min(self.bounds.events);
        records == 1 || records <= events && cost <= BATCH_BYTES && body() <= self.bounds.body
    }

    fn take_from(&mut self, queued: &mut Queued) {
        let chunk = Arc::clone(&queued.chunk);
        let whole = queued.is_untouched();
        if whole && self.span_allows(chunk.min_ms, chunk.max_ms) {
            if self.size_allows(self.batch.records + chunk.records, self.batch.cost + chunk.cost()) {
                self.min_ms = self.min_ms.min(chunk.min_ms);
                self.max_ms = self.max_ms.max(chunk.max_ms);
                self.add(&chunk, queued.first, 0..chunk.records, chunk.cost());
                queued.todo.clear();
                return;
            }
            if self.batch.cost >= FULL_ENOUGH {
                self.full = true;
                return;
            }
        } else if whole && self.batch.records > 0 && self.is_far_from(&chunk) {
            return;
        }
        let first = queued.first;
        let mut left = Vec::new();
        for range in std::mem::take(&mut queued.todo) {
            self.walk(&chunk, first, range, &mut left);
        }
        queued.todo = left;
    }

    /// No record of the chunk can be in the window.
    fn is_far_from(&self, chunk: &Chunk) -> bool {
        chunk.min_ms > self.min_ms + BATCH_SPAN_MS || chunk.max_ms < self.max_ms - BATCH_SPAN_MS
    }

    /// Takes of `range` what fits, record by record; the rest goes to `left`.
    fn walk(&mut self, chunk: &Arc<Chunk>, first: u64, range: Range<u32>, left: &mut Vec<Range<u32>>) {
        let mut taken = range.start..range.start;
        let mut taken_cost = 0;
        for (record, index) in chunk.range(range.clone()).zip(range) {
            let cost = record.text.len() as u32 + EVENT_OVERHEAD;
            let stamp = record.timestamp_ms;
            let in_span = self.span_allows(stamp, stamp);
            if in_span && !self.full {
                let records = self.batch.records + (taken.end - taken.start) + 1;
                self.full = !self.size_allows(records, self.batch.cost + taken_cost + cost);
            }
            if in_span && !self.full {
                self.min_ms = self.min_ms.min(stamp);
                self.max_ms = self.max_ms.max(stamp);
                taken.end = index + 1;
                taken_cost += cost;
            } else {
                self.add(chunk, first, taken, std::mem::take(&mut taken_cost));
                taken = index + 1..index + 1;
                extend(left, index);
            }
        }
        self.add(chunk, first, taken, taken_cost);
    }

    fn add(&mut self, chunk: &Arc<Chunk>, first: u64, records: Range<u32>, cost: u32) {
        if records.is_empty() {
            return;
        }
        if self.batch.records == 0 {
            self.batch.arrived = chunk.arrived;
        }
        self.batch.arrived = self.batch.arrived.min(chunk.arrived);
        self.batch.records += records.end - records.start;
        self.batch.cost += cost;
        self.batch.parts.push(Part { chunk: Arc::clone(chunk), first, records });
    }

    /// Gives back the last part's records of the last millisecond if the next record left is of the same one and the
    /// batch stays 95 % of what it was: then two batches in flight do not share a millisecond.
    fn retreat_to_border(&mut self, queue: &mut VecDeque<Queued>) {
        let Some(last) = self.batch.parts.last() else { return };
        let Ok(place) = queue.binary_search_by_key(&last.first, |queued| queued.first) else { return };
        let next = queue.range(place..).find_map(|queued| {
            let index = queued.todo.first()?.start;
            queued.chunk.range(index..index + 1).next()
        });
        let stamp = last.chunk.max_ms;
        if next.is_none_or(|next| next.timestamp_ms != stamp) || !last.chunk.sorted {
            return;
        }
        let (mut start, mut cost) = (last.records.end, 0);
        for (record, index) in last.chunk.range(last.records.clone()).zip(last.records.clone()) {
            if record.timestamp_ms == stamp {
                start = start.min(index);
                cost += record.text.len() as u32 + EVENT_OVERHEAD;
            }
        }
        let given = start..last.records.end;
        let count = given.end - given.start;
        if given.is_empty() || start == last.records.start || count > self.batch.records / BORDER_SHARE {
            return;
        }
        put_back(&mut queue[place], given);
        self.batch.records -= count;
        self.batch.cost -= cost;
        if let Some(part) = self.batch.parts.last_mut() {
            part.records.end = start;
        }
    }
}

fn extend(ranges: &mut Vec<Range<u32>>, index: u32) {
    match ranges.last_mut() {
        Some(last) if last.end == index => last.end = index + 1,
        _ => ranges.push(index..index + 1),
    }
}

/// Makes records of a chunk free to be batched again.
pub fn put_back(queued: &mut Queued, records: Range<u32>) {
    insert(&mut queued.todo, records);
}

/// Adds a range to disjoint ascending ones; neighbours become one.
fn insert(ranges: &mut Vec<Range<u32>>, records: Range<u32>) {
    let place = ranges.partition_point(|range| range.start < records.start);
    ranges.insert(place, records);
    ranges.dedup_by(|next, before| {
        let joins = before.end == next.start;
        if joins {
            before.end = next.end;
        }
        joins
    });
}

/// What the API measures for some records of a chunk.
#[must_use]
pub fn cost_of(chunk: &Chunk, records: &Range<u32>) -> u32 {
    let text: usize = chunk.range(records.clone()).map(|record| record.text.len()).sum();
    text as u32 + (records.end - records.start) * EVENT_OVERHEAD
}

impl Batch {
    /// Splits the batch into two halves by records, each with its own cost. The first is larger by one where odd.
    #[must_use]
    pub fn halve(self) -> (Batch, Batch) {
        let half = self.records.div_ceil(2);
        let mut halves = (self.empty_like(), self.empty_like());
        for part in self.parts {
            let room = half.saturating_sub(halves.0.records).min(part.len());
            let middle = part.records.start + room;
            let (left, right) = (part.records.start..middle, middle..part.records.end);
            halves.0.push(Part { records: left, ..part.clone() });
            halves.1.push(Part { records: right, ..part });
        }
        halves
    }

    fn empty_like(&self) -> Batch {
        Batch { arrived: self.arrived, tries: self.tries, trial: self.trial, ..Batch::default() }
    }

    fn push(&mut self, part: Part) {
        if part.is_empty() {
            return;
        }
        self.records += part.len();
        self.cost += cost_of(&part.chunk, &part.records);
        self.parts.push(part);
    }
}

#[cfg(test)]
mod tests;
