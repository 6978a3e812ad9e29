//! Who may ask for the end: a signal, or `POST /drain`.
//!
//! The first signal asks for the orderly end, the second, at least 1 s later, ends it at once. An end that something else began (`POST /drain`, the
//! last client's leaving) is not made shorter by the first signal: Kubernetes sends it to every container of a pod that is
//! deleted, also to one that is draining, and nobody who deletes a pod wants to lose records.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::sync::Notify;

use super::{system, RunError};

/// Signals within this time are one request: some supervisors signal a process and then its group.
const TOGETHER: Duration = Duration::from_secs(1);

/// The end, as it can be asked for over the admin interface. Asking again changes nothing.
#[derive(Debug, Default)]
pub(crate) struct EndRequest {
    asked: Notify,
    under_way: AtomicBool,
}

impl EndRequest {
    /// Asks. True if the end was under way already, whoever asked for it.
    pub(crate) fn ask(&self) -> bool {
        let before = self.begin();
        self.asked.notify_one();
        before
    }

    /// Notes that the end has begun. True if that was known already.
    pub(super) fn begin(&self) -> bool {
        self.under_way.swap(true, Ordering::Relaxed)
    }

    /// Whether the end has begun, or was asked for.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Resolves once somebody has asked.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }
}

/// The signals that we watch.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _hangup: Signal,
    _file_size: Signal,
}

impl Signals {
    /// Watches from now on, on the current runtime.
    pub(super) fn new() -> Result<Self, RunError> {
        let watch = |kind| signal(kind).map_err(system("watch signals"));
        Ok(Signals {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            // Watched so that it does not end us.
            _hangup: watch(SignalKind::hangup())?,
            // A file that may grow no more (`ulimit -f`) is the disk's trouble, not the process's end.
            _file_size: watch(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// The next signal that asks for the end.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// The signal that ends it at once: the one after `first`, which began the end, or the second where none did.
    pub(super) async fn second(&mut self, first: Option<&'static str>) -> &'static str {
        if first.is_none() {
            let name = self.next().await;
            tracing::info!(signal = name, "shutting down already: goes on; one more signal would end it at once");
        }
        let began = Instant::now();
        loop {
            let name = self.next().await;
            if began.elapsed() >= TOGETHER {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_is_asking_once() {
        let end = EndRequest::default();
        assert!(!end.ask());
        assert!(end.ask());
        let by_signal = EndRequest::default();
        assert!(!by_signal.begin());
        assert!(by_signal.ask());
    }
}
