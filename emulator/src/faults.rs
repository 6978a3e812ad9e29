//! Scripted faults: what goes wrong, for whom, how often.
//!
//! A [`Fault`] is data, the same on the command line, in the control API and in the library. [`Faults`] holds
//! those that are set and decides, call by call. It does no I/O: the server acts on its [`Verdict`].
//!
//! Each fault draws from a random source of its own, made from the seed and its position, so that a run with
//! the same faults and the same matching calls goes wrong in the same places.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::latency::Latency;
use crate::operation::Operation;

mod latency;
mod parse;

/// Most faults that can be set at once; each is looked at for each call.
const MAX_FAULTS: usize = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The answer comes later, by `latency`. Goes together with other faults; all that match add up.
    Latency,
    /// `ThrottlingException`, with a `Retry-After` header if `retry_after_seconds` is set.
    Throttle,
    /// HTTP 500, `InternalFailure`.
    ServerError,
    /// HTTP 503, `ServiceUnavailableException`; `retry_after_seconds` as above.
    Unavailable,
    /// The connection is reset before the body is read.
    ResetBeforeBody,
    /// The connection is reset when a part of the body has been read.
    ResetMidBody,
    /// The call takes effect; the connection is reset in the middle of the answer.
    ResetMidAnswer,
    /// No answer, for `seconds` or for ever; then the connection is reset. With `commit` the call takes effect.
    Hang,
    /// The call takes effect; the connection is reset instead of an answer.
    CommitThenDrop,
    /// A 200 without `x-amzn-RequestId`. The call takes effect only with `commit`.
    NoRequestId,
    /// A 200 with an empty body. The call takes effect only with `commit`.
    EmptyBody,
    /// `ExpiredTokenException`.
    ExpiredCredentials,
    /// `AccessDeniedException`.
    AccessDenied,
    /// The call's connection and all others are reset, and new ones refused, for `seconds`.
    Outage,
}

/// One scripted fault: a kind, its parameters, and the calls it is meant for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only calls of this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls that name this log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only calls that name this log stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// How likely a matching call is hit; 1 unless set.
    #[serde(default = "certain")]
    pub probability: f64,
    /// So many matching calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// Ends after so many hits; never unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// For `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// For `throttle` and `unavailable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// For `hang` and `outage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// For `hang`, `no_request_id` and `empty_body`: the call takes effect all the same.
    #[serde(default)]
    pub commit: bool,
}

fn certain() -> f64 {
    1.0
}

/// A fault that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault {kind}: {why}")]
pub struct FaultError {
    kind: String,
    why: String,
}

impl FaultError {
    pub(crate) fn new(kind: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind: kind.into(), why: why.into() }
    }
}

impl Fault {
    /// A fault that hits every call for good; narrow it with the methods below or by setting its fields.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            operation: None,
            group: None,
            stream: None,
            probability: 1.0,
            skip: 0,
            count: None,
            latency: None,
            retry_after_seconds: None,
            seconds: None,
            commit: false,
        }
    }

    /// An answer later by `latency`.
    pub fn latency(latency: Latency) -> Self {
        Self { latency: Some(latency), ..Self::new(FaultKind::Latency) }
    }

    /// Only the next `count` matching calls.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Only calls of this operation.
    #[must_use]
    pub fn on(self, operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..self }
    }

    /// Only calls that name this log group.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        Self { group: Some(group.to_owned()), ..self }
    }

    /// Only calls that name this log stream.
    #[must_use]
    pub fn stream(self, stream: &str) -> Self {
        Self { stream: Some(stream.to_owned()), ..self }
    }

    /// Hits a matching call with this likelihood.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Does the call take effect although the answer says nothing of the kind?
    pub(crate) fn commits(&self) -> bool {
        use FaultKind::{CommitThenDrop, EmptyBody, Hang, Latency, NoRequestId, ResetMidAnswer};
        match self.kind {
            CommitThenDrop | ResetMidAnswer | Latency => true,
            Hang | NoRequestId | EmptyBody => self.commit,
            _ => false,
        }
    }

    /// Is it decided before the body is read, when no name is known yet?
    fn is_early(&self) -> bool {
        matches!(self.kind, FaultKind::ResetBeforeBody | FaultKind::ResetMidBody | FaultKind::Outage)
    }

    fn matches(&self, operation: Operation, names: Names<'_>) -> bool {
        let allows = |wanted: &Option<String>, actual: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| actual == Some(wanted))
        };
        allows(&self.operation, Some(operation.name()))
            && allows(&self.group, names.group)
            && allows(&self.stream, names.stream)
    }
}

/// The group and the stream a call names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    pub(crate) group: Option<&'a str>,
    pub(crate) stream: Option<&'a str>,
}

/// What is to go wrong with one call.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug)]
struct Set {
    fault: Fault,
    skipped: u64,
    hits: u64,
    random: fastrand::Rng,
}

/// The faults that are set.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    set: Vec<Set>,
    pub(crate) hits: BTreeMap<FaultKind, u64>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, set: Vec::new(), hits: BTreeMap::new() }
    }

    /// Adds faults, all or none.
    pub(crate) fn add(&mut self, faults: Vec<Fault>) -> Result<(), FaultError> {
        faults.iter().try_for_each(Fault::validate)?;
        if self.set.len() + faults.len() > MAX_FAULTS {
            return Err(FaultError::new("list", format!("more than {MAX_FAULTS} faults are set")));
        }
        for fault in faults {
            let seed = self.seed.wrapping_add(self.set.len() as u64);
            self.set.push(Set { fault, skipped: 0, hits: 0, random: fastrand::Rng::with_seed(seed) });
        }
        Ok(())
    }

    /// Sets these faults and no others; where one of them makes no sense, all stays as it is.
    pub(crate) fn replace(&mut self, faults: Vec<Fault>) -> Result<(), FaultError> {
        let before = std::mem::take(&mut self.set);
        let added = self.add(faults);
        if added.is_err() {
            self.set = before;
        }
        added
    }

    /// Forgets all faults, but not what they did.
    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// The faults that are set, those that are spent included.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.set.iter().map(|set| set.fault.clone()).collect()
    }

    /// Must the names be known before [`Self::decide`]?
    pub(crate) fn asks_for_names(&self) -> bool {
        self.set.iter().any(|set| set.fault.group.is_some() || set.fault.stream.is_some())
    }

    /// Decides before the body is read.
    pub(crate) fn decide_early(&mut self, operation: Operation) -> Option<Fault> {
        self.first(operation, Names::default(), true)
    }

    /// Decides when the names are known.
    pub(crate) fn decide(&mut self, operation: Operation, names: Names<'_>) -> Verdict {
        let mut delay = Duration::ZERO;
        for set in self.set.iter_mut().filter(|set| set.fault.kind == FaultKind::Latency) {
            if set.hit(operation, names) {
                delay += set.fault.latency.map_or(Duration::ZERO, |latency| latency.draw(&mut set.random));
                *self.hits.entry(FaultKind::Latency).or_default() += 1;
            }
        }
        Verdict { delay, fault: self.first(operation, names, false) }
    }

    fn first(&mut self, operation: Operation, names: Names<'_>, early: bool) -> Option<Fault> {
        let fault = self
            .set
            .iter_mut()
            .filter(|set| set.fault.kind != FaultKind::Latency && set.fault.is_early() == early)
            .find_map(|set| set.hit(operation, names).then(|| set.fault.clone()))?;
        *self.hits.entry(fault.kind).or_default() += 1;
        Some(fault)
    }
}

impl Set {
    fn hit(&mut self, operation: Operation, names: Names<'_>) -> bool {
        let spent = self.fault.count.is_some_and(|count| self.hits >= count);
        if spent || !self.fault.matches(operation, names) {
            return false;
        }
        if self.skipped < self.fault.skip {
            self.skipped += 1;
            return false;
        }
        let hit = self.fault.probability >= 1.0 || self.random.f64() < self.fault.probability;
        self.hits += u64::from(hit);
        hit
    }
}

#[cfg(test)]
mod tests;
