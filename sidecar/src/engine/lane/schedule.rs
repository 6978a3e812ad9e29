//! When a lane sends: the one place that weighs fullness, linger, quiet, flushes, backoff and the limit in flight.

use std::time::Duration;

use super::Lane;
use crate::engine::create::Creation;
use crate::engine::limits::BATCH_BYTES;
use crate::engine::time::Now;
use crate::engine::Settings;

/// Body bytes per byte of text before a lane has shown its own: room for a JSON line's quotes.
pub(super) const GROWTH_AT_FIRST: f32 = 1.2;

/// A lane counts as in trouble from this many failures in a row: then it gets one attempt at a time.
const TROUBLE: u32 = 2;

/// How much slower than the quickest an attempt may be while we still widen, and from where on we narrow.
const WIDEN_BELOW: f64 = 1.5;
const NARROW_ABOVE: f64 = 4.0;

/// Latencies below this say nothing of the network: widening would add memory and no throughput.
const WIDEN_FROM: Duration = Duration::from_millis(4);

/// How long a batch that is not full waits for records from disk.
const READ_AT_MOST: Duration = Duration::from_secs(1);

/// What the whole engine asks of each lane now.
#[derive(Clone, Copy, Debug)]
pub struct Pressure {
    /// Longest wait for company, stretched with many lanes; a throttled lane's own may be longer.
    pub linger: Duration,
    /// Everything is to go at once.
    pub draining: bool,
}

/// What a lane would do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the waiting batch with this index again.
    Retry(usize),
    /// Cut a full batch and send it.
    Full,
    /// Cut what is there and send it before it is full.
    Early,
    /// Have the group or stream created.
    Create,
    /// Nothing before this moment.
    At(Duration),
    /// Nothing until something happens.
    Idle,
}

impl Lane {
    /// What to do now.
    #[must_use]
    pub fn next(&self, now: Now, settings: &Settings, pressure: Pressure) -> Next {
        match self.creation {
            Creation::Unneeded => {}
            Creation::Wanted { at, .. } if at <= now.at => return Next::Create,
            Creation::Wanted { at, .. } => return Next::At(at),
            Creation::Running => return Next::Idle,
        }
        if self.in_flight >= self.allowed() {
            return Next::Idle;
        }
        if self.not_before > now.at {
            return Next::At(self.not_before);
        }
        let retry = self.retries.iter().enumerate().min_by_key(|(_, retry)| retry.at);
        match retry {
            Some((index, retry)) if retry.at <= now.at => return Next::Retry(index),
            _ => {}
        }
        let retry_at = retry.map(|(_, retry)| retry.at);
        match (self.fresh(now, settings, pressure), retry_at) {
            (Next::At(fresh), Some(retry)) => Next::At(fresh.min(retry)),
            (Next::Idle, Some(retry)) => Next::At(retry),
            (fresh, _) => fresh,
        }
    }

    /// Nothing waits for its next attempt beyond `at`.
    pub fn hurry(&mut self, at: Duration) {
        self.not_before = self.not_before.min(at);
        if let Creation::Wanted { at: wanted, .. } = &mut self.creation {
            *wanted = (*wanted).min(at);
        }
        self.retries.iter_mut().for_each(|retry| retry.at = retry.at.min(at));
    }

    /// How many attempts may be in flight now.
    fn allowed(&self) -> u32 {
        if !self.confirmed || self.failures >= TROUBLE {
            1
        } else {
            self.limit
        }
    }

    /// Whether a whole batch waits: by its bytes, or by so many records.
    #[must_use]
    pub fn has_full_batch(&self, events: u32) -> bool {
        self.unsent_cost >= u64::from(BATCH_BYTES) || self.unsent_records >= u64::from(events)
    }

    fn fresh(&self, now: Now, settings: &Settings, pressure: Pressure) -> Next {
        let Some(since) = self.unsent_since else { return Next::Idle };
        if self.has_full_batch(settings.batch_events) {
            return Next::Full;
        }
        // More of the same is on its way from the disk; but a disk that hangs must not hold up what is here.
        let reading = self.disk.as_ref().and_then(|disk| disk.reading);
        if let Some(at) = reading.map(|reading| reading.since + READ_AT_MOST).filter(|at| *at > now.at) {
            return Next::At(at);
        }
        let linger = self.linger(settings, pressure);
        if pressure.draining || since + linger <= now.at {
            return Next::Early;
        }
        if !self.flushes.is_empty() {
            return if self.early_in_flight == 0 { Next::Early } else { Next::Idle };
        }
        let quiet = self.last_arrival + settings.linger_quiet;
        let early_again = self.last_early.map_or(Duration::ZERO, |last| last + linger);
        let at = quiet.max(early_again).min(since + linger);
        if at <= now.at {
            Next::Early
        } else {
            Next::At(at)
        }
    }

    /// How long it waits for company: longer where it was throttled.
    #[must_use]
    pub fn linger(&self, settings: &Settings, pressure: Pressure) -> Duration {
        pressure.linger.max(self.stretch.linger().min(settings.linger_max))
    }

    /// A started attempt: `early` if its batch was not full.
    pub fn started(&mut self, early: bool, now: Now) {
        self.in_flight += 1;
        if early {
            self.early_in_flight += 1;
            self.last_early = Some(now.at);
        }
    }

    /// An attempt that took `took` on the wire went well. Widens while latency stays near the quickest seen (then the wait is
    /// the network's, and more in flight carries more), narrows where it grows (then it is somebody's queue).
    pub fn adapt(&mut self, took: Duration, settings: &Settings) {
        let quickest = self.quickest.map_or(took, |quickest| quickest.min(took));
        // The floor rises slowly, so that a route that became longer is learnt.
        self.quickest = Some(quickest + quickest / 256);
        let ratio = took.as_secs_f64() / quickest.as_secs_f64().max(1e-6);
        if ratio > NARROW_ABOVE && self.limit > settings.in_flight_min {
            self.limit -= 1;
        } else if self.has_full_batch(settings.batch_events) && took >= WIDEN_FROM && ratio < WIDEN_BELOW {
            self.limit = (self.limit + 1).min(settings.in_flight_max);
        }
    }

    /// Learns how much larger a body was than its texts.
    pub fn learn_growth(&mut self, seen: f32) {
        self.growth =
            if seen > self.growth { seen * 1.02 } else { self.growth * 0.95 + seen * 1.02 * 0.05 }.clamp(1.0, 6.0);
    }
}
