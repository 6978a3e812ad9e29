//! How the writer falls asleep and is woken, without a wake-up that gets lost. Pure: the caller brings the poke.
//!
//! Two sides each write, then look. A thread puts its record, then looks whether the writer sleeps; the writer says
//! that it sleeps, then looks whether there is a record. All four are sequentially consistent (the queue's own
//! operations are), so at least one of the two sees the other. `tests/handover.rs` runs this very file under loom.
//!
//! The same word holds the other two things that a call of `log` must know, so that it looks at one word only.

use crate::sync::{AtomicBool, AtomicU8, Ordering};

/// The writer sleeps until it is woken; the next record must do that.
pub(crate) const ASLEEP: u8 = 1;
/// The client takes no more records.
pub(crate) const CLOSED: u8 = 2;
/// This process is a fork of the one that the state belongs to.
pub(crate) const FORKED: u8 = 4;

#[derive(Debug)]
pub(crate) struct Doze {
    flags: AtomicU8,
    /// A poke is on its way: one is enough.
    poked: AtomicBool,
}

impl Doze {
    pub(crate) fn new() -> Self {
        Self { flags: AtomicU8::new(0), poked: AtomicBool::new(false) }
    }

    /// Whether any of these flags is set. Ordered with nothing: good enough before a record is put.
    pub(crate) fn any(&self, flags: u8) -> bool {
        self.flags.load(Ordering::Relaxed) & flags != 0
    }

    pub(crate) fn set(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::SeqCst);
    }

    /// After a record was put: whether the writer must be woken for it.
    pub(crate) fn is_asleep(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & ASLEEP != 0
    }

    /// Wakes the writer by `poke`, unless it is being woken already.
    pub(crate) fn wake(&self, poke: impl FnOnce()) {
        self.flags.fetch_and(!ASLEEP, Ordering::SeqCst);
        if !self.poked.swap(true, Ordering::SeqCst) {
            poke();
        }
    }

    /// The writer is awake. It must have taken the pokes before, and must look for work afterwards: a poke that is
    /// spared in between belongs to work that is there already.
    pub(crate) fn woken(&self) {
        self.flags.fetch_and(!ASLEEP, Ordering::SeqCst);
        // An exchange rather than a store: it also takes in what came before the poke that it forgets. With a
        // store loom finds a writer that sleeps on.
        self.poked.swap(false, Ordering::SeqCst);
    }

    /// The writer wants to sleep until it is poked. `false`: there is a record after all.
    pub(crate) fn may_sleep(&self, queue_is_empty: impl FnOnce() -> bool) -> bool {
        self.flags.fetch_or(ASLEEP, Ordering::SeqCst);
        let may = queue_is_empty();
        if !may {
            self.flags.fetch_and(!ASLEEP, Ordering::SeqCst);
        }
        may
    }
}
