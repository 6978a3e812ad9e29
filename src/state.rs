//! What the app's threads and the writer share: the queue, the account, and the ways to wake each other.
//!
//! The hot path is [`State::log`]: one look at the flags, the queue's `put`, one more look at the flags. Everything
//! else (no room, asleep, closed, forked, a text that must be split) is cold and stands apart.
//!
//! Absent: no I/O but the one byte that wakes the writer.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::barriers::Request;
use crate::builder::Config;
use crate::doze::{Doze, CLOSED, FORKED};
use crate::losses::{DropReason, Losses, Span};
use crate::queue::{Full, Queue, Try};
use crate::room::Room;
use crate::stats::Stats;
use crate::wire::utf8_cut;
use crate::writer;

/// Every so many records a fork is looked for: `getpid` is a system call.
const LOOK_EVERY: u32 = 1024;

/// Whether a record was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// It is in the queue.
    Queued,
    /// There was no room, or the client is closed; it is counted.
    Dropped,
}

/// What the app's threads ask of the writer.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) flushes: Vec<Request>,
    pub(crate) close: Option<Request>,
    /// No writer will look in here any more.
    pub(crate) shut: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Arc<Config>,
    pub(crate) queue: Queue,
    pub(crate) losses: Losses,
    pub(crate) doze: Doze,
    pub(crate) room: Room,
    pid: u32,
    inbox: Mutex<Inbox>,
    poke: Option<UnixStream>,
    published: Mutex<(Stats, u32)>,
    child: OnceLock<Arc<State>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// A state of this process with a writer of its own.
    pub(crate) fn start(config: Arc<Config>) -> Arc<Self> {
        let (poke, poked) = match UnixStream::pair() {
            Ok((ours, writers)) => (Some(ours), Some(writers)),
            // Out of descriptors: the writer naps instead of sleeping.
            Err(_) => (None, None),
        };
        if let Some(poke) = &poke {
            let _ = poke.set_nonblocking(true);
        }
        let state = Arc::new(Self::new(config, poke));
        if writer::spawn(Arc::clone(&state), poked).is_err() {
            state.shut();
        }
        state
    }

    /// A state of this process for a writer that is woken by a byte in `poke`.
    pub(crate) fn new(config: Arc<Config>, poke: Option<UnixStream>) -> Self {
        Self {
            queue: Queue::new(config.queue_bytes, config.queue_records),
            losses: Losses::default(),
            doze: Doze::new(),
            room: Room::default(),
            pid: (config.pid)(),
            inbox: Mutex::default(),
            poke,
            published: Mutex::default(),
            child: OnceLock::new(),
            config,
        }
    }

    /// The state to use: this one, or in a forked child the child's.
    pub(crate) fn current(self: &Arc<Self>) -> &Arc<Self> {
        let mut state = self;
        while state.doze.any(FORKED) {
            match state.child.get() {
                Some(child) => state = child,
                None => break,
            }
        }
        state
    }

    /// Looks whether this process is a fork, and gives the child a state of its own: a new client id, a new queue and
    /// a new writer. What the old queue holds is the parent's to send.
    pub(crate) fn look_for_fork(self: &Arc<Self>) -> &Arc<Self> {
        let state = self.current();
        if (state.config.pid)() == state.pid {
            return state;
        }
        let child = state.child.get_or_init(|| Self::start(Arc::clone(&state.config)));
        state.doze.set(FORKED);
        child
    }

    pub(crate) fn log(self: &Arc<Self>, timestamp_ms: i64, text: &[u8]) -> Logged {
        if self.doze.any(CLOSED | FORKED) || text.len() > self.config.max_record {
            return self.log_unusual(timestamp_ms, text);
        }
        match self.queue.put(timestamp_ms, text, Try::First) {
            Ok(before) => {
                if self.doze.is_asleep() || before % LOOK_EVERY == LOOK_EVERY - 1 {
                    self.after_put(timestamp_ms, text);
                }
                Logged::Queued
            }
            Err(Full) => self.no_room(timestamp_ms, text),
        }
    }

    /// The record is queued; the writer must be woken, or a fork looked for.
    #[cold]
    fn after_put(self: &Arc<Self>, timestamp_ms: i64, text: &[u8]) {
        let now = self.look_for_fork();
        if Arc::ptr_eq(now, self) {
            if self.doze.is_asleep() {
                self.wake_writer();
            }
        } else {
            // It went into the parent's queue, which nobody empties here.
            now.log(timestamp_ms, text);
        }
    }

    #[cold]
    fn log_unusual(self: &Arc<Self>, timestamp_ms: i64, text: &[u8]) -> Logged {
        let state = self.current();
        if !Arc::ptr_eq(state, self) {
            return state.log(timestamp_ms, text);
        }
        if state.doze.any(CLOSED) {
            state.queue.count_refused();
            return state.drop_one(DropReason::Closed, timestamp_ms);
        }
        let (mut rest, mut worst) = (text, Logged::Queued);
        while rest.len() > state.config.max_record {
            let (part, tail) = rest.split_at(utf8_cut(rest, state.config.max_record));
            if state.log(timestamp_ms, part) == Logged::Dropped {
                worst = Logged::Dropped;
            }
            rest = tail;
        }
        match (rest.is_empty(), worst) {
            (true, worst) => worst,
            (false, Logged::Queued) => state.log(timestamp_ms, rest),
            (false, Logged::Dropped) => {
                state.log(timestamp_ms, rest);
                Logged::Dropped
            }
        }
    }

    pub(crate) fn drop_one(&self, reason: DropReason, timestamp_ms: i64) -> Logged {
        self.losses.add(reason, 1, Span::at(timestamp_ms));
        Logged::Dropped
    }

    /// Wakes the writer if it is not already being woken. One small write at most.
    pub(crate) fn wake_writer(&self) {
        if let Some(mut poke) = self.poke.as_ref() {
            self.doze.wake(|| {
                let _ = poke.write(&[1]);
            });
        }
    }

    /// The writer is awake and has emptied its end.
    pub(crate) fn woken(&self) {
        self.doze.woken();
    }

    /// The writer is about to sleep until it is woken. `false`: it must not, or need not.
    pub(crate) fn may_sleep(&self) -> bool {
        self.poke.is_some() && self.doze.may_sleep(|| self.queue.records() == 0)
    }

    /// Hands a request to the writer, or gives it back where there is none.
    pub(crate) fn ask(&self, request: Request, close: bool) -> Result<(), Request> {
        {
            let mut inbox = lock(&self.inbox);
            if inbox.shut {
                return Err(request);
            }
            if close {
                self.doze.set(CLOSED);
                if inbox.close.is_none() {
                    inbox.close = Some(request);
                } else {
                    inbox.flushes.push(request);
                }
            } else {
                inbox.flushes.push(request);
            }
        }
        self.wake_writer();
        Ok(())
    }

    pub(crate) fn take_inbox(&self) -> (Vec<Request>, Option<Request>) {
        let mut inbox = lock(&self.inbox);
        (std::mem::take(&mut inbox.flushes), inbox.close.take())
    }

    /// No writer any more: later records are dropped and counted, later requests given back.
    pub(crate) fn shut(&self) -> (Vec<Request>, Option<Request>) {
        let mut inbox = lock(&self.inbox);
        self.doze.set(CLOSED);
        inbox.shut = true;
        (std::mem::take(&mut inbox.flushes), inbox.close.take())
    }

    /// The writer's part of the account. `extra` is what splitting added to the records logged.
    pub(crate) fn publish(&self, mut stats: Stats, extra: u64) {
        let mut published = lock(&self.published);
        let logged = self.queue.logged();
        let (last, seen) = &*published;
        stats.logged = last.logged - last.split + u64::from(logged.wrapping_sub(*seen)) + extra;
        stats.split = extra;
        *published = (stats, logged);
    }

    pub(crate) fn stats(&self) -> Stats {
        let published = lock(&self.published);
        let (mut stats, seen) = *published;
        stats.logged += u64::from(self.queue.logged().wrapping_sub(seen));
        stats.queued = self.queue.records() as u64;
        stats.queue_bytes = self.queue.bytes();
        stats.dropped = self.losses.totals();
        stats
    }
}
