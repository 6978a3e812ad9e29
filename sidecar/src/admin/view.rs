//! What the admin and the health interface see of the sidecar.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::metrics::{self, Facts};
use super::process::Process;
use super::status::{Accounts, Status};
use super::Surface;
use crate::config::{show_duration, LogGroup, Service};
use crate::engine::snapshot::Snapshot;
use crate::intake::{Counters, Mailbox};
use crate::run::{EndRequest, Sidecar};
use crate::shell::{Clock, Shell};

/// Longest wait for the intake's sign of life.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

/// The parts of the sidecar that are looked at, and where we listen.
#[derive(Debug)]
pub(super) struct View {
    pub(super) surface: Surface,
    shell: Arc<Shell>,
    mailbox: Arc<Mailbox>,
    counters: Arc<Counters>,
    accepting: Arc<AtomicBool>,
    end: Arc<EndRequest>,
    deadline: Duration,
    service: Service,
    group: Option<LogGroup>,
    address: SocketAddr,
    /// Seconds since the epoch when the process began.
    began: f64,
}

impl View {
    pub(super) fn new(surface: Surface, sidecar: &Sidecar, address: SocketAddr) -> Self {
        let now = sidecar.shell.clock().now();
        View {
            surface,
            shell: Arc::clone(&sidecar.shell),
            mailbox: Arc::clone(&sidecar.mailbox),
            counters: Arc::clone(&sidecar.counters),
            accepting: Arc::clone(&sidecar.accepting),
            end: Arc::clone(&sidecar.end),
            deadline: sidecar.config.shutdown.deadline,
            service: sidecar.config.service,
            group: sidecar.config.destinations.group.clone(),
            address,
            began: now.wall_ms as f64 / 1000.0 - Clock::uptime(now).as_secs_f64(),
        }
    }

    /// Whether the intake answers; that somebody asks it shows that the runtime runs.
    pub(super) async fn is_alive(&self) -> bool {
        answers(&self.mailbox).await
    }

    /// Whether the socket still accepts.
    pub(super) fn is_ready(&self) -> bool {
        self.accepting.load(Ordering::Relaxed)
    }

    /// Whether this peer may change anything.
    pub(super) fn may_change(&self, peer: SocketAddr) -> bool {
        self.address.ip().is_loopback() && peer.ip().is_loopback()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.shell.snapshot()
    }

    pub(super) async fn flush(&self, timeout: Duration) -> bool {
        self.shell.flush_all(timeout).await
    }

    /// Asks for the end, as SIGTERM would. Asking again changes nothing.
    pub(super) fn drain(&self) -> serde_json::Value {
        let state = if self.end.ask() { "under way" } else { "begun" };
        let deadline = show_duration(self.deadline);
        serde_json::json!({ "drain": state, "deadline": deadline, "account": Accounts::of(&self.snapshot()) })
    }

    pub(super) fn metrics(&self) -> Result<String, std::fmt::Error> {
        metrics::encode(Facts {
            snapshot: self.snapshot(),
            counters: Arc::clone(&self.counters),
            group: self.group.clone(),
            process: Process::read(),
            began: self.began,
            accepting: self.is_ready(),
            spool: self.shell.spool_stats(),
        })
    }

    pub(super) fn status(&self) -> Status {
        let state = match self.service {
            _ if self.end.is_under_way() => "draining",
            Service::Disabled => "disabled",
            Service::Enabled => "serving",
        };
        let spool = self.shell.spool_stats();
        Status::of(&self.snapshot(), &self.counters, spool.as_ref(), state)
    }
}

/// Whether somebody reads this mailbox.
async fn answers(mailbox: &Mailbox) -> bool {
    matches!(tokio::time::timeout(ALIVE_WITHIN, mailbox.ping()).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intake_that_is_stuck_gives_no_sign_of_life() {
        let poll = mio::Poll::new().unwrap();
        let mailbox = Mailbox::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(!runtime.block_on(answers(&mailbox)), "nobody reads it");
        let alive = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut pings = Vec::new();
                // The first one's asker has given up.
                while pings.len() < 2 {
                    pings.extend(mailbox.take().into_iter().flat_map(|mail| mail.pings));
                }
                for ping in pings {
                    let _ = ping.send(());
                }
            });
            runtime.block_on(answers(&mailbox))
        });
        assert!(alive, "it is read");
    }
}
