//! What all requests of a run share: the client, the clock's edges, the counts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::client::{Client, Outcome};
use super::tally::Tally;
use super::{Drive, Spec};
use crate::error::Result;
use crate::host::clock::{own_cpu, unix_micros};

#[derive(Debug)]
pub(super) struct Run {
    pub(super) spec: Spec,
    pub(super) began: Instant,
    /// Requests from here on are measured.
    pub(super) measure_from: Instant,
    client: Client,
    tally: Mutex<Tally>,
}

/// One request, before it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shot {
    pub(super) index: u64,
    /// Latency counts from here.
    pub(super) due: Instant,
    /// When it was due and a connection was free: what comes after is our own lateness.
    pub(super) ready: Instant,
    pub(super) measured: bool,
}

/// What the clocks said at an edge of the measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) unix_micros: u64,
    pub(super) own_cpu: Duration,
}

impl Edge {
    pub(super) fn now() -> Self {
        Self { unix_micros: unix_micros(), own_cpu: own_cpu() }
    }
}

impl Run {
    pub(super) fn begin(spec: &Spec) -> Result<Self> {
        let connections = match spec.drive {
            Drive::Open { connections, .. } => connections,
            Drive::Closed { threads, .. } => threads,
        };
        let (client, tally) = (Client::new(spec, connections)?, Mutex::new(Tally::new()?));
        let began = Instant::now();
        Ok(Self { spec: spec.clone(), began, measure_from: began + spec.warm_up, client, tally })
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When time is up, if it ever is.
    pub(super) fn end(&self) -> Option<Instant> {
        Some(self.measure_from + self.spec.length?)
    }

    /// Whether no more requests may begin.
    pub(super) fn is_over(&self) -> bool {
        self.tally().stopped.is_some() || self.end().is_some_and(|end| Instant::now() >= end)
    }

    /// Ends the window in which answers count towards the rate.
    pub(super) fn stop(&self) {
        self.tally().stopped.get_or_insert_with(Instant::now);
    }

    /// The number of the next request; none where all that are allowed were sent.
    pub(super) fn claim(&self) -> Option<u64> {
        let mut tally = self.tally();
        let index = tally.sent;
        if self.spec.most.is_some_and(|most| index >= most) {
            return None;
        }
        tally.sent += 1;
        Some(index)
    }

    /// Sends one request and awaits its end; says whether the server answered at all.
    pub(super) async fn shoot(&self, shot: Shot) -> bool {
        let number = self.spec.numbers.map(|numbers| numbers.of(shot.index));
        let sent = Instant::now();
        let outcome = self.client.ask(number).await;
        let done = Instant::now();
        let answered = !matches!(outcome, Outcome::Failed(_));
        let within = done >= self.measure_from && self.end().is_none_or(|end| done <= end);
        self.tally().record(shot, sent, done, within, outcome);
        answered
    }
}
