//! The hand-over from the app's threads to the writer, every interleaving of it: no wake-up gets lost, and a flush
//! is answered behind every record that its thread logged before.
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

use doze::Doze;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct Shared {
    doze: Doze,
    queue: Mutex<Vec<u32>>,
    inbox: Mutex<Vec<u32>>,
    pokes: Mutex<u32>,
    poked: Condvar,
    answered: Mutex<Vec<u32>>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            doze: Doze::new(),
            queue: Mutex::new(Vec::new()),
            inbox: Mutex::new(Vec::new()),
            pokes: Mutex::new(0),
            poked: Condvar::new(),
            answered: Mutex::new(Vec::new()),
        })
    }

    fn wake(&self) {
        self.doze.wake(|| {
            *self.pokes.lock().unwrap() += 1;
            self.poked.notify_one();
        });
    }

    fn log(&self, record: u32) {
        self.queue.lock().unwrap().push(record);
        if self.doze.is_asleep() {
            self.wake();
        }
    }

    fn flush(&self, record: u32) {
        self.inbox.lock().unwrap().push(record);
        self.wake();
    }

    /// The writer until it has taken so many records and answered so many flushes. A flush is named by the last
    /// record of its thread, which must have been taken when it is answered.
    fn write(&self, records: usize, flushes: usize) {
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        let mut answered = 0;
        loop {
            *self.pokes.lock().unwrap() = 0;
            self.doze.woken();
            let asked = std::mem::take(&mut *self.inbox.lock().unwrap());
            let ahead = taken.len() + self.queue.lock().unwrap().len();
            waiting.extend(asked.into_iter().map(|record| (record, ahead)));
            // One record a turn, so that flushes do wait.
            let mut queue = self.queue.lock().unwrap();
            let empty = queue.is_empty();
            if !empty {
                taken.push(queue.remove(0));
            }
            drop(queue);
            waiting.retain(|(record, ahead)| {
                let passed = empty || taken.len() >= *ahead;
                assert!(!passed || taken.contains(record), "answered before its record was taken");
                if passed {
                    answered += 1;
                    self.answered.lock().unwrap().push(*record);
                }
                !passed
            });
            if taken.len() == records && answered == flushes {
                return;
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
}

fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn no_record_leaves_the_writer_asleep() {
    bounded(|| {
        let shared = Shared::new();
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
    bounded(|| {
        let shared = Shared::new();
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
