//! Parts of a run, for its table: what had arrived at the end of each.

use std::time::Instant;

use serde::Serialize;

use crate::endpoint::{Endpoint, Report};

/// A part of the run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) until: f64,
    /// At the endpoint by then.
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    pub(crate) unconfirmed: u64,
}

/// Thirds of the run, each noted when it ends; a little later where the endpoint is away.
#[derive(Debug)]
pub(crate) struct Phases {
    ends: Vec<(&'static str, f64)>,
    pub(crate) done: Vec<Phase>,
}

impl Phases {
    pub(crate) fn new(seconds: f64) -> Self {
        let ends = [("first third", 1.0), ("second third", 2.0), ("last third", 2.95)];
        Self { ends: ends.map(|(name, part)| (name, seconds * part / 3.0)).to_vec(), done: Vec::new() }
    }

    /// Notes the end of one, if it has come.
    pub(crate) fn look(&mut self, endpoint: &Endpoint, begin: Instant) {
        let Some((name, until)) = self.ends.get(self.done.len()) else { return };
        if begin.elapsed().as_secs_f64() < *until {
            return;
        }
        if let Ok(Some(report)) = endpoint.report() {
            self.done.push(phase(name, begin, &report));
        }
    }
}

pub(crate) fn phase(name: &'static str, begin: Instant, report: &Report) -> Phase {
    let (unique, doubled) = (report.marks.unique, report.marks.doubled);
    Phase { name, until: begin.elapsed().as_secs_f64(), unique, doubled, unconfirmed: report.events.unconfirmed }
}
