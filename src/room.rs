//! What happens when there is no room in the queue: drop the newest, push out the oldest, or wait.
//!
//! Cold: a call comes here only when its first attempt found no room. The lock is for waiting alone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::builder::Overflow;
use crate::doze::CLOSED;
use crate::losses::DropReason;
use crate::queue::{cost, Try};
use crate::state::{lock, Logged, State};
use crate::wire::Record;

#[derive(Debug, Default)]
pub(crate) struct Room {
    waiting: AtomicU32,
    lock: Mutex<()>,
    made: Condvar,
    /// A wait was in vain: nobody waits again until there is room.
    given_up: AtomicBool,
}

impl State {
    #[cold]
    pub(crate) fn no_room(self: &Arc<Self>, timestamp_ms: i64, text: &[u8]) -> Logged {
        let state = self.look_for_fork();
        if !Arc::ptr_eq(state, self) {
            // The attempt was counted in the parent's account; here it is the child's first.
            return state.log(timestamp_ms, text);
        }
        match state.config.overflow {
            Overflow::DropNewest => state.drop_one(DropReason::QueueFull, timestamp_ms),
            Overflow::DropOldest => state.push_out(timestamp_ms, text),
            Overflow::Block { max_wait } => state.wait_for_room(timestamp_ms, text, max_wait),
        }
    }

    fn push_out(&self, timestamp_ms: i64, text: &[u8]) -> Logged {
        // Others may take the room that is made here; a bound keeps this call from being the one that always loses.
        for _ in 0..self.config.queue_records.min(4096) {
            if let Some(oldest) = self.queue.take() {
                if let Ok((record, _)) = Record::decode(&oldest) {
                    self.queue.release(cost(record.text.len()));
                    self.drop_one(DropReason::Oldest, record.timestamp_ms);
                }
            }
            if self.queue.put(timestamp_ms, text, Try::Again).is_ok() {
                return Logged::Queued;
            }
        }
        self.drop_one(DropReason::QueueFull, timestamp_ms)
    }

    fn wait_for_room(&self, timestamp_ms: i64, text: &[u8], max_wait: Duration) -> Logged {
        if max_wait.is_zero() || self.room.given_up.load(Ordering::Relaxed) {
            return self.drop_one(DropReason::QueueFull, timestamp_ms);
        }
        self.wake_writer();
        let deadline = Instant::now().checked_add(max_wait);
        self.room.waiting.fetch_add(1, Ordering::SeqCst);
        let put = self.put_by(deadline, timestamp_ms, text);
        self.room.waiting.fetch_sub(1, Ordering::SeqCst);
        if put {
            return Logged::Queued;
        }
        self.room.given_up.store(true, Ordering::Relaxed);
        self.drop_one(DropReason::QueueFull, timestamp_ms)
    }

    fn put_by(&self, deadline: Option<Instant>, timestamp_ms: i64, text: &[u8]) -> bool {
        let mut guard = lock(&self.room.lock);
        loop {
            if self.queue.has_room(text.len()) && self.queue.put(timestamp_ms, text, Try::Again).is_ok() {
                return true;
            }
            let closed = self.doze.any(CLOSED);
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if closed || left.is_zero() {
                return false;
            }
            // Never long without a look: a close or a refused neighbour's bytes are not announced.
            let nap = left.min(Duration::from_millis(50));
            guard = self.room.made.wait_timeout(guard, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The writer has taken records: their room is free again.
    pub(crate) fn release(&self, cost: usize) {
        self.queue.release(cost);
        if self.room.given_up.load(Ordering::Relaxed) {
            self.room.given_up.store(false, Ordering::Relaxed);
        }
        if self.room.waiting.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.room.lock));
            self.room.made.notify_all();
        }
    }
}
