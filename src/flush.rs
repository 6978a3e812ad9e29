//! What a flush answers, and how the caller waits for it: a thread by condition variable, a task by waker.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::Level;

/// What a flush found.
///
/// The counts are cumulative since the client began (in a forked child: since the fork), so flushes of several
/// threads at once each see the truth; take differences to know what a single piece of work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushReport {
    /// The level that was asked for.
    pub level: Level,
    /// Everything logged before the flush has reached the level, or was given up and is counted as lost.
    pub reached: bool,
    /// Time ran out first.
    pub timed_out: bool,
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused by CloudWatch for good.
    pub rejected: u64,
    /// Given up by the sidecar's policy.
    pub dropped: u64,
    /// Given up by this client; `stats()` has the reasons.
    pub lost_in_client: u64,
    /// On the sidecar's disk and without outcome.
    pub spooled: u64,
    /// Without outcome and not known to be on disk: in the sidecar's memory, in the window or in the queue.
    pub pending: u64,
}

impl FlushReport {
    /// Everything logged so far was delivered.
    pub fn all_delivered(&self) -> bool {
        let elsewhere = self.rejected + self.dropped + self.lost_in_client + self.spooled + self.pending;
        self.reached && elsewhere == 0
    }

    pub(crate) fn empty(level: Level, reached: bool) -> Self {
        Self {
            level,
            reached,
            timed_out: false,
            delivered: 0,
            rejected: 0,
            dropped: 0,
            lost_in_client: 0,
            spooled: 0,
            pending: 0,
        }
    }
}

#[derive(Debug, Default)]
struct Answer {
    report: Option<FlushReport>,
    waker: Option<Waker>,
}

/// Where the writer puts a report and the caller finds it.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    answer: Mutex<Answer>,
    there: Condvar,
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first report counts.
    pub(crate) fn complete(&self, report: FlushReport) {
        let waker = {
            let mut answer = self.lock();
            answer.report.get_or_insert(report);
            answer.waker.take()
        };
        self.there.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn peek(&self) -> Option<FlushReport> {
        self.lock().report
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.peek().is_some()
    }

    /// Waits for the report, at most until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<FlushReport> {
        let mut answer = self.lock();
        while answer.report.is_none() {
            // Without a deadline: as long as it takes, looked at now and then.
            let left = deadline
                .map_or(Duration::from_secs(3600), |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            answer = self.there.wait_timeout(answer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        answer.report
    }
}

/// A flush on its way; see [`Client::flush_async`](crate::Client::flush_async).
///
/// It runs on no particular runtime: the writer thread completes it, at the latest when its time is up.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct FlushFuture(pub(crate) Arc<Waiter>);

impl Future for FlushFuture {
    type Output = FlushReport;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<FlushReport> {
        let mut answer = self.0.lock();
        match answer.report {
            Some(report) => Poll::Ready(report),
            None => {
                answer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
