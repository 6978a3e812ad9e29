//! CloudWatch in a simulation: strict about batches, and as ill as it is told to be.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::chance::Chance;
use super::plan::{Ailment, RemoteFault};
use super::record::{self, Fate, Key};
use crate::delivery::body::{self, RejectedIndices};
use crate::engine::batch::Batch;
use crate::engine::create::{Created, Target};
use crate::engine::limits::{BATCH_BYTES, BATCH_EVENTS, BATCH_SPAN_MS, EVENT_OVERHEAD};
use crate::engine::Outcome;

/// After so long a call is given up by whoever made it.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

const HOUR_MS: i64 = 3_600_000;
const TOO_NEW_MS: i64 = 2 * HOUR_MS;
const TOO_OLD_MS: i64 = 14 * 24 * HOUR_MS;
const RETENTION_MS: i64 = 3 * 24 * HOUR_MS;

/// One event as it stands in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    stamp_ms: i64,
    key: Option<Key>,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Flight {
    /// The attempt's number; its process has forgotten it where that has ended.
    pub(super) attempt: u64,
    pub(super) batch: Option<Batch>,
    pub(super) stream: usize,
    pub(super) events: Vec<Event>,
    /// Holds the body's memory.
    pub(super) body: Option<Bytes>,
    pub(super) growth: f32,
    pub(super) sent: Duration,
    pub(super) arrived: bool,
    pub(super) outcome: Option<Outcome>,
}

/// How often each record was accepted, by client and number.
pub(super) type Accepted = Vec<Vec<(u16, Duration)>>;

/// The remote end.
#[derive(Debug)]
pub(super) struct Remote {
    chance: Chance,
    episodes: Vec<(Duration, Duration, Ailment)>,
    streams: Vec<bool>,
    group: bool,
    retention: bool,
    pub(super) flights: BTreeMap<u64, Flight>,
    next: u64,
    pub(super) framed: Accepted,
    pub(super) text: Accepted,
    /// Events accepted, whatever they were.
    pub(super) total: u64,
    /// Of records that it had accepted before.
    pub(super) copies: u64,
}

impl Remote {
    pub(super) fn new(seed: u64, streams: usize, exist: bool, retention: bool) -> Self {
        Remote {
            chance: Chance::new(seed ^ 0xc10d),
            episodes: Vec::new(),
            streams: vec![exist; streams],
            group: exist,
            retention,
            flights: BTreeMap::new(),
            next: 0,
            framed: Accepted::new(),
            text: Accepted::new(),
            total: 0,
            copies: 0,
        }
    }

    /// It is ill like this for so long.
    pub(super) fn fall_ill(&mut self, at: Duration, lasts: Duration, ailment: Ailment) {
        self.episodes.push((at, at + lasts, ailment));
    }

    /// It is well from now on.
    pub(super) fn heal(&mut self) {
        self.episodes.clear();
    }

    fn ails(&mut self, at: Duration, stream: usize) -> Option<RemoteFault> {
        self.episodes.retain(|(_, until, _)| *until > at);
        let chance = &mut self.chance;
        let here = |ailment: &Ailment| ailment.stream.is_none_or(|only| only == stream);
        let mut ailments = self.episodes.iter().map(|(_, _, ailment)| ailment).filter(|ailment| here(ailment));
        ailments.find(|ailment| chance.percent(ailment.share)).map(|ailment| ailment.fault)
    }

    /// Takes a call: whatever its fate, its body must be one that CloudWatch takes.
    pub(super) fn send(&mut self, flight: Flight, batch: &Batch) -> u64 {
        let events = &flight.events;
        assert_eq!(events.len(), batch.records as usize, "the body has as many events as its batch has records");
        assert!(!events.is_empty() && events.len() <= BATCH_EVENTS as usize, "{} events in a batch", events.len());
        assert!(batch.cost <= BATCH_BYTES, "a batch of {} bytes", batch.cost);
        assert!(events.windows(2).all(|pair| pair[0].stamp_ms <= pair[1].stamp_ms), "events are not ordered by time");
        let span = events.last().map_or(0, |event| event.stamp_ms) - events.first().map_or(0, |event| event.stamp_ms);
        assert!(span <= BATCH_SPAN_MS, "a batch spans {span} ms");
        let cost: u32 = batch
            .parts
            .iter()
            .flat_map(|part| part.chunk.range(part.records.clone()))
            .map(|record| record.text.len() as u32 + EVENT_OVERHEAD)
            .sum();
        assert_eq!(cost, batch.cost, "a batch knows what it costs");
        self.next += 1;
        self.flights.insert(self.next, flight);
        self.next
    }

    /// A call has arrived. Returns after how long it is answered; `None`: its process never hears of it.
    pub(super) fn arrive(&mut self, number: u64, at: Duration, wall_ms: i64) -> Option<Duration> {
        let stream = self.flights.get(&number)?.stream;
        let fault = self.ails(at, stream);
        let ambiguous = |what: &str| Outcome::Unavailable { what: what.to_owned(), ambiguous: true, retry_after: None };
        let clear = |what: &str| Outcome::Unavailable { what: what.to_owned(), ambiguous: false, retry_after: None };
        let mut answer_in = self.chance.millis(1, 40);
        let outcome = match fault {
            None => self.take(number, wall_ms),
            Some(RemoteFault::Throttles { retry_after }) => {
                Outcome::Throttled { retry_after: retry_after.map(Duration::from_secs) }
            }
            Some(RemoteFault::Fails) => ambiguous("500"),
            Some(RemoteFault::Unavailable | RemoteFault::Expired) => clear("503"),
            Some(RemoteFault::ResetsBefore | RemoteFault::NoRequestId) => ambiguous("reset"),
            Some(RemoteFault::CommitsAndResets) => {
                self.take(number, wall_ms);
                ambiguous("reset after the answer was on its way")
            }
            Some(RemoteFault::Hangs { commits }) => {
                if commits {
                    self.take(number, wall_ms);
                }
                answer_in = ATTEMPT_TIMEOUT;
                ambiguous("time-out")
            }
            Some(RemoteFault::Forbids) => Outcome::Forbidden { what: "AccessDenied".to_owned() },
            Some(RemoteFault::Unsigned) => Outcome::Unsigned { what: "no credentials".to_owned() },
            Some(RemoteFault::RefusesAll) => Outcome::Refused { what: "invalid".to_owned() },
            Some(RemoteFault::Forgets) => {
                self.streams[stream] = false;
                Outcome::Missing
            }
            Some(RemoteFault::CreatesBadly) => self.take(number, wall_ms),
        };
        let flight = self.flights.get_mut(&number)?;
        flight.arrived = true;
        flight.outcome = Some(outcome);
        if flight.batch.is_none() {
            self.flights.remove(&number);
            return None;
        }
        Some(answer_in)
    }

    /// What a healthy end makes of it.
    fn take(&mut self, number: u64, wall_ms: i64) -> Outcome {
        let Some(flight) = self.flights.get(&number) else { return Outcome::Missing };
        if !self.streams[flight.stream] {
            return Outcome::Missing;
        }
        let events = flight.events.clone();
        if events.iter().any(|event| event.key.is_some_and(|key| key.fate == Fate::Poison)) {
            return Outcome::Refused { what: "one event is invalid".to_owned() };
        }
        let indices = self.indices(&events, wall_ms);
        let rejected = flight.batch.as_ref().map(|batch| body::rejected_ranges(batch, indices)).unwrap_or_default();
        let good =
            indices.too_old_to.max(indices.expired_to).unwrap_or(0)..indices.too_new_from.unwrap_or(events.len());
        let sent = flight.sent;
        for event in &events[good] {
            self.accept(event.key, sent);
        }
        Outcome::Accepted { rejected }
    }

    fn indices(&self, events: &[Event], wall_ms: i64) -> RejectedIndices {
        let before = |limit: i64| {
            let count = events.iter().take_while(|event| event.stamp_ms < limit).count();
            (count > 0).then_some(count)
        };
        let new = events.iter().position(|event| event.stamp_ms > wall_ms + TOO_NEW_MS);
        let expired = self.retention.then(|| before(wall_ms - RETENTION_MS)).flatten();
        RejectedIndices { too_new_from: new, too_old_to: before(wall_ms - TOO_OLD_MS), expired_to: expired }
    }

    fn accept(&mut self, key: Option<Key>, sent: Duration) {
        self.total += 1;
        let Some(key) = key else { return };
        assert_eq!(key.fate, Fate::Accepted, "{key:?} was accepted");
        let of = if key.framed { &mut self.framed } else { &mut self.text };
        if of.len() <= key.client {
            of.resize_with(key.client + 1, Vec::new);
        }
        let records = &mut of[key.client];
        if records.len() <= key.number {
            records.resize(key.number + 1, (0, Duration::ZERO));
        }
        if records[key.number].0 == 0 {
            records[key.number].1 = sent;
        }
        records[key.number].0 += 1;
        self.copies += u64::from(records[key.number].0 > 1);
    }

    /// Makes a group or a stream.
    pub(super) fn create(&mut self, what: Target, stream: usize, at: Duration) -> Created {
        let failed = |what: &str, throttled| Created::Failed { what: what.to_owned(), throttled, retry_after: None };
        match self.ails(at, stream) {
            Some(RemoteFault::Throttles { .. }) => failed("throttled", true),
            Some(RemoteFault::CreatesBadly | RemoteFault::Fails | RemoteFault::Unavailable) => failed("500", false),
            Some(RemoteFault::Forbids) => Created::Forbidden("AccessDenied".to_owned()),
            Some(RemoteFault::Unsigned) => Created::Unsigned("no credentials".to_owned()),
            _ if what == Target::Group => {
                self.group = true;
                Created::Exists
            }
            _ if !self.group => Created::GroupMissing,
            _ => {
                self.streams[stream] = true;
                Created::Exists
            }
        }
    }

    /// Whether a framed record is in a call under way.
    pub(super) fn is_flying(&self, client: usize, number: usize) -> bool {
        let is =
            |event: &Event| event.key.is_some_and(|key| key.framed && (key.client, key.number) == (client, number));
        self.flights.values().any(|flight| flight.events.iter().any(is))
    }

    /// A process has ended: half of what was on its way arrives all the same, and nobody is told anything.
    pub(super) fn forget_process(&mut self) {
        let chance = &mut self.chance;
        self.flights.retain(|_, flight| !flight.arrived && chance.percent(50));
        for flight in self.flights.values_mut() {
            (flight.batch, flight.body) = (None, None);
        }
    }
}

/// The events of a body, which this reads by itself.
pub(super) fn events(body: &[u8]) -> Vec<Event> {
    const BEFORE: &[u8] = b"{\"timestamp\":";
    const BETWEEN: &[u8] = b",\"message\":\"";
    let mut events = Vec::new();
    let starts: Vec<usize> = memchr::memmem::find_iter(body, BEFORE).map(|at| at + BEFORE.len()).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(body.len() - 2, |next| next - BEFORE.len() - 1);
        let event = &body[*start..end];
        let digits = memchr::memchr(b',', event).unwrap_or(0);
        let stamp_ms = std::str::from_utf8(&event[..digits]).ok().and_then(|digits| digits.parse().ok());
        let text = &event[digits + BETWEEN.len()..event.len() - 2];
        events.push(Event { stamp_ms: stamp_ms.unwrap_or(i64::MIN), key: record::key(text) });
    }
    events
}
