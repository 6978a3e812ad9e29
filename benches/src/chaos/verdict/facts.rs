//! Everything that was seen of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::chaos::client::Told;
use crate::chaos::crowd::Mortal;
use crate::chaos::lives::{Fate, Incarnation};
use crate::chaos::text::Segment;

/// One client that closed in order: what it was told, and what of its records the endpoint has.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Closed {
    pub(crate) told: Told,
    pub(crate) arrived: u64,
}

/// One client that was killed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Gone {
    pub(crate) mortal: Mortal,
    /// Of what it knew to be safe,
    pub(crate) safe_arrived: u64,
    /// and of all it may have logged.
    pub(crate) arrived: u64,
}

/// One text connection.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Line {
    pub(crate) segment: Segment,
    /// Lines before this number were written to a sidecar that read them and ended in order, or is the last.
    pub(crate) promised_to: u64,
    pub(crate) promised_arrived: u64,
    pub(crate) arrived: u64,
}

/// What the endpoint says in the end.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    /// Without a good number, or beyond all numbers.
    pub(crate) strange: u64,
    /// Records that it took and could not, or was told not to, confirm.
    pub(crate) unconfirmed: u64,
    pub(crate) too_old: u64,
    pub(crate) violations: u64,
}

/// What the run was made with.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bounds {
    /// Memory that a sidecar may take: its budget and what is documented beside it.
    pub(crate) memory_mib: f64,
    /// Of a shutdown, seconds.
    pub(crate) deadline: f64,
    /// Descriptors and threads that a sidecar may have at a time.
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) kills: usize,
    /// How long the plan is.
    pub(crate) seconds: f64,
}

/// Everything that was seen.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    pub(crate) bounds: Bounds,
    pub(crate) closed: Vec<Closed>,
    pub(crate) gone: Vec<Gone>,
    pub(crate) text: Vec<Line>,
    pub(crate) incarnations: Vec<Incarnation>,
    pub(crate) endpoint: Endpoint,
    /// How often each trouble was met; by the endpoint's count or the sidecars'.
    pub(crate) met: BTreeMap<String, u64>,
    /// Troubles that this machine does not allow, and why.
    pub(crate) skipped: Vec<String>,
    /// Records in the spool after the last end, as `splashdam spool ls` says.
    pub(crate) left_in_spool: u64,
}

impl Facts {
    pub(crate) fn killed(&self) -> impl Iterator<Item = &Incarnation> {
        self.incarnations.iter().filter(|one| matches!(one.fate, Fate::Killed { .. }))
    }

    /// Records that the closed clients logged.
    pub(crate) fn logged(&self) -> u64 {
        self.closed.iter().map(|client| client.told.logged).sum()
    }

    /// Lines that are not there, of those that nobody had promised.
    pub(crate) fn unpromised_lost(&self) -> u64 {
        self.text.iter().map(|line| line.segment.end - line.segment.first - line.arrived).sum::<u64>()
            - self.promised_lost()
    }

    pub(super) fn promised_lost(&self) -> u64 {
        self.text.iter().map(|line| line.promised_to - line.segment.first - line.promised_arrived).sum()
    }
}
