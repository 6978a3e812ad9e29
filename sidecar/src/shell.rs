//! The shell drives the engine: events in, commands out. The only place where the two worlds meet.
//!
//! The engine stands behind one lock (ADR 0001). Whoever has an event takes it, applies it, takes the commands, lets go, and
//! only then performs them: no I/O, no spawn and no wake-up happens under the lock. Commands for CloudWatch become tasks of
//! the runtime, those for clients go to the intake's mailbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch, Notify};

use crate::config::{show_duration, Destination};
use crate::delivery::CloudWatch;
use crate::engine::budget::Payment;
use crate::engine::create::{Created, Target};
use crate::engine::snapshot::Snapshot;
use crate::engine::time::Now;
use crate::engine::{Attempt, Command, Engine, Outcome, Report};
use crate::intake::{Host, Mailbox};
use crate::spool::{Event, Found, Spool, Stats};

/// The process's clocks, read together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Clock { began: Instant::now() }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { at: PAST + self.began.elapsed(), wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
    }

    fn instant(&self, at: Duration) -> tokio::time::Instant {
        (self.began + at.saturating_sub(PAST)).into()
    }

    /// How long the process had run at that moment.
    #[must_use]
    pub fn uptime(now: Now) -> Duration {
        now.at.saturating_sub(PAST)
    }
}

/// Where the engine's time begins: long enough before the process for the age of any record that it finds on disk
/// (CloudWatch takes none over 14 days old).
const PAST: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The engine and everything it needs done.
#[derive(Debug)]
pub struct Shell {
    engine: Mutex<Engine>,
    clock: Clock,
    runtime: Handle,
    remote: Arc<CloudWatch>,
    mailbox: Arc<Mailbox>,
    spool: Option<Spool>,
    /// Why there is no spool, where one was asked for.
    refused: Option<String>,
    /// Whether the last order to the disk failed.
    disk_refuses: AtomicBool,
    /// Whether CloudWatch has ever accepted anything.
    delivered: AtomicBool,
    /// Rung when the engine's next timer is earlier than what the timer task waits for.
    timer: Notify,
    next_tick: Mutex<Option<Duration>>,
    drained: watch::Sender<bool>,
    cancelled: watch::Sender<bool>,
    flushes: Mutex<Flushes>,
}

#[derive(Debug, Default)]
struct Flushes {
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<bool>>,
}

impl Shell {
    /// A shell around an engine, and a spool or why there is none though one was asked for; call [`run_timers`](Self::run_timers) as well.
    #[must_use]
    pub fn new(
        engine: Engine,
        clock: Clock,
        runtime: Handle,
        remote: CloudWatch,
        mailbox: Arc<Mailbox>,
        (spool, refused): (Option<Spool>, Option<String>),
    ) -> Arc<Self> {
        Arc::new(Shell {
            engine: Mutex::new(engine),
            clock,
            runtime,
            remote: Arc::new(remote),
            mailbox,
            spool,
            refused,
            disk_refuses: AtomicBool::new(false),
            delivered: AtomicBool::new(false),
            timer: Notify::new(),
            next_tick: Mutex::new(None),
            drained: watch::Sender::new(false),
            cancelled: watch::Sender::new(false),
            flushes: Mutex::default(),
        })
    }

    /// Starts the spool's threads, and has what `found` says is on disk looked at. Nothing to do where there is no spool.
    ///
    /// # Errors
    /// The kernel's, where it gives us no thread.
    pub fn start_spool(self: &Arc<Self>, found: &[Found]) -> std::io::Result<()> {
        let Some(spool) = &self.spool else { return Ok(()) };
        let shell = Arc::downgrade(self);
        spool.start(Arc::new(move |event| {
            let Some(shell) = shell.upgrade() else { return };
            match event {
                Event::Stored(stored) => {
                    warn_of_disk("write", stored.failure.as_deref());
                    shell.tell_of_recovery(stored.failure.is_some());
                    shell.apply(|engine, now| engine.stored(stored, now));
                }
                Event::Read(back) => {
                    warn_of_disk("read", back.failure.as_deref());
                    shell.apply(|engine, now| engine.read_back(back, now));
                }
                Event::Indexed(found) => {
                    warn_of_disk("look at", found.failure.as_deref());
                    shell.apply(|engine, now| engine.indexed(found, now));
                }
            }
        }))?;
        let left =
            self.apply(|engine, now| found.iter().filter(|found| !engine.found(&found.destination, now)).count());
        if left > 0 {
            tracing::warn!(
                destinations = found.len(),
                left,
                "more destinations are spooled than may be served at a time (--max-lanes); the rest is taken up as others are done"
            );
        }
        Ok(())
    }

    /// An order has failed, or not: that the disk takes things again is said once.
    fn tell_of_recovery(&self, failed: bool) {
        if self.disk_refuses.swap(failed, Ordering::Relaxed) && !failed {
            tracing::info!("the spool takes records again");
        }
    }

    /// What the disk has done: nothing, where it refused the spool at the start.
    #[must_use]
    pub fn spool_stats(&self) -> Option<Stats> {
        self.spool.as_ref().map(Spool::stats).or_else(|| self.refused.as_ref().map(|_| Stats::default()))
    }

    /// The spool, if there is one.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.spool.as_ref()
    }

    /// Has the disk remember how everything ended, and ends the spool's threads. False if the disk took longer than that.
    #[must_use]
    pub fn close_spool(self: &Arc<Self>, deadline: Instant) -> bool {
        let Some(spool) = &self.spool else { return true };
        self.apply(|engine, _| engine.last_orders());
        spool.close(deadline)
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Applies one event and performs what the engine then asks for.
    pub fn apply<T>(self: &Arc<Self>, event: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let (answer, commands, earlier) = {
            let mut engine = lock(&self.engine);
            let now = self.clock.now();
            let answer = event(&mut engine, now);
            // Noted before the lock is let go: two events must not leave their timers in the wrong order.
            (answer, engine.take_commands(), self.expect_tick(engine.next_tick()))
        };
        if earlier {
            self.timer.notify_one();
        }
        for command in commands {
            self.perform(command);
        }
        answer
    }

    /// One consistent view of everything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = lock(&self.engine).snapshot(self.clock.now());
        snapshot.spool_refused = self.refused.is_some();
        if snapshot.spool_refused {
            snapshot.lanes.iter_mut().for_each(|lane| lane.spool_trouble.clone_from(&self.refused));
        }
        snapshot
    }

    /// Notes when the engine wants its next tick. True if that is earlier than what was noted before.
    fn expect_tick(&self, next: Option<Duration>) -> bool {
        let mut expected = lock(&self.next_tick);
        let earlier = match (next, *expected) {
            (Some(next), Some(expected)) => next < expected,
            (Some(_), None) => true,
            (None, _) => false,
        };
        *expected = next;
        earlier
    }

    /// Ticks the engine when it wants to be ticked; runs for ever.
    pub async fn run_timers(self: Arc<Self>) {
        loop {
            let next = *lock(&self.next_tick);
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(self.clock.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.apply(Engine::tick),
                () = self.timer.notified() => {}
            }
        }
    }

    fn perform(self: &Arc<Self>, command: Command) {
        match command {
            Command::Attempt(attempt) => {
                let shell = Arc::clone(self);
                self.runtime.spawn(async move {
                    let report = shell.attempt(attempt).await;
                    shell.apply(|engine, now| engine.attempt_ended(report, now));
                });
            }
            Command::Create { lane, what, destination } => {
                let shell = Arc::clone(self);
                self.runtime.spawn(async move {
                    let created = shell.remote.create(what, &destination).await;
                    tell_created(what, &created, &destination);
                    shell.apply(|engine, now| engine.created(lane, what, created, now));
                });
            }
            Command::Acknowledge { connection, ack } => self.mailbox.acknowledge(connection, ack),
            Command::Flushed { connection, ticket, flushed } => self.mailbox.flushed(connection, ticket, flushed),
            Command::Resume(lane) => self.mailbox.resume(lane),
            Command::FlushedAll { request, reached } => {
                if let Some(waiting) = lock(&self.flushes).waiting.remove(&request) {
                    // Whoever asked may have gone; then nobody needs the answer.
                    let _ = waiting.send(reached);
                }
            }
            Command::Drained => {
                self.drained.send_replace(true);
            }
            Command::Failing { destination, what, lasted, waiting } => {
                let lasted = show_duration(Duration::from_secs(lasted.as_secs()));
                crate::diagnostics::limited(|| {
                    tracing::warn!(%destination, error = what, waiting, lasted, "delivery failed, will retry");
                });
            }
            Command::LossBegan { destination, reason } => crate::diagnostics::limited(|| {
                tracing::warn!(%destination, reason, "records are being lost; they are counted, and the stream will be told");
            }),
            Command::LossTold { destination, loss } => {
                let (records, reason, clients) = (loss.count, loss.reason, loss.clients.len());
                crate::diagnostics::limited(|| {
                    tracing::warn!(%destination, records, reason, clients, "records were lost; the stream is told");
                });
            }
            // Only a lane with a part on disk asks, and none has one without a spool.
            Command::Order(order) => {
                if let Some(spool) = &self.spool {
                    spool.order(order);
                }
            }
            Command::Read { destination, read } => {
                if let Some(spool) = &self.spool {
                    spool.read(Box::new(read), destination);
                }
            }
            Command::Index { lane, destination } => {
                if let Some(spool) = &self.spool {
                    spool.index(lane, destination);
                }
            }
        }
    }

    /// Makes the call, unless the shutdown deadline ends it first.
    async fn attempt(&self, attempt: Attempt) -> Report {
        let mut cancelled = self.cancelled.subscribe();
        let cancelled = async move {
            // The sender is ours: it lives as long as this.
            let _ = cancelled.wait_for(|cancelled| *cancelled).await;
        };
        let destination = attempt.destination.clone();
        let report = self.remote.attempt(attempt, cancelled).await;
        warn_of(&report, &destination);
        if matches!(report.outcome, Outcome::Accepted { .. }) && !self.delivered.swap(true, Ordering::Relaxed) {
            tracing::info!(%destination, records = report.batch.records, "first batch accepted");
        }
        report
    }

    /// Asks that everything taken in so far ends; false if time ran out.
    pub async fn flush_all(self: &Arc<Self>, timeout: Duration) -> bool {
        // What has been read and waits in an open chunk counts as taken in, too. (An intake that has ended has none.)
        let _ = self.mailbox.seal().await;
        let (sender, receiver) = oneshot::channel();
        let request = {
            let mut flushes = lock(&self.flushes);
            flushes.next += 1;
            let request = flushes.next;
            flushes.waiting.insert(request, sender);
            request
        };
        self.apply(|engine, now| engine.flush_all(request, timeout, now));
        receiver.await.unwrap_or(false)
    }

    /// Ships what is here until nothing is left or `deadline` has passed; then gives the rest up. True if all was shipped.
    pub async fn drain(self: &Arc<Self>, deadline: Instant) -> bool {
        let mut drained = self.drained.subscribe();
        let left = deadline.saturating_duration_since(Instant::now());
        self.apply(|engine, now| engine.drain(left, now));
        let last_part = left / LAST_PART;
        let near = deadline.checked_sub(last_part).unwrap_or(deadline);
        let mut all = tokio::time::timeout_at(near.into(), drained.wait_for(|drained| *drained)).await.is_ok();
        if !all {
            // Whatever waits has another try before it is given up.
            self.apply(|engine, now| engine.drain(last_part, now));
            all = tokio::time::timeout_at(deadline.into(), drained.wait_for(|drained| *drained)).await.is_ok();
        }
        if !all {
            self.give_up().await;
        }
        all
    }

    /// Attempts no more: what is here stays on disk, or is given up where there is none.
    pub async fn give_up(self: &Arc<Self>) {
        let mut drained = self.drained.subscribe();
        self.drained.send_replace(false);
        self.apply(Engine::give_up);
        self.cancelled.send_replace(true);
        // Cancelled attempts report at once; a bound all the same, so that nothing can hold up the end.
        let _ = tokio::time::timeout(GIVE_UP, drained.wait_for(|drained| *drained)).await;
        self.apply(Engine::abandon);
    }

    /// The remote end.
    #[must_use]
    pub fn remote(&self) -> &CloudWatch {
        &self.remote
    }
}

impl Host for Arc<Shell> {
    fn apply<T>(&self, event: impl FnOnce(&mut Engine, Now) -> T) -> T {
        Shell::apply(self, event)
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn claim_partial(&self, bytes: usize) -> Option<Payment> {
        lock(&self.engine).claim_partial(bytes)
    }

    fn for_partial(&self) -> usize {
        lock(&self.engine).for_partial()
    }
}

/// In the last quarter of the drain nothing waits long.
const LAST_PART: u32 = 4;

/// Longest wait for cancelled attempts to report, and for what is in memory to reach the disk.
const GIVE_UP: Duration = Duration::from_millis(200);

fn warn_of_disk(what: &str, failure: Option<&str>) {
    if let Some(error) = failure {
        crate::diagnostics::limited(|| {
            tracing::warn!(error, "cannot {what} the spool; what is not on disk stays in memory, will retry")
        });
    }
}

fn tell_created(what: Target, created: &Created, destination: &Destination) {
    let kind = if what == Target::Stream { "stream" } else { "group" };
    match created {
        Created::Exists => tracing::info!(%destination, "the log {kind} exists now"),
        Created::GroupMissing => tracing::info!(%destination, "the log group does not exist yet"),
        Created::Forbidden(error) | Created::Unsigned(error) | Created::Failed { what: error, .. } => {
            crate::diagnostics::limited(|| tracing::warn!(%destination, error, "cannot create the log {kind}"));
        }
    }
}

fn warn_of(report: &Report, destination: &Destination) {
    let records = report.batch.records;
    match &report.outcome {
        Outcome::Accepted { rejected } if rejected.is_empty() => {}
        Outcome::Accepted { rejected } => {
            let refused: u32 = rejected.iter().map(|range| range.records.end - range.records.start).sum();
            tracing::warn!(%destination, records, refused, "CloudWatch rejected records of a batch");
        }
        Outcome::Throttled { .. } => tracing::debug!(%destination, "throttled"),
        Outcome::Missing => tracing::debug!(%destination, "the stream or group does not exist yet"),
        Outcome::TooLarge | Outcome::Cancelled => {}
        // Said once, for all lanes, by whoever looks for credentials.
        Outcome::Unsigned { what } => {
            tracing::debug!(%destination, records, error = what, "not delivered, will retry");
        }
        // Said by lane, by word of the engine.
        Outcome::Unavailable { what, .. } | Outcome::Forbidden { what } | Outcome::Refused { what } => {
            tracing::debug!(%destination, records, error = what, "attempt failed");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic ends the process (panic = abort), so a poisoned lock only exists in tests that caught one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
