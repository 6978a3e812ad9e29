//! One AWS account in one region, as far as a fleet shares it: quotas, streams, outages.
//!
//! What is assumed of AWS: a call over the rate is refused with ThrottlingException and takes no token; a bucket holds one
//! second's worth; PutLogEvents has no quota for each stream; a stream that does not exist costs a token, too. Rates are the
//! ones that the service's documentation gives as defaults.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use splashdam_sidecar::config::Destination;

/// PutLogEvents and CreateLogStream calls a second that an account may make in a region, by default.
const PUTS: f64 = 5_000.0;
const CREATES: f64 = 50.0;

/// Calls a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Quota {
    pub(super) puts: f64,
    pub(super) creates: f64,
}

impl Quota {
    /// So much of an account's default quota.
    pub(super) fn scaled(scale: f64) -> Self {
        Self { puts: PUTS * scale, creates: CREATES * scale }
    }
}

/// Calls that are allowed, with room for one second's worth.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    seen: Duration,
}

impl Bucket {
    fn full(rate: f64) -> Self {
        Self { rate, level: rate.max(1.0), seen: Duration::ZERO }
    }

    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.seen).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.rate.max(1.0));
        self.seen = now;
        let granted = self.level >= 1.0;
        self.level -= if granted { 1.0 } else { 0.0 };
        granted
    }
}

/// What the account says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done.
    Done,
    /// Over the quota.
    Throttled,
    /// The stream does not exist.
    Missing,
    /// Nobody listens: refused at once.
    Refused,
    /// Nobody answers: the caller's time-out ends it.
    Silent,
}

/// The account.
#[derive(Debug)]
pub(super) struct Account {
    puts: Bucket,
    creates: Bucket,
    /// Connections are refused in its first half and time out in the second.
    outage: Option<Range<Duration>>,
    streams: Streams,
}

/// Which streams exist.
#[derive(Debug)]
pub(super) enum Streams {
    /// Every one.
    All,
    /// Those that were created.
    Created(HashSet<Destination>),
}

impl Account {
    pub(super) fn new(quota: Quota, outage: Option<Range<Duration>>, streams: Streams) -> Self {
        Self { puts: Bucket::full(quota.puts), creates: Bucket::full(quota.creates), outage, streams }
    }

    fn outage(&self, now: Duration) -> Option<Answer> {
        let outage = self.outage.as_ref().filter(|outage| outage.contains(&now))?;
        let half = outage.start + (outage.end - outage.start) / 2;
        Some(if now < half { Answer::Refused } else { Answer::Silent })
    }

    pub(super) fn put(&mut self, to: &Destination, now: Duration) -> Answer {
        if let Some(down) = self.outage(now) {
            return down;
        }
        let exists = match &self.streams {
            Streams::All => true,
            Streams::Created(streams) => streams.contains(to),
        };
        match self.puts.take(now) {
            false => Answer::Throttled,
            true if exists => Answer::Done,
            true => Answer::Missing,
        }
    }

    pub(super) fn create(&mut self, what: &Destination, now: Duration) -> Answer {
        if let Some(down) = self.outage(now) {
            return down;
        }
        if !self.creates.take(now) {
            return Answer::Throttled;
        }
        if let Streams::Created(streams) = &mut self.streams {
            streams.insert(what.clone());
        }
        Answer::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str) -> Destination {
        Destination::parse("/fleet", name).unwrap()
    }

    #[test]
    fn a_second_brings_its_worth_and_no_more() {
        let mut account = Account::new(Quota { puts: 10.0, creates: 0.5 }, None, Streams::All);
        let mut granted =
            |ms: u64| (0..30).filter(|_| account.put(&stream("s"), Duration::from_millis(ms)) == Answer::Done).count();
        assert_eq!([granted(0), granted(500), granted(60_000)], [10, 5, 10]);
        let mut created = |seconds| account.create(&stream("s"), Duration::from_secs(seconds)) == Answer::Done;
        assert_eq!([created(60), created(61), created(62)], [true, false, true], "less than one a second");
    }

    #[test]
    fn a_stream_is_there_once_it_was_created() {
        let mut account = Account::new(Quota::scaled(1.0), None, Streams::Created(HashSet::new()));
        let now = Duration::from_secs(1);
        assert_eq!(account.put(&stream("a"), now), Answer::Missing);
        assert_eq!(account.create(&stream("a"), now), Answer::Done);
        assert_eq!([account.put(&stream("a"), now), account.put(&stream("b"), now)], [Answer::Done, Answer::Missing]);
    }

    #[test]
    fn an_outage_refuses_and_then_says_nothing() {
        let outage = Duration::from_secs(10)..Duration::from_secs(20);
        let mut account = Account::new(Quota::scaled(1.0), Some(outage), Streams::All);
        let mut at = |seconds| account.put(&stream("a"), Duration::from_secs(seconds));
        let answers = [at(9), at(10), at(14), at(15), at(19), at(20)];
        use Answer::{Done, Refused, Silent};
        assert_eq!(answers, [Done, Refused, Refused, Silent, Silent, Done]);
    }
}
