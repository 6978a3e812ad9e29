//! What must hold in a run, each with its limit. A limit follows from the quota and from the settings that ship, not from what
//! a run has shown.

use serde::Serialize;

use super::scenario::{Event, Scenario};
use super::summary::Summary;

/// The longest backoff and the longest linger, in seconds.
const LONGEST_WAIT: f64 = 30.0;
/// The shutdown deadline, in seconds.
pub(super) const DEADLINE: f64 = 25.0;
/// How far the calls may exceed the quota where more is wanted than that, and the share that is refused then.
const EXCESS: f64 = 1.25;
const REFUSED: f64 = 0.2;
/// The part of a fleet that may do the same thing in the same second.
const AT_ONCE: f64 = 0.15;
/// Jain's index, at least.
const FAIR: f64 = 0.8;

/// One thing that must hold.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) value: f64,
    /// The value may be at most this, or must be at least this.
    pub(super) limit: f64,
    pub(super) at_least: bool,
    pub(super) unit: &'static str,
}

impl Check {
    fn at_most(what: &'static str, value: f64, limit: f64, unit: &'static str) -> Self {
        Self { what, value, limit, at_least: false, unit }
    }

    fn at_least(what: &'static str, value: f64, limit: f64) -> Self {
        Self { what, value, limit, at_least: true, unit: "" }
    }

    pub(super) fn holds(&self) -> bool {
        if self.at_least {
            self.value >= self.limit
        } else {
            self.value <= self.limit
        }
    }
}

/// Everything that must hold in a run of this scenario.
pub(super) fn checks(scenario: &Scenario, summary: &Summary) -> Vec<Check> {
    let mut checks = of_every_run(scenario, summary);
    let sidecars = scenario.sidecars as f64;
    match scenario.event {
        Event::Deploy => {
            let limit = EXCESS * scenario.creating().as_secs_f64() + LONGEST_WAIT;
            let spread = (AT_ONCE * sidecars).max(scenario.quota.creates);
            checks.extend([
                Check::at_most("until the last stream exists", summary.all_exist, limit, "s"),
                Check::at_most("creating calls in the busiest second after 30 s", summary.creates_most, spread, "/s"),
                Check::at_most("slowest first delivery", summary.slowest_first, limit + 5.0 * scenario.share(), "s"),
            ]);
        }
        Event::Outage => {
            let limit = LONGEST_WAIT + 5.0 * scenario.share();
            let at_once = summary.first_at_once as f64 / sidecars;
            checks.extend([
                Check::at_most(
                    "from the outage's end to the last sidecar's delivery",
                    summary.slowest_first,
                    limit,
                    "s",
                ),
                Check::at_most("of the fleet back in the same second", at_once, AT_ONCE, ""),
            ]);
        }
        Event::Noisy => {}
    }
    checks
}

fn of_every_run(scenario: &Scenario, summary: &Summary) -> Vec<Check> {
    let (quota, share) = (scenario.quota.puts, scenario.share());
    let unsound = f64::from(u8::from(!summary.adds_up));
    let mut checks = vec![
        Check::at_most("accounts that do not add up", unsound, 0.0, ""),
        Check::at_most("records not delivered", summary.lost as f64, 0.0, ""),
        Check::at_most("calls a second, median", summary.puts_median, EXCESS * quota, "/s"),
        Check::at_most("of the calls throttled", summary.throttled, REFUSED, ""),
        Check::at_most("oldest record", summary.oldest, LONGEST_WAIT + 5.0 * share, "s"),
        Check::at_least("fairness (Jain)", summary.fairness, FAIR),
        Check::at_most("from SIGTERM to the end", summary.drained, DEADLINE, "s"),
    ];
    // A sidecar wants about one call a second: where the quota has room for all of them, it is never exceeded.
    if scenario.event != Event::Noisy && 1.5 * scenario.sidecars as f64 <= quota {
        checks.push(Check::at_most("calls in the busiest second", summary.puts_most, quota, "/s"));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Summary {
        Summary { adds_up: true, fairness: 0.9, first_at_once: 10, ..Summary::default() }
    }

    fn failed(event: Event, summary: &Summary) -> Vec<&'static str> {
        let scenario = Scenario::new(event, 300, 1, 0.006);
        checks(&scenario, summary).iter().filter(|check| !check.holds()).map(|check| check.what).collect()
    }

    #[test]
    fn each_limit_can_be_broken() {
        for event in Event::ALL {
            assert!(failed(event, &sound()).is_empty(), "{event:?}");
        }
        let bad = Summary {
            lost: 1,
            puts_median: 40.0,
            throttled: 0.5,
            oldest: 81.0,
            drained: f64::INFINITY,
            all_exist: 1_281.0,
            creates_most: 46.0,
            slowest_first: 1_331.0,
            first_at_once: 46,
            ..Summary::default()
        };
        assert_eq!(failed(Event::Deploy, &bad).len(), 10);
        assert_eq!(failed(Event::Outage, &bad).len(), 9);
        assert_eq!(failed(Event::Noisy, &bad).len(), 7);
        let busy = Summary { puts_most: 5_001.0, ..sound() };
        let roomy = Scenario::new(Event::Outage, 300, 1, 1.0);
        assert!(checks(&roomy, &busy).iter().any(|check| !check.holds()));
    }
}
