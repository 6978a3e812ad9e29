//! What to ask, how often and for how long; as validated values.

use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri};

#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) method: Method,
    /// With a scheme and a host.
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) drive: Drive,
    /// Before the measurement.
    pub(crate) warm_up: Duration,
    /// Of the measurement; absent where loops alone end it.
    pub(crate) length: Option<Duration>,
    /// Of one request, from its sending to the last byte of its answer.
    pub(crate) timeout: Duration,
    pub(crate) numbers: Option<Numbers>,
    /// Of requests altogether, warm-up included.
    pub(crate) most: Option<u64>,
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Drive {
    /// So many a second, at most so many under way.
    Open { rate: f64, connections: u32 },
    /// So many threads, each so often or until time is up.
    Closed { threads: u32, loops: Option<u64> },
}

/// The number that each request's query carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) first: u64,
    pub(crate) step: u64,
}

impl Numbers {
    pub(crate) fn of(&self, request: u64) -> u64 {
        self.first.saturating_add(self.step.saturating_mul(request))
    }
}
