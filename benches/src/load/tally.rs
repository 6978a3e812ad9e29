//! What became of the requests so far.

use std::collections::BTreeMap;
use std::time::Instant;

use super::client::Outcome;
use super::run::{Edge, Shot};
use crate::error::Result;
use crate::latency::Recorder;

/// Kinds of errors that are told apart; others count as one.
const MOST_KINDS: usize = 16;

#[derive(Debug)]
pub(super) struct Tally {
    /// Warm-up included.
    pub(super) sent: u64,
    pub(super) warm_up: WarmUp,
    /// Answered well between the end of the warm-up and the end of sending, whenever they were sent: what is under way at one edge
    /// stands for what is under way at the other, so that slow answers are not counted short.
    pub(super) in_window: u64,
    pub(super) redirects: u64,
    pub(super) bytes: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) latency: Recorder,
    pub(super) service: Recorder,
    pub(super) late: Recorder,
    /// When the measurement began.
    pub(super) measuring: Option<Edge>,
    /// When sending ended.
    pub(super) stopped: Option<Instant>,
    /// Requests of an open loop's measurement that were due before it ended.
    pub(super) due: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct WarmUp {
    pub(super) well: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            sent: 0,
            warm_up: WarmUp::default(),
            in_window: 0,
            redirects: 0,
            bytes: 0,
            errors: BTreeMap::new(),
            latency: Recorder::new()?,
            service: Recorder::new()?,
            late: Recorder::new()?,
            measuring: None,
            stopped: None,
            due: None,
        })
    }

    /// `within` says that it was answered within the time of the measurement.
    pub(super) fn record(&mut self, shot: Shot, sent: Instant, done: Instant, within: bool, outcome: Outcome) {
        let well = matches!(outcome, Outcome::Well { .. });
        self.in_window += u64::from(well && within && self.stopped.is_none());
        if !shot.measured {
            match outcome {
                Outcome::Well { .. } => self.warm_up.well += 1,
                Outcome::Refused(_) | Outcome::Failed(_) => self.warm_up.failed += 1,
            }
            return;
        }
        self.late.record(sent.saturating_duration_since(shot.ready));
        match outcome {
            Outcome::Well { redirect, bytes } => {
                self.redirects += u64::from(redirect);
                self.bytes += bytes;
                self.latency.record(done.saturating_duration_since(shot.due));
                self.service.record(done.saturating_duration_since(sent));
            }
            Outcome::Refused(kind) | Outcome::Failed(kind) => self.count_error(kind, 1),
        }
    }

    pub(super) fn count_error(&mut self, kind: String, count: u64) {
        let known = self.errors.contains_key(&kind) || self.errors.len() < MOST_KINDS;
        let kind = if known { kind } else { "other errors".to_owned() };
        *self.errors.entry(kind).or_default() += count;
    }

    /// Of the measurement.
    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn recorded(measured: bool, outcome: Outcome) -> Tally {
        let mut tally = Tally::new().unwrap();
        let due = Instant::now();
        let (ready, sent, done) = [1, 3, 7].map(|millis| due + Duration::from_millis(millis)).into();
        tally.record(Shot { index: 0, due, ready, measured }, sent, done, true, outcome);
        tally
    }

    #[test]
    fn latency_counts_from_the_due_time_and_service_from_sending() {
        let tally = recorded(true, Outcome::Well { redirect: true, bytes: 5 });
        let max = |recorder: &Recorder| recorder.latency().max;
        assert_eq!((max(&tally.latency), max(&tally.service), max(&tally.late)), (7_000, 4_000, 2_000));
        assert_eq!((tally.in_window, tally.redirects, tally.bytes, tally.failed()), (1, 1, 5, 0));
    }

    #[test]
    fn warm_up_and_errors_are_not_in_the_histogram() {
        let warm = recorded(false, Outcome::Well { redirect: false, bytes: 5 });
        assert_eq!((warm.warm_up.well, warm.latency.count(), warm.bytes), (1, 0, 0));
        assert_eq!(warm.in_window, 1, "it was answered within, so the rate has it");
        assert_eq!(recorded(false, Outcome::Failed("x".to_owned())).warm_up.failed, 1);
        let refused = recorded(true, Outcome::Refused("status 500".to_owned()));
        assert_eq!((refused.failed(), refused.latency.count(), refused.in_window), (1, 0, 0));
    }

    #[test]
    fn kinds_of_errors_are_bounded_and_none_is_lost() {
        let mut tally = Tally::new().unwrap();
        for kind in 0..1_000 {
            tally.count_error(format!("kind {kind}"), 2);
        }
        assert_eq!((tally.failed(), tally.errors.len()), (2_000, MOST_KINDS + 1));
    }
}
