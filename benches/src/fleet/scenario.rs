//! What befalls a fleet, and when. Times count from the simulation's start.

use std::ops::Range;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::account::Quota;

/// How soon the fleet must have found its pace after what happened to it: the longest backoff.
const FIRST_SECONDS: Duration = Duration::from_secs(30);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    /// All pods start within a second, and no stream exists
    Deploy,
    /// The account cannot be reached for two minutes
    Outage,
    /// One pod's app flushes after each record, on 64 streams
    Noisy,
}

impl Event {
    pub(super) const ALL: [Event; 3] = [Event::Deploy, Event::Outage, Event::Noisy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Event::Deploy => "deploy",
            Event::Outage => "outage",
            Event::Noisy => "noisy",
        }
    }
}

/// What can be taken out of the engine, to see that the checks find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Every sidecar draws the same jitter
    SameJitter,
    /// Throttling is told to the engine as any other failure, so that its rate does not fall
    NoYield,
    /// Hardly any wait after a failure
    NoBackoff,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Scenario {
    pub(super) event: Event,
    pub(super) sidecars: usize,
    pub(super) seed: u64,
    pub(super) quota: Quota,
    /// Within this time all pods start, each at a moment of its own.
    pub(super) start_within: Duration,
    /// Whether the streams exist.
    pub(super) warm: bool,
    pub(super) outage: Option<Range<Duration>>,
    pub(super) noise: Option<Range<Duration>>,
    /// What the scenario is about: a start, an outage's end, the begin of noise.
    pub(super) happens: Duration,
    /// Rates are judged from here to `until`.
    pub(super) settled: Duration,
    /// Ages and fairness are judged from here to `until`.
    pub(super) calm: Duration,
    /// Apps write until here; then every sidecar gets SIGTERM.
    pub(super) until: Duration,
    #[serde(skip)]
    pub(super) sabotage: Option<Sabotage>,
}

impl Scenario {
    pub(super) fn new(event: Event, sidecars: usize, seed: u64, scale: f64) -> Self {
        let seconds = Duration::from_secs;
        let steady = Scenario {
            event,
            sidecars,
            seed,
            quota: Quota::scaled(scale),
            start_within: seconds(30),
            warm: true,
            outage: None,
            noise: None,
            happens: Duration::ZERO,
            settled: Duration::ZERO,
            calm: Duration::ZERO,
            until: Duration::ZERO,
            sabotage: None,
        };
        match event {
            Event::Deploy => steady.deploy(),
            Event::Outage => {
                let outage = seconds(90)..seconds(210);
                let (happens, calm) = (outage.end, outage.end + 2 * FIRST_SECONDS);
                let outage = Some(outage);
                Scenario { outage, happens, settled: happens + FIRST_SECONDS, calm, until: seconds(390), ..steady }
            }
            Event::Noisy => {
                let noise = seconds(90)..seconds(210);
                let (happens, settled) = (noise.start, noise.start + FIRST_SECONDS);
                Scenario { noise: Some(noise), happens, settled, calm: settled, until: seconds(270), ..steady }
            }
        }
    }

    /// Streams are created for as long as the quota needs, a quarter more and some seconds; two minutes of calm follow.
    fn deploy(self) -> Self {
        let calm = self.creating().mul_f64(1.25) + 2 * FIRST_SECONDS;
        let until = calm + Duration::from_secs(120);
        Scenario { start_within: Duration::from_secs(1), warm: false, settled: FIRST_SECONDS, calm, until, ..self }
    }

    /// The time that the quota for creating calls needs for a stream for each sidecar.
    pub(super) fn creating(&self) -> Duration {
        Duration::from_secs_f64(self.sidecars as f64 / self.quota.creates)
    }

    /// The time between two calls of one sidecar where each has an equal share of the quota, in seconds; at least the linger.
    pub(super) fn share(&self) -> f64 {
        (self.sidecars as f64 / self.quota.puts).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_comes_before_it_is_judged() {
        for event in Event::ALL {
            let scenario = Scenario::new(event, 300, 1, 0.006);
            assert!(scenario.happens < scenario.settled && scenario.settled <= scenario.calm, "{event:?}");
            assert!(scenario.calm + Duration::from_secs(100) <= scenario.until, "{event:?}");
        }
        let deploy = Scenario::new(Event::Deploy, 300, 1, 0.006);
        assert_eq!((deploy.creating().as_secs(), deploy.share()), (1_000, 10.0));
        assert_eq!(Scenario::new(Event::Deploy, 300, 1, 1.0).share(), 1.0);
    }
}
