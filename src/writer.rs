//! The writer: one thread that owns the connection, the window and the waiting flushes.
//!
//! Each turn looks at everything once and never blocks; only [`Writer::wait`] does, in one `poll` on the waker and the
//! connection. Reading and writing go on side by side, so that an ack nobody reads cannot stop a socket that is full.
//!
//! Limits: the queue is emptied into the window by at most [`TURN`] bytes a turn. The thread takes no lock for longer
//! than it takes to copy the account.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::barriers::{Barriers, Request};
use crate::channel::Channel;
use crate::flush::Waiter;
use crate::identity::{random_id, Jitter};
use crate::losses::Untold;
use crate::spares::Returned;
use crate::state::State;
use crate::Level;

mod account;
mod connection;
mod farewell;
mod pace;
mod socket;
mod steps;
mod take;

use connection::{Connection, Phase};
use pace::Pace;

/// What one turn takes from the queue at most.
const TURN: usize = 1 << 20;
/// The longest wait, so that a wake-up that got lost costs little.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// How long a client whose last handle is gone goes on.
const ORPHANED: Duration = Duration::from_secs(5);

thread_local! {
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is a client's writer. Fronts ignore what it would log.
pub(crate) fn is_writer() -> bool {
    IS_WRITER.try_with(Cell::get).unwrap_or(false)
}

/// Starts the writer of a state.
pub(crate) fn spawn(state: Arc<State>, waker: Option<UnixStream>) -> io::Result<()> {
    if let Some(waker) = &waker {
        waker.set_nonblocking(true)?;
    }
    thread::Builder::new().name("splashdam-writer".into()).spawn(move || {
        IS_WRITER.with(|is_writer| is_writer.set(true));
        Writer::new(state, waker).run();
    })?;
    Ok(())
}

/// Why the queue was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// It is empty.
    All,
    /// There is more, for the next turn.
    Some,
    /// There may be more, but nowhere to put it.
    NoRoom,
}

/// Records given up, on their way to the sidecar.
#[derive(Debug)]
struct Report {
    number: u64,
    untold: Untold,
    sent: bool,
}

/// A close under way: the flush it waits for, and who waits for it.
#[derive(Debug)]
struct Closing {
    flushed: Arc<Waiter>,
    closed: Option<Arc<Waiter>>,
}

#[derive(Debug)]
struct Writer {
    state: Arc<State>,
    waker: Option<UnixStream>,
    client_id: [u8; 16],
    channel: Channel,
    barriers: Barriers,
    connection: Option<Connection>,
    connections: u64,
    backoff: Backoff,
    retry_at: Instant,
    pace: Pace,
    returned: Returned,
    /// Records ever taken from the queue.
    taken: u64,
    /// Records that splitting added to those.
    split: u64,
    report: Option<Report>,
    reports: u64,
    next_report: Instant,
    closing: Option<Closing>,
}

impl Writer {
    fn new(state: Arc<State>, waker: Option<UnixStream>) -> Self {
        let now = Instant::now();
        Self {
            client_id: random_id(),
            channel: Channel::new(state.config.window_bytes),
            barriers: Barriers::default(),
            connection: None,
            connections: 0,
            backoff: Backoff::new(Jitter::new(random_id())),
            retry_at: now,
            pace: Pace::new(now, state.config.queue_bytes, state.config.queue_records),
            returned: Returned::default(),
            taken: 0,
            split: 0,
            report: None,
            reports: 0,
            next_report: now,
            closing: None,
            state,
            waker,
        }
    }

    fn run(mut self) {
        loop {
            let now = Instant::now();
            self.take_requests(now);
            self.connect(now);
            self.read(now);
            let took = self.take_records(now);
            self.write(now);
            self.look_for_silence(now);
            self.answer(now);
            if self.is_closed() {
                return self.say_good_bye();
            }
            self.wait(took, now);
        }
    }

    fn take_requests(&mut self, now: Instant) {
        if let Some(mut waker) = self.waker.as_ref() {
            let _ = waker.read(&mut [0; 64]);
        }
        self.state.woken();
        let (flushes, close) = self.state.take_inbox();
        let ahead = self.taken + self.state.queue.records() as u64;
        for request in flushes {
            self.barriers.push(request, ahead);
        }
        if let Some(request) = close {
            self.begin_closing(request.deadline, Some(request.waiter), ahead);
        } else if self.closing.is_none() && Arc::strong_count(&self.state) == 1 {
            self.begin_closing(now.checked_add(ORPHANED), None, ahead);
        }
    }

    fn begin_closing(&mut self, deadline: Option<Instant>, closed: Option<Arc<Waiter>>, ahead: u64) {
        let flushed = Arc::new(Waiter::default());
        let request = Request { level: Level::Ended, deadline, waiter: Arc::clone(&flushed) };
        self.barriers.push(request, ahead);
        self.closing = Some(Closing { flushed, closed });
    }

    fn is_closed(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.flushed.is_complete())
    }

    /// Whether there is anything to say to a sidecar.
    fn has_business(&self) -> bool {
        self.channel.unended() > 0
            || self.report.is_some()
            || !self.barriers.is_empty()
            || self.state.queue.records() > 0
            || self.state.losses.any_untold()
    }

    fn wait(&mut self, took: Took, now: Instant) {
        let full = self.connection.as_ref().is_some_and(|connection| connection.full);
        if took == Took::Some && !full {
            return;
        }
        let mut timeout = self.longest_wait(took, now);
        if let Some(deadline) = self.barriers.next_deadline() {
            timeout = timeout.min(deadline.saturating_duration_since(now));
        }
        let connection = self.connection.as_ref().map(|connection| (connection.stream(), connection.full));
        socket::wait(self.waker.as_ref(), connection, timeout);
    }

    fn longest_wait(&mut self, took: Took, now: Instant) -> Duration {
        let up = self.connection.as_ref().is_some_and(|connection| connection.phase == Phase::Up);
        if !up && self.has_business() {
            // Records change nothing now; a flush, a frame or the next attempt does.
            let retry = self.retry_at.saturating_duration_since(now);
            let waiting = self.connection.is_some();
            return if waiting { LONGEST_WAIT } else { retry.min(LONGEST_WAIT) };
        }
        if took == Took::NoRoom {
            return LONGEST_WAIT.min(self.pace.nap());
        }
        if self.pace.drowsy(now) && self.state.may_sleep() {
            return LONGEST_WAIT;
        }
        self.pace.nap()
    }
}
