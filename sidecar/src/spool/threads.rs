//! The spool's threads: one that reads; one that writes, or four where each waits for syncs. A lane is always written by the
//! same one, so its orders stay in order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{bounded, Receiver, RecvTimeoutError, Sender};

use super::reader::Reader;
use super::salt::Salts;
use super::shared::{Now, Shared};
use super::writer::Writer;
use super::Event;
use crate::config::Destination;
use crate::engine::lane::LaneId;
use crate::engine::spool::{Order, Read};

/// Where events go.
pub(super) type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Writers where each order waits for a sync: so many may wait beside each other.
const SYNCING_WRITERS: usize = 4;

/// How often what has ended is looked for, while there is any.
const TICK: Duration = Duration::from_secs(1);

/// Work for a thread; the end comes after everything that was asked for before it.
#[derive(Debug)]
enum Job {
    Order(Box<Order>),
    Read(Box<Read>, Destination),
    Index(LaneId, Destination),
    End,
}

/// The threads, and how to reach them.
#[derive(Debug)]
pub(super) struct Threads {
    writers: Vec<Sender<Job>>,
    reader: Sender<Job>,
    ended: Receiver<()>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts them. `lanes` bounds what can wait: of each lane one order or index, one read, and a last order at the end; and
    /// the deletion of a lane that was there before it.
    pub(super) fn start(shared: &Arc<Shared>, lanes: usize, sink: &Sink) -> io::Result<Self> {
        let writers = if shared.syncs() { SYNCING_WRITERS } else { 1 };
        let (ended_to, ended) = bounded(writers + 1);
        let mut threads = Threads { writers: Vec::new(), reader: bounded(0).0, ended, handles: Vec::new() };
        for _ in 0..writers {
            let (sender, jobs) = bounded(3 * lanes + 2);
            let writer = Writer::new(Arc::clone(shared), Salts::new()?);
            threads.spawn("spool-write", &ended_to, sink, move |sink| write(writer, &jobs, sink))?;
            threads.writers.push(sender);
        }
        let (sender, jobs) = bounded(2 * lanes + 2);
        let reader = Reader::new(Arc::clone(shared));
        threads.spawn("spool-read", &ended_to, sink, move |sink| read(reader, &jobs, sink))?;
        threads.reader = sender;
        Ok(threads)
    }

    fn spawn(
        &mut self,
        name: &str,
        ended: &Sender<()>,
        sink: &Sink,
        work: impl FnOnce(&Sink) + Send + 'static,
    ) -> io::Result<()> {
        let (ended, sink) = (ended.clone(), Arc::clone(sink));
        let body = move || {
            work(&sink);
            let _ = ended.send(());
        };
        self.handles.push(thread::Builder::new().name(name.to_owned()).spawn(body)?);
        Ok(())
    }

    // The channels have room for everything that may be under way, so none of these waits. A thread that has ended takes
    // nothing more, as is meant.

    pub(super) fn order(&self, order: Box<Order>) {
        // By destination: a lane that is made anew under another number must not overtake the deletion of the one before. A
        // remainder is below the number of writers.
        let mut hasher = DefaultHasher::new();
        order.destination.hash(&mut hasher);
        let writer = (hasher.finish() % self.writers.len() as u64) as usize;
        let _ = self.writers[writer].send(Job::Order(order));
    }

    pub(super) fn read(&self, read: Box<Read>, destination: Destination) {
        let _ = self.reader.send(Job::Read(read, destination));
    }

    pub(super) fn index(&self, lane: LaneId, destination: Destination) {
        let _ = self.reader.send(Job::Index(lane, destination));
    }

    /// Waits until everything asked for before is done; `false` where that takes longer than allowed.
    pub(super) fn close(self, deadline: Instant) -> bool {
        for jobs in self.writers.iter().chain([&self.reader]) {
            if jobs.send_deadline(Job::End, deadline).is_err() {
                return false;
            }
        }
        let all_ended = self.handles.iter().all(|_| self.ended.recv_deadline(deadline).is_ok());
        if all_ended {
            for handle in self.handles {
                let _ = handle.join();
            }
        }
        all_ended
    }
}

fn now() -> Now {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Now { at: Instant::now(), ms: i64::try_from(ms).unwrap_or(i64::MAX) }
}

fn write(mut writer: Writer, jobs: &Receiver<Job>, sink: &Sink) {
    let mut tick_at: Option<Instant> = None;
    loop {
        let job = match tick_at {
            Some(at) => jobs.recv_deadline(at),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(Job::Order(order)) => {
                let stored = writer.carry_out(&order, now());
                // The chunks' memory goes back before anybody hears that they are durable.
                drop(order);
                sink(Event::Stored(stored));
            }
            Err(RecvTimeoutError::Timeout) | Ok(Job::Read(..) | Job::Index(..)) => {}
            Ok(Job::End) | Err(RecvTimeoutError::Disconnected) => return,
        }
        // Here and not where the time runs out: under load it never does, and idle lanes have their due all the same.
        if tick_at.is_some_and(|at| at <= Instant::now()) {
            writer.tick(now());
            tick_at = None;
        }
        if tick_at.is_none() && writer.ticks() {
            tick_at = Some(Instant::now() + TICK);
        }
    }
}

fn read(mut reader: Reader, jobs: &Receiver<Job>, sink: &Sink) {
    for job in jobs {
        match job {
            Job::Read(read, destination) => sink(Event::Read(reader.read(*read, &destination))),
            Job::Index(lane, destination) => sink(Event::Indexed(reader.index(lane, &destination))),
            Job::Order(_) => {}
            Job::End => return,
        }
    }
}
