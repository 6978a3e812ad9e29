//! What happened, counted; one mutex around it, taken twice a call.
//!
//! [`Tally`] holds the running counts, `report::Report` is what they come to.

use std::collections::BTreeMap;
use std::time::Duration;

use self::histogram::Histogram;
use crate::api::batch::Screened;
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use crate::marks::Marks;
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::report::{Accepts, Batches, Calls, Events, Freshness, MarkCounts, Violation, Violations};

mod histogram;

/// Most violations kept with their text; further ones are only counted.
const MAX_VIOLATIONS: usize = 100;

/// How a call ended, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A 200.
    Answered,
    /// An error of ours or of a script.
    Refused,
    /// No answer, or only a part of one.
    Dropped,
}

/// One accepted batch.
#[derive(Debug, Default)]
pub(crate) struct Accepted<'a> {
    /// As AWS counts them.
    pub(crate) bytes: usize,
    /// All events of the call, also those that were rejected.
    pub(crate) events: usize,
    pub(crate) screened: Screened,
    pub(crate) numbers: &'a [u64],
    pub(crate) unmarked: u64,
    /// Emit times, microseconds since the epoch.
    pub(crate) emitted: &'a [u64],
    pub(crate) now_micros: u64,
    /// Where it went, if that was looked for.
    pub(crate) stream: Option<&'a str>,
}

#[derive(Debug)]
pub(crate) struct Tally {
    calls: BTreeMap<Operation, Calls>,
    events: Events,
    batches: u64,
    batch_bytes: u64,
    batch_events: u64,
    pub(crate) body_bytes: u64,
    pub(crate) quota_throttles: u64,
    in_flight: u64,
    pub(crate) in_flight_max: u64,
    first_accept: Option<Duration>,
    last_accept: Option<Duration>,
    freshness: Histogram,
    /// Only this stream's freshness counts.
    freshness_of: Option<String>,
    pub(crate) marks: Marks,
    violations: Violations,
}

impl Tally {
    pub(crate) fn new(count_max: u64) -> Self {
        Self {
            calls: BTreeMap::new(),
            events: Events::default(),
            batches: 0,
            batch_bytes: 0,
            batch_events: 0,
            body_bytes: 0,
            quota_throttles: 0,
            in_flight: 0,
            in_flight_max: 0,
            first_accept: None,
            last_accept: None,
            freshness: Histogram::default(),
            freshness_of: None,
            marks: Marks::new(count_max),
            violations: Violations::default(),
        }
    }

    /// Forgets everything but the calls that are open.
    pub(crate) fn restart(&mut self, count_max: u64) {
        let in_flight = self.in_flight;
        *self = Self { in_flight, in_flight_max: in_flight, ..Self::new(count_max) };
    }

    pub(crate) fn begin(&mut self) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    /// Ends a call; `ending` is none when the client left before there was one.
    pub(crate) fn end(&mut self, operation: Option<Operation>, ending: Option<Ending>) {
        self.in_flight -= 1;
        let Some(operation) = operation else { return };
        let calls = self.calls.entry(operation).or_default();
        calls.total += 1;
        match ending {
            Some(Ending::Answered) => calls.answered += 1,
            Some(Ending::Refused) => calls.refused += 1,
            Some(Ending::Dropped) => calls.dropped += 1,
            None => calls.abandoned += 1,
        }
    }

    pub(crate) fn accept(&mut self, batch: &Accepted<'_>, at: Duration) {
        let screened = &batch.screened;
        self.events.accepted += screened.accepted.len() as u64;
        self.events.rejected_too_new += screened.too_new;
        self.events.rejected_too_old += screened.too_old;
        self.events.rejected_expired += screened.expired;
        self.batches += 1;
        self.batch_bytes += batch.bytes as u64;
        self.batch_events += batch.events as u64;
        self.first_accept.get_or_insert(at);
        self.last_accept = self.last_accept.max(Some(at));
        self.marks.unmarked += batch.unmarked;
        for &number in batch.numbers {
            self.marks.mark(number);
        }
        let counts = self.freshness_of.is_none() || self.freshness_of.as_deref() == batch.stream;
        for &emitted in batch.emitted.iter().filter(|_| counts) {
            self.freshness.record(batch.now_micros.saturating_sub(emitted));
        }
    }

    /// Notes events that were taken and whose client was not told so.
    pub(crate) fn leave_unconfirmed(&mut self, events: u64) {
        self.events.unconfirmed += events;
    }

    /// Forgets how fresh records were so far; from now on those of one stream count, or all.
    pub(crate) fn restart_freshness(&mut self, stream: Option<String>) {
        self.freshness = Histogram::default();
        self.freshness_of = stream;
    }

    /// Must a batch's stream be known before [`Self::accept`]?
    pub(crate) fn asks_for_stream(&self) -> bool {
        self.freshness_of.is_some()
    }

    /// Notes a broken limit.
    pub(crate) fn refuse(&mut self, operation: Option<Operation>, refusal: &Refusal) {
        if !refusal.violation {
            return;
        }
        self.violations.total += 1;
        if self.violations.list.len() < MAX_VIOLATIONS {
            self.violations.list.push(Violation {
                operation: operation.map_or("unknown", Operation::name).to_owned(),
                code: refusal.code.to_owned(),
                message: refusal.message.chars().take(300).collect(),
            });
        }
    }

    pub(crate) fn calls(&self) -> BTreeMap<String, Calls> {
        self.calls.iter().map(|(operation, calls)| (operation.name().to_owned(), *calls)).collect()
    }

    pub(crate) fn events(&self) -> Events {
        self.events
    }

    pub(crate) fn violations(&self) -> Violations {
        self.violations.clone()
    }

    pub(crate) fn batches(&self) -> Batches {
        let mean = |sum: u64| if self.batches == 0 { 0.0 } else { sum as f64 / self.batches as f64 };
        Batches {
            accepted: self.batches,
            bytes: self.batch_bytes,
            mean_events: mean(self.batch_events),
            mean_fill_events_percent: 100.0 * mean(self.batch_events) / MAX_BATCH_EVENTS as f64,
            mean_fill_bytes_percent: 100.0 * mean(self.batch_bytes) / MAX_BATCH_BYTES as f64,
        }
    }

    pub(crate) fn accepts(&self) -> Accepts {
        let seconds = |at: Option<Duration>| at.map(|at| at.as_secs_f64());
        let (first, last) = (seconds(self.first_accept), seconds(self.last_accept));
        Accepts {
            first_seconds: first,
            last_seconds: last,
            span_seconds: last.unwrap_or_default() - first.unwrap_or_default(),
        }
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let at = |share| self.freshness.quantile(share);
        Freshness {
            count: self.freshness.count(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: self.freshness.max(),
            buckets: self.freshness.buckets(),
        }
    }

    /// How many of the numbers from `from` until below `until` arrived.
    pub(crate) fn marked_within(&self, from: u64, until: u64) -> u64 {
        self.marks.within(from, until)
    }

    pub(crate) fn mark_counts(&self, expected: Option<u64>) -> MarkCounts {
        let marks = &self.marks;
        MarkCounts {
            unique: marks.unique,
            doubled: marks.doubled,
            expected,
            missing: expected.map(|expected| expected.saturating_sub(marks.unique)),
            first_missing: marks.first_missing(10),
            out_of_range: marks.out_of_range,
            unmarked: marks.unmarked,
            highest: marks.highest,
        }
    }
}
