//! The byte budget and the pool of blocks: whoever holds memory for records has paid for it here.
//!
//! A [`Payment`] travels inside what it pays for (a chunk, a request body, a partial line) and gives the bytes back when
//! it is dropped. Blocks and bodies come back to a free list; free-listed memory counts against the budget too and is let
//! go as soon as somebody needs the room, so that what the process holds never exceeds `total`.
//!
//! One small lock, taken per block and never per record. No policy lives here: who may take how much is `fair`'s to say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Size of a block, in bytes.
pub const BLOCK: usize = 64 * 1024;

/// Most free blocks and bodies kept for reuse, in bytes each.
const FREE_BLOCKS: usize = 16;
const FREE_BODIES: usize = 8;

/// What memory is held for. Each kind is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records waiting in lanes.
    Chunk,
    /// Request bodies of attempts in flight.
    Body,
    /// Lines and frames that are not yet whole, and what a paused connection had already read.
    Partial,
    /// Records that are back from disk.
    Recalled,
}

/// The process-wide allowance.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    used: [usize; 4],
    blocks: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
}

impl Inner {
    fn used(&self) -> usize {
        self.used.iter().sum()
    }

    fn free_listed(&self) -> usize {
        self.blocks.len() * BLOCK + self.bodies.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Lets free-listed memory go until `bytes` more fit under `total`.
    fn make_room(&mut self, total: usize, bytes: usize) {
        while self.used() + self.free_listed() + bytes > total {
            if self.bodies.pop().is_none() && self.blocks.pop().is_none() {
                return;
            }
        }
    }
}

/// Bytes taken from the budget, given back on drop.
#[derive(Debug)]
pub struct Payment {
    budget: Arc<Budget>,
    kind: Kind,
    bytes: usize,
}

impl Payment {
    /// How much was paid, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives back all but `bytes`. Growing is not possible this way.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.lock().used[self.kind as usize] -= back;
        self.bytes -= back;
    }

    /// Moves `bytes` of this payment into one of its own, if it has as many.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Option<Payment> {
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(Payment { budget: Arc::clone(&self.budget), kind: self.kind, bytes })
    }

    /// Takes another payment of the same kind into this one.
    pub fn merge(&mut self, mut other: Payment) {
        debug_assert_eq!(self.kind, other.kind);
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Pays for `more` bytes as well, if there are any left.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let paid = self.budget.lock_and_take(self.kind, more);
        if paid {
            self.bytes += more;
        }
        paid
    }
}

impl Drop for Payment {
    fn drop(&mut self) {
        self.budget.lock().used[self.kind as usize] -= self.bytes;
    }
}

impl Budget {
    /// A budget of `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Budget { total, inner: Mutex::default() })
    }

    /// The whole allowance, in bytes.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Bytes paid for now, of all kinds.
    #[must_use]
    pub fn used(&self) -> usize {
        self.lock().used()
    }

    /// Bytes paid for now, of one kind.
    #[must_use]
    pub fn used_for(&self, kind: Kind) -> usize {
        self.lock().used[kind as usize]
    }

    /// Takes `bytes` if they are free.
    #[must_use]
    pub fn claim(self: &Arc<Self>, kind: Kind, bytes: usize) -> Option<Payment> {
        self.lock_and_take(kind, bytes).then(|| Payment { budget: Arc::clone(self), kind, bytes })
    }

    /// An empty buffer with room for `bytes`: a recycled block where the size is that of one.
    #[must_use]
    pub fn buffer(&self, bytes: usize) -> Vec<u8> {
        let recycled = if bytes == BLOCK { self.lock().blocks.pop() } else { None };
        recycled.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// An empty buffer for a request body with room for at least `bytes`, recycled if one is large enough.
    #[must_use]
    pub fn body(&self, bytes: usize) -> Vec<u8> {
        let mut inner = self.lock();
        // Not much larger: it is `bytes` that were paid.
        let fits = inner.bodies.iter().position(|body| (bytes..=bytes + BLOCK).contains(&body.capacity()));
        let recycled = fits.map(|index| inner.bodies.swap_remove(index));
        drop(inner);
        recycled.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Takes a buffer back for reuse, or frees it.
    pub fn recycle(&self, kind: Kind, mut buffer: Vec<u8>) {
        buffer.clear();
        let bytes = buffer.capacity();
        let mut inner = self.lock();
        let fits = inner.used() + inner.free_listed() + bytes <= self.total;
        match kind {
            Kind::Chunk if fits && bytes == BLOCK && inner.blocks.len() < FREE_BLOCKS => inner.blocks.push(buffer),
            Kind::Body if fits && inner.bodies.len() < FREE_BODIES => inner.bodies.push(buffer),
            _ => {
                drop(inner);
                drop(buffer);
            }
        }
    }

    /// Bytes kept for reuse.
    #[cfg(test)]
    pub(crate) fn free_listed(&self) -> usize {
        self.lock().free_listed()
    }

    fn lock_and_take(&self, kind: Kind, bytes: usize) -> bool {
        let mut inner = self.lock();
        if inner.used() + bytes > self.total {
            return false;
        }
        inner.make_room(self.total, bytes);
        inner.used[kind as usize] += bytes;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every critical section leaves the sums right at each step, so a poisoned lock is still consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_gives_back_what_it_took() {
        let budget = Budget::new(100);
        let payment = budget.claim(Kind::Chunk, 60).unwrap();
        assert!(budget.claim(Kind::Body, 41).is_none());
        let rest = budget.claim(Kind::Body, 40).unwrap();
        assert_eq!((budget.used(), budget.used_for(Kind::Chunk)), (100, 60));
        drop(payment);
        drop(rest);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn shrinking_and_growing_keep_the_sum() {
        let budget = Budget::new(100);
        let mut payment = budget.claim(Kind::Partial, 80).unwrap();
        payment.shrink_to(30);
        assert_eq!(budget.used(), 30);
        assert!(payment.grow(70));
        assert!(!payment.grow(1));
        drop(payment);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_payment_splits_without_changing_the_sum() {
        let budget = Budget::new(100);
        let mut payment = budget.claim(Kind::Recalled, 80).unwrap();
        let part = payment.split(30).unwrap();
        assert_eq!((payment.bytes(), part.bytes(), budget.used()), (50, 30, 80));
        assert!(payment.split(51).is_none());
        drop(payment);
        assert_eq!(budget.used(), 30);
    }

    #[test]
    fn free_listed_memory_yields_to_whoever_pays() {
        let budget = Budget::new(3 * BLOCK);
        budget.recycle(Kind::Chunk, Vec::with_capacity(BLOCK));
        budget.recycle(Kind::Body, Vec::with_capacity(2 * BLOCK));
        assert_eq!(budget.free_listed(), 3 * BLOCK);
        let _paid = budget.claim(Kind::Chunk, BLOCK + 1).unwrap();
        assert!(budget.used() + budget.free_listed() <= 3 * BLOCK);
    }

    #[test]
    fn only_as_much_of_it_is_let_go_as_somebody_needs() {
        // Four blocks are kept, of a budget of six; the body goes first.
        for (claim, kept) in
            [(1, 4), (2 * BLOCK, 4), (2 * BLOCK + 1, 2), (4 * BLOCK, 2), (4 * BLOCK + 1, 1), (6 * BLOCK, 0)]
        {
            let budget = Budget::new(6 * BLOCK);
            budget.recycle(Kind::Body, Vec::with_capacity(2 * BLOCK));
            (0..2).for_each(|_| budget.recycle(Kind::Chunk, Vec::with_capacity(BLOCK)));
            assert_eq!(budget.free_listed(), 4 * BLOCK);
            let _paid = budget.claim(Kind::Chunk, claim).unwrap();
            assert_eq!(budget.free_listed(), kept * BLOCK, "claimed {claim}");
        }
    }

    #[test]
    fn a_buffer_is_kept_for_reuse_where_it_fits_the_budget_and_its_list() {
        let kept = |used: usize, before: usize, kind: Kind, capacity: usize| {
            let budget = Budget::new(64 * BLOCK);
            let _paid = budget.claim(Kind::Partial, used).unwrap();
            (0..before).for_each(|_| budget.recycle(kind, Vec::with_capacity(BLOCK)));
            let listed = budget.free_listed();
            budget.recycle(kind, Vec::with_capacity(capacity));
            (budget.free_listed() - listed) / BLOCK
        };
        for (kind, most) in [(Kind::Chunk, 16), (Kind::Body, 8)] {
            assert_eq!(
                [kept(0, 0, kind, BLOCK), kept(0, most - 1, kind, BLOCK), kept(0, most, kind, BLOCK)],
                [1, 1, 0]
            );
            assert_eq!([kept(63 * BLOCK, 0, kind, BLOCK), kept(63 * BLOCK + 1, 0, kind, BLOCK)], [1, 0]);
            assert_eq!([kept(62 * BLOCK, 1, kind, BLOCK), kept(62 * BLOCK + 1, 1, kind, BLOCK)], [1, 0]);
        }
        // A block is of one size, a body of any; other memory is not kept.
        let of_two = [Kind::Chunk, Kind::Body, Kind::Partial].map(|kind| kept(0, 0, kind, 2 * BLOCK));
        assert_eq!(of_two, [0, 2, 0]);
    }

    #[test]
    fn only_who_asks_for_a_block_gets_one_that_was_kept() {
        let budget = Budget::new(4 * BLOCK);
        budget.recycle(Kind::Chunk, Vec::with_capacity(BLOCK));
        assert_eq!((budget.buffer(100).capacity(), budget.free_listed()), (100, BLOCK));
        assert_eq!((budget.buffer(BLOCK).capacity(), budget.free_listed()), (BLOCK, 0));
        assert_eq!(budget.buffer(BLOCK).capacity(), BLOCK);
    }
}
