//! The hand-over from the app's threads to the writer, every interleaving of it: no wake-up gets lost, a flush is
//! answered behind every record that its thread logged before, and a close leaves no flush without an answer and no
//! record uncounted.
//!
//! `src/doze.rs` is included as it ships, on loom's atomics. The channel is replaced by a small queue under a mutex,
//! because loom cannot see into crossbeam's; the poke by a counter under another.

#![allow(clippy::unwrap_used)] // also in helpers

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
}

#[path = "../src/doze.rs"]
#[allow(dead_code)]
mod doze;

use doze::{Doze, CLOSED};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct Shared {
    doze: Doze,
    queue: Mutex<Vec<u32>>,
    inbox: Mutex<Inbox>,
    pokes: Mutex<u32>,
    poked: Condvar,
    answered: Mutex<Vec<u32>>,
    dropped: Mutex<Vec<u32>>,
    /// Whether it is closed at all: what need not be looked at makes for fewer interleavings.
    closes: bool,
}

/// As the client's: flushes and a close, each named by the last record of its thread.
#[derive(Default)]
struct Inbox {
    flushes: Vec<u32>,
    close: Option<u32>,
    shut: bool,
}

impl Shared {
    fn new(closes: bool) -> Arc<Self> {
        Arc::new(Self {
            doze: Doze::new(),
            queue: Mutex::new(Vec::new()),
            inbox: Mutex::new(Inbox::default()),
            pokes: Mutex::new(0),
            poked: Condvar::new(),
            answered: Mutex::new(Vec::new()),
            dropped: Mutex::new(Vec::new()),
            closes,
        })
    }

    fn wake(&self) {
        self.doze.wake(|| {
            *self.pokes.lock().unwrap() += 1;
            self.poked.notify_one();
        });
    }

    fn log(&self, record: u32) {
        if self.closes && self.doze.any(CLOSED) {
            self.dropped.lock().unwrap().push(record);
            return;
        }
        self.queue.lock().unwrap().push(record);
        if self.doze.is_asleep() {
            self.wake();
        }
    }

    /// Whether there is a writer to ask.
    fn ask(&self, record: u32, close: bool) -> bool {
        let mut inbox = self.inbox.lock().unwrap();
        if inbox.shut {
            return false;
        }
        if close {
            self.doze.set(CLOSED);
            inbox.close = Some(record);
        } else {
            inbox.flushes.push(record);
        }
        drop(inbox);
        self.wake();
        true
    }

    fn flush(&self, record: u32) {
        assert!(self.ask(record, false));
    }

    /// The writer until it has taken so many records and answered so many flushes, or is closed. A flush is answered only
    /// when the last record of its thread was taken, or was not accepted at all. Gives back what it took.
    fn write(&self, records: usize, flushes: usize) -> Vec<u32> {
        let (mut taken, mut waiting, mut closing) = (Vec::new(), Vec::new(), None);
        let mut answered = 0;
        loop {
            *self.pokes.lock().unwrap() = 0;
            self.doze.woken();
            let mut inbox = self.inbox.lock().unwrap();
            let (asked, close) = (std::mem::take(&mut inbox.flushes), inbox.close.take());
            drop(inbox);
            closing = close.or(closing);
            let ahead = taken.len() + self.queue.lock().unwrap().len();
            waiting.extend(asked.into_iter().chain(close).map(|record| (record, ahead)));
            // One record a turn, so that flushes do wait.
            let mut queue = self.queue.lock().unwrap();
            let empty = queue.is_empty();
            if !empty {
                taken.push(queue.remove(0));
            }
            drop(queue);
            let mut closed = false;
            waiting.retain(|(record, ahead)| {
                let passed = empty || taken.len() >= *ahead;
                let ours = || taken.contains(record) || self.dropped.lock().unwrap().contains(record);
                assert!(!passed || ours(), "answered before its record was taken");
                if passed {
                    answered += 1;
                    self.answered.lock().unwrap().push(*record);
                    closed |= closing == Some(*record);
                }
                !passed
            });
            if closed {
                self.shut(waiting);
                return taken;
            }
            if taken.len() == records && answered == flushes {
                return taken;
            }
            if empty && waiting.is_empty() && self.doze.may_sleep(|| self.queue.lock().unwrap().is_empty()) {
                // Without a time-out, unlike the real writer: a lost wake-up is a deadlock, and loom reports those.
                let mut pokes = self.pokes.lock().unwrap();
                while *pokes == 0 {
                    pokes = self.poked.wait(pokes).unwrap();
                }
            }
        }
    }

    /// The end of the writer: nobody can ask it any more, and who has asked is answered. What is in the queue is given up and counted.
    fn shut(&self, waiting: Vec<(u32, usize)>) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.shut = true;
        let asked = std::mem::take(&mut inbox.flushes);
        drop(inbox);
        self.answered.lock().unwrap().extend(waiting.into_iter().map(|(record, _)| record).chain(asked));
        let given_up = std::mem::take(&mut *self.queue.lock().unwrap());
        self.dropped.lock().unwrap().extend(given_up);
    }
}

fn bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn no_record_leaves_the_writer_asleep() {
    bounded(3, || {
        let shared = Shared::new(false);
        let threads: Vec<_> = (0..2)
            .map(|record| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.log(record))
            })
            .collect();
        shared.write(2, 0);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_flush_wakes_the_writer_and_waits_for_its_threads_records() {
    bounded(3, || {
        let shared = Shared::new(false);
        let threads: Vec<_> = (0..2)
            .map(|record| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.log(record);
                    if record == 0 {
                        shared.flush(record);
                    }
                })
            })
            .collect();
        shared.write(2, 1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*shared.answered.lock().unwrap(), [0]);
    });
}

#[test]
fn flushes_of_several_threads_are_answered_each_behind_its_own_records() {
    bounded(2, || {
        let shared = Shared::new(false);
        let threads: Vec<_> = (0..2)
            .map(|record| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.log(record);
                    shared.flush(record);
                })
            })
            .collect();
        shared.write(2, 2);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(shared.answered.lock().unwrap().len(), 2);
    });
}

#[test]
fn a_close_that_races_with_a_log_and_a_flush_leaves_none_of_them_behind() {
    bounded(1, || {
        let shared = Shared::new(true);
        let closer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.log(0);
                assert!(shared.ask(0, true));
            })
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.log(1);
                shared.ask(1, false)
            })
        };
        let taken = shared.write(usize::MAX, usize::MAX);
        closer.join().unwrap();
        let accepted = other.join().unwrap();
        // What was logged before the close is taken; what races with it is taken, given up, dropped, or still in the queue.
        assert!(taken.contains(&0));
        let mut all = [&taken[..], &shared.dropped.lock().unwrap()[..], &shared.queue.lock().unwrap()[..]].concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1]);
        let answered = shared.answered.lock().unwrap();
        assert_eq!(answered.contains(&1), accepted, "whoever was let in is answered");
    });
}
