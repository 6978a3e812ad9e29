//! `queue`: an unbounded queue in the process and one thread that sends batches, as Watchtower does unless told otherwise.
//!
//! A batch is sent when the next record would not fit (10,000 events, 1 MiB), or a minute after it was begun. One batch is under
//! way at a time. A batch that is still refused after the SDK's retries is given up. What is queued when the process is killed is
//! lost: nobody counts it here.
//!
//! The queue has no bound, on purpose: this is the design that is compared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc as blocking, Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tokio::time::{timeout_at, Instant};

use super::failures::Failures;
use super::remote::{Remote, Target};
use super::{Ended, Event};
use crate::error::{io, Error, Result};
use batch::Batch;

mod batch;

/// Watchtower's `send_interval`.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long the end waits for the queue to empty.
const CLOSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Message {
    Event(Event),
    End,
}

/// What the app's threads and the sender share.
#[derive(Debug, Default)]
struct Shared {
    /// Records put into the queue, and those of which it is known what became of them.
    queued: AtomicU64,
    ended: AtomicU64,
    failures: Failures,
}

#[derive(Debug)]
pub(crate) struct Queue {
    sender: UnboundedSender<Message>,
    shared: Arc<Shared>,
    done: Mutex<blocking::Receiver<()>>,
}

impl Queue {
    /// Starts the thread and waits until it has found its group and stream.
    pub(crate) fn open(target: Target) -> Result<Self> {
        let (sender, receiver) = unbounded_channel();
        let (opened, open) = blocking::sync_channel(1);
        let (all_sent, done) = blocking::sync_channel(1);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(io("start", "the runtime of the queue's thread"))?;
        let work = move || {
            runtime.block_on(async {
                match Remote::open(target).await {
                    Err(error) => drop(opened.send(Err(error))),
                    Ok(remote) => {
                        let _ = opened.send(Ok(()));
                        run(receiver, &remote, &theirs).await;
                        let _ = all_sent.send(());
                    }
                }
            });
        };
        thread::Builder::new().name("queue".into()).spawn(work).map_err(io("start", "the queue's thread"))?;
        open.recv().map_err(|_| Error::Thread("queue's thread"))??;
        Ok(Self { sender, shared, done: Mutex::new(done) })
    }

    pub(crate) fn put(&self, event: Event) {
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        if self.sender.send(Message::Event(event)).is_err() {
            self.shared.fail(1, "the queue's thread is gone");
        }
    }

    /// Waits until all is sent, for a minute at most; what is left then is given up.
    pub(crate) fn close(&self) -> Ended {
        let _ = self.sender.send(Message::End);
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.recv_timeout(CLOSE).is_err() {
            let left = self.shared.queued.load(Ordering::Relaxed) - self.shared.ended.load(Ordering::Relaxed);
            self.shared.failures.note(left, format_args!("still queued after {} s", CLOSE.as_secs()));
        }
        self.shared.failures.ended()
    }
}

impl Shared {
    fn fail(&self, records: u64, because: impl ToString) {
        self.ended.fetch_add(records, Ordering::Relaxed);
        self.failures.note(records, because);
    }
}

/// Sends batches until the end is called.
async fn run(mut receiver: UnboundedReceiver<Message>, remote: &Remote, shared: &Shared) {
    let mut first = None;
    loop {
        let (batch, next) = gather(&mut receiver, first).await;
        send(batch, remote, shared).await;
        match next {
            Next::Batch(event) => first = event,
            Next::End => return,
        }
    }
}

/// What comes after a batch.
enum Next {
    /// Another one, which begins with the event that did not fit.
    Batch(Option<Event>),
    End,
}

async fn gather(receiver: &mut UnboundedReceiver<Message>, first: Option<Event>) -> (Batch, Next) {
    let deadline = Instant::now() + INTERVAL;
    let mut batch = Batch::default();
    batch.extend(first);
    loop {
        match timeout_at(deadline, receiver.recv()).await {
            Ok(Some(Message::Event(event))) if batch.fits(&event) => batch.extend(Some(event)),
            Ok(Some(Message::Event(event))) => return (batch, Next::Batch(Some(event))),
            Ok(Some(Message::End) | None) => return (batch, Next::End),
            Err(_due) => return (batch, Next::Batch(None)),
        }
    }
}

async fn send(batch: Batch, remote: &Remote, shared: &Shared) {
    let events = batch.into_sorted();
    let records = events.len() as u64;
    if records == 0 {
        return;
    }
    match remote.put(events).await {
        Ok(accepted) => {
            shared.ended.fetch_add(accepted, Ordering::Relaxed);
            shared.fail(records.saturating_sub(accepted), "rejected for their age");
        }
        Err(why) => shared.fail(records, why),
    }
}
