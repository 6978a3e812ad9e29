//! Chunks: contiguous records of one lane, the unit of memory (and of the spool).
//!
//! A chunk's bytes are records in the protocol's one encoding (`docs/protocol.md`): `i64` timestamp, `u32` length, text.
//! There is no index; whoever needs a record's place walks there. Beside the bytes stand the *runs*: whose they are.
//! At most [`BLOCK`] bytes and [`CHUNK_RECORDS`] records, except that a record over `BLOCK` is a chunk of its own.
//! Its memory is paid for by the [`Payment`] inside.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::budget::{Budget, Kind, Payment, BLOCK};
use super::limits::{EVENT_OVERHEAD, TIMESTAMP_MAX_MS};
use super::sabotage::{self, Sabotage};

/// Most records in a chunk, so that ten chunks are never more than one batch may hold.
pub const CHUNK_RECORDS: u32 = 1_000;

/// Bytes before each record's text.
pub const RECORD_HEADER: usize = splashdam::wire::RECORD_HEADER;

/// What a chunk costs beside its records: its own fields, its runs and its place in the lane.
pub const CHUNK_OVERHEAD: usize = 512;

/// Which channel of a lane; [`TEXT`] stands for all text connections.
pub type ChannelIndex = u32;

/// The channel of all text connections: they have no sequences and get no acks.
pub const TEXT: ChannelIndex = 0;

/// One channel's contiguous part of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose records.
    pub channel: ChannelIndex,
    /// Sequence of the first record (0 for text).
    pub first_sequence: u64,
    /// How many sequences end in this run: less than `records` where a record was split.
    pub sequences: u32,
    /// How many records of the chunk belong to the run.
    pub records: u32,
}

impl Run {
    /// `records` records of text connections.
    #[must_use]
    pub fn of_text(records: u32) -> Self {
        Run { channel: TEXT, first_sequence: 0, sequences: records, records }
    }

    /// The last sequence that has come with it: one before its first where none ends in it.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        (self.first_sequence + u64::from(self.sequences)).saturating_sub(1)
    }

    /// Takes `next` into this run if it goes on where this one ends, each sequence being one record.
    fn join(&mut self, next: &Run) -> bool {
        let goes_on = self.first_sequence + u64::from(self.sequences) == next.first_sequence
            && self.sequences == self.records
            && next.sequences == next.records;
        let seamless = self.channel == next.channel && (self.channel == TEXT || goes_on);
        if seamless {
            self.sequences += next.sequences;
            self.records += next.records;
        }
        seamless
    }
}

/// A sealed chunk.
#[derive(Debug)]
pub struct Chunk {
    data: Vec<u8>,
    /// Number of records in `data`.
    pub records: u32,
    /// Bytes of text in all records.
    pub text_bytes: u32,
    /// Smallest timestamp.
    pub min_ms: i64,
    /// Largest timestamp.
    pub max_ms: i64,
    /// Whether timestamps never fall from one record to the next.
    pub sorted: bool,
    /// Whose the records are, in order; their counts add up to `records`.
    pub runs: Vec<Run>,
    /// When its first record was taken in.
    pub arrived: Duration,
    payment: Option<Payment>,
    budget: Arc<Budget>,
}

/// One record inside a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The text; intake made sure that it is UTF-8.
    pub text: &'a [u8],
}

impl Chunk {
    /// What the API measures for all its records.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.text_bytes + self.records * EVENT_OVERHEAD
    }

    /// What it takes from the budget, in bytes.
    #[must_use]
    pub fn paid(&self) -> usize {
        self.payment.as_ref().map_or(0, Payment::bytes)
    }

    /// The records' bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// A tombstone: records that have ended and keep their place without bytes.
    #[must_use]
    pub fn tombstone(budget: &Arc<Budget>, run: Run, arrived: Duration) -> Self {
        Chunk {
            data: Vec::new(),
            records: run.records,
            text_bytes: 0,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            sorted: true,
            runs: vec![run],
            arrived,
            payment: None,
            budget: Arc::clone(budget),
        }
    }

    /// A tombstone whose runs are not known yet: what comes back from disk without bytes.
    #[must_use]
    pub fn empty(budget: &Arc<Budget>, records: u32) -> Self {
        let mut chunk = Self::tombstone(budget, Run::of_text(records), Duration::ZERO);
        chunk.runs.clear();
        chunk
    }

    /// A chunk out of its records' bytes, as they come back from disk: its runs are not known yet. `None` where the bytes are
    /// not whole records. The caller has made sure that the texts are UTF-8, and `payment` pays for [`paid_for`](Self::paid_for).
    #[must_use]
    pub fn restored(budget: &Arc<Budget>, payment: Payment, data: Vec<u8>) -> Option<Self> {
        let mut chunk = Self::empty(budget, 0);
        let (mut whole, mut last_ms) = (0, i64::MIN);
        for record in Records::new(&data) {
            let stamp = record.timestamp_ms;
            whole += RECORD_HEADER + record.text.len();
            chunk.records += 1;
            chunk.text_bytes += record.text.len() as u32;
            chunk.min_ms = chunk.min_ms.min(stamp);
            chunk.max_ms = chunk.max_ms.max(stamp);
            chunk.sorted &= stamp >= last_ms;
            last_ms = stamp;
        }
        let in_range = 0 <= chunk.min_ms && chunk.max_ms <= TIMESTAMP_MAX_MS;
        if chunk.records == 0 || whole != data.len() || !in_range {
            return None;
        }
        chunk.data = data;
        chunk.payment = Some(payment);
        Some(chunk)
    }

    /// What a chunk with so many bytes of records, and so many runs, takes from the budget when it comes back from disk.
    #[must_use]
    pub fn paid_for(data: usize, runs: usize) -> usize {
        data + CHUNK_OVERHEAD + runs.saturating_sub(1) * size_of::<Run>()
    }

    /// Takes the tombstone that follows this one in. Of each channel only the last run matters: it moves the ack.
    ///
    /// False where the sum would be more than a chunk can count: then nothing has changed.
    pub fn absorb(&mut self, next: &Chunk) -> bool {
        let Some(records) = self.records.checked_add(next.records) else { return false };
        self.records = records;
        for run in &next.runs {
            match self.runs.iter_mut().find(|mine| mine.channel == run.channel) {
                // The first piece of a split record ends no sequence.
                Some(mine) if run.sequences == 0 => mine.records += run.records,
                Some(mine) => *mine = Run { records: mine.records + run.records, ..run.clone() },
                None => self.runs.push(run.clone()),
            }
        }
        true
    }

    /// Lets the memory go while the counts stay: what a tombstone is.
    pub fn release(&mut self) {
        // First the payment, so that the free list sees the room that this very block leaves.
        let payment = self.payment.take();
        if sabotage::on(Sabotage::PaymentLeaked) {
            std::mem::forget(payment);
        } else {
            drop(payment);
        }
        self.budget.recycle(Kind::Chunk, std::mem::take(&mut self.data));
    }

    /// Walks all records.
    #[must_use]
    pub fn iter(&self) -> Records<'_> {
        Records { rest: &self.data }
    }

    /// Walks the records of `range`, given by index.
    pub fn range(&self, range: Range<u32>) -> impl Iterator<Item = RecordRef<'_>> {
        let count = range.end.saturating_sub(range.start) as usize;
        self.iter().skip(range.start as usize).take(count)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.release();
    }
}

/// Iterator over the records of a chunk's bytes.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Walks records in their encoding; ends at the first that is not whole.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Records { rest: bytes }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RecordRef<'a>> {
        let (header, rest) = self.rest.split_first_chunk::<RECORD_HEADER>()?;
        let (stamp, length) = header.split_first_chunk::<8>()?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (text, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(RecordRef { timestamp_ms: i64::from_le_bytes(*stamp), text })
    }
}

/// An open chunk.
#[derive(Debug)]
pub struct ChunkBuilder {
    chunk: Chunk,
    last_ms: i64,
    capacity: usize,
}

impl ChunkBuilder {
    /// An open chunk with room for `capacity` bytes of records, paid for by `payment`.
    #[must_use]
    pub fn new(budget: &Arc<Budget>, payment: Payment, capacity: usize, arrived: Duration) -> Self {
        let chunk = Chunk {
            data: budget.buffer(capacity),
            records: 0,
            text_bytes: 0,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            sorted: true,
            runs: Vec::new(),
            arrived,
            payment: Some(payment),
            budget: Arc::clone(budget),
        };
        ChunkBuilder { chunk, last_ms: i64::MIN, capacity }
    }

    /// Whether a record of `length` bytes fits.
    #[inline]
    #[must_use]
    pub fn fits(&self, length: usize) -> bool {
        self.chunk.records < CHUNK_RECORDS && self.chunk.data.len() + RECORD_HEADER + length <= self.capacity
    }

    /// Bytes of room that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.capacity - self.chunk.data.len()
    }

    /// Number of records so far.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.chunk.records
    }

    /// When the first record came.
    #[must_use]
    pub fn arrived(&self) -> Duration {
        self.chunk.arrived
    }

    /// Adds a record; the caller has asked [`fits`](Self::fits) and follows with [`own`](Self::own).
    #[inline]
    pub fn push(&mut self, timestamp_ms: i64, text: &[u8]) {
        debug_assert!(self.fits(text.len()) && !text.is_empty());
        let stamp = timestamp_ms.clamp(0, TIMESTAMP_MAX_MS);
        let chunk = &mut self.chunk;
        let mut header = [0; RECORD_HEADER];
        header[..8].copy_from_slice(&stamp.to_le_bytes());
        // The text fits a chunk, so its length fits 32 bits.
        header[8..].copy_from_slice(&(text.len() as u32).to_le_bytes());
        chunk.data.extend_from_slice(&header);
        chunk.data.extend_from_slice(text);
        chunk.records += 1;
        chunk.text_bytes += text.len() as u32;
        chunk.min_ms = chunk.min_ms.min(stamp);
        chunk.max_ms = chunk.max_ms.max(stamp);
        chunk.sorted &= stamp >= self.last_ms;
        self.last_ms = stamp;
    }

    /// Says whose the last pushed records are; joins the run before where it goes on seamlessly.
    pub fn own(&mut self, run: Run) {
        if !self.chunk.runs.last_mut().is_some_and(|last| last.join(&run)) {
            self.chunk.runs.push(run);
        }
    }

    /// Seals the chunk. One less than half full moves into a buffer of its size, and the rest of its payment goes back.
    #[must_use]
    pub fn seal(self) -> Chunk {
        let mut chunk = self.chunk;
        let length = chunk.data.len();
        if length * 2 < chunk.data.capacity() {
            let mut right_sized = Vec::with_capacity(length);
            right_sized.extend_from_slice(&chunk.data);
            let block = std::mem::replace(&mut chunk.data, right_sized);
            if let Some(payment) = &mut chunk.payment {
                payment.shrink_to(length + CHUNK_OVERHEAD);
            }
            chunk.budget.recycle(Kind::Chunk, block);
        }
        let runs = chunk.runs.capacity() * size_of::<Run>();
        let paid = runs <= CHUNK_OVERHEAD / 2;
        if let Some(payment) = chunk.payment.as_mut().filter(|_| !paid) {
            // Many clients in one chunk. Where the budget is used up this much is beyond it, until the chunk ends.
            let _ = payment.grow(runs);
        }
        chunk
    }
}

/// The largest ordinary chunk: what a claim for one block pays for.
pub const CHUNK_CLAIM: usize = BLOCK + CHUNK_OVERHEAD;

#[cfg(test)]
pub(crate) mod tests;
