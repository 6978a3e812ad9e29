//! Memory of records that were sent, on its way back to the threads that log.
//!
//! Without it the writer frees what the app's threads allocate, and both meet at the allocator's lock: at 100,000
//! records a second one call in a thousand then waited 50 µs. A batch at a time, so that a record costs no channel
//! operation of its own; by value, so that the batch itself is never allocated.
//!
//! Limits: [`BATCHES`] batches wait at most, and a thread holds one; entries of more than [`LARGEST`] bytes are freed.

use std::cell::RefCell;

use crossbeam_channel::{bounded, Receiver, Sender};

use crate::queue::Entry;

const BATCH: usize = 16;
const BATCHES: usize = 256;
const LARGEST: usize = 1024;

thread_local! {
    static MINE: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(crate) struct Spares {
    sender: Sender<[Entry; BATCH]>,
    receiver: Receiver<[Entry; BATCH]>,
}

impl Spares {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = bounded(BATCHES);
        Self { sender, receiver }
    }

    /// An empty entry with room for so many bytes.
    pub(crate) fn take(&self, capacity: usize) -> Entry {
        // A thread that ends, or that logs while it logs, goes without.
        let spare = MINE.try_with(|mine| mine.try_borrow_mut().ok().and_then(|mut mine| self.take_from(&mut mine)));
        let mut entry = spare.ok().flatten().unwrap_or_default();
        entry.clear();
        entry.reserve(capacity);
        entry
    }

    fn take_from(&self, mine: &mut Vec<Entry>) -> Option<Entry> {
        if mine.is_empty() {
            mine.extend(self.receiver.try_recv().ok()?);
        }
        mine.pop()
    }
}

/// The writer's end: collects entries until there is a batch of them.
#[derive(Debug, Default)]
pub(crate) struct Returned(Vec<Entry>);

impl Returned {
    pub(crate) fn give(&mut self, entry: Entry, spares: &Spares) {
        if entry.capacity() > LARGEST {
            return;
        }
        self.0.push(entry);
        if self.0.len() >= BATCH {
            let batch = std::array::from_fn(|_| self.0.pop().unwrap_or_default());
            // Where nobody takes them, they are freed here.
            let _ = spares.sender.try_send(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_is_bounded() {
        let spares = Spares::new();
        let mut returned = Returned::default();
        for _ in 0..BATCH {
            returned.give(Vec::with_capacity(300), &spares);
        }
        let entry = spares.take(100);
        assert!(entry.is_empty() && entry.capacity() >= 300, "one of those that came back");
        for _ in 0..2 * BATCH * BATCHES {
            returned.give(Vec::with_capacity(300), &spares);
        }
        assert_eq!(spares.receiver.len(), BATCHES);
        returned.give(Vec::with_capacity(LARGEST + 1), &spares);
        assert!(returned.0.len() < BATCH);
    }
}
