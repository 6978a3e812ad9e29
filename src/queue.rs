//! The client queue: encoded records on their way from the app's threads to the writer, bounded in bytes and records.
//!
//! One atomic word carries both what the queue holds and what was ever logged, so that a record costs one atomic
//! addition beside the channel's own: the low 32 bits are bytes held (rising here, falling when the writer takes),
//! the high 32 bits count records (rising only, modulo 2³²; the writer extends them to 64 bits).
//!
//! Limits: at most [`MAX_BYTES`] of bound, so that the low half cannot run over even while many threads that will
//! be refused have already added theirs.
//!
//! Absent: this module does no I/O, waits for nobody and decides nothing; what to do without room is the caller's.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{bounded, Receiver, Sender};

use crate::spares::Spares;
use crate::wire::{append_record, RECORD_HEADER};

/// The largest bound in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 30;
/// What a record costs beside its encoding: its slot in the channel and the allocator's own.
pub(crate) const OVERHEAD: usize = 48;

const ONE_RECORD: u64 = 1 << 32;

/// An encoded record.
pub(crate) type Entry = Vec<u8>;

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Whether a record is counted as logged now, or was when it was first tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Try {
    First,
    Again,
}

#[derive(Debug)]
pub(crate) struct Queue {
    load: AtomicU64,
    max_bytes: usize,
    sender: Sender<Entry>,
    receiver: Receiver<Entry>,
    pub(crate) spares: Spares,
}

/// What a record of `text_len` bytes takes of the queue's bound.
pub(crate) fn cost(text_len: usize) -> usize {
    text_len + RECORD_HEADER + OVERHEAD
}

fn bytes_of(load: u64) -> usize {
    // The low half; `usize` has at least 32 bits wherever there is a Unix socket.
    (load & (ONE_RECORD - 1)) as usize
}

fn records_of(load: u64) -> u32 {
    (load >> 32) as u32
}

impl Queue {
    pub(crate) fn new(max_bytes: usize, max_records: usize) -> Self {
        let (sender, receiver) = bounded(max_records);
        Self { load: AtomicU64::new(0), max_bytes: max_bytes.min(MAX_BYTES), sender, receiver, spares: Spares::new() }
    }

    /// Encodes and appends a record. Returns how many were logged before it (modulo 2³²).
    pub(crate) fn put(&self, timestamp_ms: i64, text: &[u8], attempt: Try) -> Result<u32, Full> {
        let cost = cost(text.len()) as u64;
        let count = if attempt == Try::First { ONE_RECORD } else { 0 };
        let before = self.load.fetch_add(count + cost, Ordering::Relaxed);
        if bytes_of(before) + bytes_of(cost) <= self.max_bytes {
            let mut entry = self.spares.take(RECORD_HEADER + text.len());
            append_record(&mut entry, timestamp_ms, text);
            if self.sender.try_send(entry).is_ok() {
                return Ok(records_of(before));
            }
        }
        self.load.fetch_sub(cost, Ordering::Relaxed);
        Err(Full)
    }

    /// Counts a record that was not even tried.
    pub(crate) fn count_refused(&self) {
        self.load.fetch_add(ONE_RECORD, Ordering::Relaxed);
    }

    /// Takes the oldest record. Its bytes stay paid for until [`release`](Queue::release).
    pub(crate) fn take(&self) -> Option<Entry> {
        self.receiver.try_recv().ok()
    }

    /// Gives back the cost of records that were taken.
    pub(crate) fn release(&self, cost: usize) {
        self.load.fetch_sub(cost as u64, Ordering::Relaxed);
    }

    /// Whether a record of that length would find room now.
    pub(crate) fn has_room(&self, text_len: usize) -> bool {
        self.bytes() + cost(text_len) <= self.max_bytes && !self.sender.is_full()
    }

    pub(crate) fn records(&self) -> usize {
        self.receiver.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        bytes_of(self.load.load(Ordering::Relaxed))
    }

    /// How many records were logged, modulo 2³².
    pub(crate) fn logged(&self) -> u32 {
        records_of(self.load.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold_to_the_byte_and_the_record() {
        let queue = Queue::new(cost(10) + cost(20), 10);
        assert_eq!(queue.put(0, &[b'x'; 10], Try::First), Ok(0));
        assert_eq!(queue.put(0, &[b'x'; 21], Try::First), Err(Full));
        assert_eq!(queue.put(0, &[b'x'; 20], Try::Again), Ok(2));
        assert_eq!((queue.records(), queue.logged()), (2, 2));
        assert_eq!(queue.bytes(), cost(10) + cost(20));

        let queue = Queue::new(MAX_BYTES, 2);
        assert!(queue.put(0, b"", Try::First).is_ok() && queue.put(0, b"", Try::First).is_ok());
        assert!(!queue.has_room(0));
        assert_eq!(queue.put(0, b"", Try::First), Err(Full));
        assert_eq!(queue.bytes(), 2 * cost(0), "a refused record pays nothing");
        assert!(queue.take().is_some());
        queue.release(cost(0));
        assert!(queue.has_room(0));
        assert_eq!(queue.logged(), 3);
    }
}
