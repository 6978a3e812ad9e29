//! The handle that apps hold.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::barriers::Request;
use crate::builder::{Builder, Config};
use crate::flush::{FlushFuture, FlushReport, Waiter};
use crate::guard::Guard;
use crate::state::{Logged, State};
use crate::stats::Stats;
use crate::Level;

/// How much longer than asked a thread waits for the writer to say what it found.
const GRACE: Duration = Duration::from_millis(50);

/// A client of the sidecar. Cheap to clone; all clones are one client.
///
/// [`log`](Client::log) encodes the record into a bounded queue and returns. One thread, `splashdam-writer`, sends
/// what is queued, sends it again after a reconnect, and keeps it until the sidecar says that it is durable.
///
/// Nothing here panics, and nothing is logged about logging: [`stats`](Client::stats) tells what happened.
///
/// When the last clone is gone, the writer goes on for up to five seconds with what it holds. Programs that end
/// sooner hold a [`Guard`], or call [`close`](Client::close).
#[derive(Debug, Clone)]
pub struct Client {
    /// `None`: disabled.
    state: Option<Arc<State>>,
}

/// What became of everything by the time a client was closed. The same as of a flush to [`Level::Ended`].
pub type CloseReport = FlushReport;

impl Client {
    /// Settings for a client of the sidecar that listens at `socket`.
    ///
    /// ```
    /// let client = splashdam::Client::builder("/tmp/example.sock").stream("worker-1").build();
    /// client.log("hello");
    /// ```
    pub fn builder(socket: impl Into<PathBuf>) -> Builder {
        Builder::new(socket.into())
    }

    /// Settings for a client of the sidecar that `SPLASHDAM_SOCKET` names, or the default one.
    pub fn builder_from_env() -> Builder {
        Builder::from_env()
    }

    pub(crate) fn start(config: Arc<Config>) -> Self {
        Self { state: Some(State::start(config)) }
    }

    pub(crate) fn disabled() -> Self {
        Self { state: None }
    }

    /// Logs a record with the present time.
    pub fn log(&self, text: &str) -> Logged {
        match &self.state {
            Some(state) => state.log(now_ms(), text.as_bytes()),
            None => Logged::Queued,
        }
    }

    /// Logs a record with a time of its own: milliseconds since 1970-01-01T00:00:00Z.
    pub fn log_at(&self, timestamp_ms: i64, text: &str) -> Logged {
        match &self.state {
            Some(state) => state.log(timestamp_ms, text.as_bytes()),
            None => Logged::Queued,
        }
    }

    /// The same for bytes that should be UTF-8; the sidecar repairs what is not.
    #[cfg(feature = "tracing")]
    pub(crate) fn log_bytes(&self, text: &[u8]) -> Logged {
        match &self.state {
            Some(state) => state.log(now_ms(), text),
            None => Logged::Queued,
        }
    }

    /// Waits until everything logged before has reached a level, or until time runs out, and says which.
    ///
    /// ```no_run
    /// # let client = splashdam::Client::builder_from_env().build();
    /// use std::time::Duration;
    /// let report = client.flush(splashdam::Level::Ended, Duration::from_secs(5));
    /// assert!(report.all_delivered(), "{report:?}");
    /// ```
    pub fn flush(&self, level: Level, timeout: Duration) -> FlushReport {
        self.wait(self.request(level, timeout, false), level, timeout)
    }

    /// The same without a waiting thread. It runs on no particular runtime.
    pub fn flush_async(&self, level: Level, timeout: Duration) -> FlushFuture {
        FlushFuture(self.request(level, timeout, false))
    }

    /// Takes no more records, waits until everything has ended or time runs out, and says good-bye to the sidecar.
    ///
    /// What is held when time runs out is given up and counted. Later calls of `log` count as dropped.
    pub fn close(&self, timeout: Duration) -> CloseReport {
        self.wait(self.request(Level::Ended, timeout, true), Level::Ended, timeout)
    }

    fn wait(&self, waiter: Arc<Waiter>, level: Level, timeout: Duration) -> FlushReport {
        let deadline = Instant::now().checked_add(timeout.saturating_add(GRACE));
        waiter.wait(deadline).unwrap_or_else(|| self.report(level, false))
    }

    fn request(&self, level: Level, timeout: Duration, close: bool) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter::default());
        let Some(state) = &self.state else {
            waiter.complete(FlushReport::empty(level, true));
            return waiter;
        };
        let deadline = Instant::now().checked_add(timeout);
        let request = Request { level, deadline, waiter: Arc::clone(&waiter) };
        if let Err(refused) = state.look_for_fork().ask(request, close) {
            // The writer is gone: what it found in the end is all there is to say.
            refused.waiter.complete(self.report(level, true));
        }
        waiter
    }

    /// A report from the account alone, where the writer does not answer.
    fn report(&self, level: Level, closed: bool) -> FlushReport {
        let stats = self.stats();
        let pending = stats.unended + stats.queued;
        FlushReport {
            reached: closed && pending == 0,
            timed_out: !closed,
            delivered: stats.delivered,
            rejected: stats.rejected,
            dropped: stats.dropped_by_sidecar,
            lost_in_client: stats.dropped_total(),
            spooled: 0,
            pending,
            level,
        }
    }

    /// What the client has done so far.
    pub fn stats(&self) -> Stats {
        self.state.as_ref().map(|state| state.current().stats()).unwrap_or_default()
    }

    /// For the child of a fork to call first: it gets a client id, a queue and a writer of its own at once.
    ///
    /// Without it the client finds out at the next flush, wake-up or full queue, and at the latest after 1,024 records;
    /// what the child had logged until then may be lost with the copy of the parent's queue. Records that were in
    /// the parent's queue stay the parent's.
    pub fn after_fork(&self) {
        if let Some(state) = &self.state {
            state.look_for_fork();
        }
    }

    /// A guard that closes the client when it is dropped, for two seconds at most.
    pub fn guard(&self) -> Guard {
        Guard::new(self.clone())
    }
}

pub(crate) fn now_ms() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}
