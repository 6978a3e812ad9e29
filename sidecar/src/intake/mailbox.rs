//! How the rest of the process reaches the intake's thread: the latest value per connection, not a queue of messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::Waker;
use tokio::sync::oneshot;

use crate::engine::flush::Flushed;
use crate::engine::lane::LaneId;
use crate::engine::ConnectionId;
use splashdam::wire::Ack;

/// What waits for the intake. Bounded by what it is about: connections, their at most 64 flushes each, lanes.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) acks: BTreeMap<ConnectionId, Ack>,
    pub(crate) flushed: Vec<(ConnectionId, u64, Flushed)>,
    pub(crate) resumed: BTreeSet<LaneId>,
    pub(crate) drain: Option<Drain>,
    pub(crate) pings: Vec<oneshot::Sender<()>>,
    pub(crate) seals: Vec<oneshot::Sender<()>>,
    pub(crate) stop: bool,
}

impl Mail {
    pub(crate) fn acknowledge(&mut self, connection: ConnectionId, ack: Ack) {
        // Acks may come out of turn, and everything in them only rises.
        let newest = self.acks.entry(connection).or_default();
        *newest = newest.latest(ack);
    }
}

/// The request to read no more.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) deadline: Duration,
    pub(crate) done: oneshot::Sender<()>,
}

/// The mailbox. Writing to it wakes the thread once, however much is written before it looks.
#[derive(Debug)]
pub struct Mailbox {
    mail: Mutex<Mail>,
    any: AtomicBool,
    waker: Waker,
}

/// Most liveness questions that may wait: more than both HTTP interfaces have connections, so that none is turned away unasked.
const PINGS: usize = 256;

impl Mailbox {
    /// A mailbox that wakes the thread through `waker`.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Mailbox { mail: Mutex::default(), any: AtomicBool::new(false), waker }
    }

    /// Tells a client how far it is; a newer ack takes the place of one that was not sent.
    pub fn acknowledge(&self, connection: ConnectionId, ack: Ack) {
        self.post(|mail| mail.acknowledge(connection, ack));
    }

    /// Answers a client's flush.
    pub fn flushed(&self, connection: ConnectionId, ticket: u64, flushed: Flushed) {
        self.post(|mail| mail.flushed.push((connection, ticket, flushed)));
    }

    /// There is room in a lane again.
    pub fn resume(&self, lane: LaneId) {
        self.post(|mail| {
            mail.resumed.insert(lane);
        });
    }

    /// Seals what is open, tells framed clients, and reads no more. The answer comes when that is done.
    pub fn drain(&self, deadline: Duration) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        self.post(|mail| mail.drain = Some(Drain { deadline, done }));
        receiver
    }

    /// Asks the thread for a sign of life.
    pub fn ping(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.post(|mail| {
            if mail.pings.len() < PINGS {
                mail.pings.push(sender);
            }
        });
        receiver
    }

    /// Asks that everything read so far is handed to the engine, open chunks included.
    pub fn seal(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.post(|mail| {
            if mail.seals.len() < PINGS {
                mail.seals.push(sender);
            }
        });
        receiver
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.post(|mail| mail.stop = true);
    }

    fn post(&self, write: impl FnOnce(&mut Mail)) {
        write(&mut self.lock());
        if !self.any.swap(true, Ordering::AcqRel) {
            if let Err(error) = self.waker.wake() {
                // Only a broken kernel object can cause this; the thread looks here after each of its rounds as well.
                tracing::error!(%error, "cannot wake the intake");
            }
        }
    }

    /// Takes everything out, if there is anything.
    pub(crate) fn take(&self) -> Option<Mail> {
        self.any.swap(false, Ordering::AcqRel).then(|| std::mem::take(&mut *self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
