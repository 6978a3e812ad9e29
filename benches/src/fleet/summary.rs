//! What a run's notes come to.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use super::scenario::Scenario;
use super::tally::{Second, Tally};

/// Figures of one run. Times in seconds, rates in calls a second.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) received: u64,
    pub(super) delivered: u64,
    /// Rejected, dropped, or not ended at the end.
    pub(super) lost: u64,
    /// Whether every sidecar's account added up each time that it was looked at.
    pub(super) adds_up: bool,
    /// PutLogEvents calls, once settled: in the middle second, and in the busiest.
    pub(super) puts_median: f64,
    pub(super) puts_most: f64,
    /// Share of the usual apps' calls that were refused for their rate, once settled.
    pub(super) throttled: f64,
    /// Of the noisy app, while it was there and settled: calls, and the share that was refused.
    pub(super) noisy_puts: f64,
    pub(super) noisy_throttled: f64,
    /// CreateLogStream calls in the busiest second, once settled.
    pub(super) creates_most: f64,
    /// CreateLogStream calls in the busiest second of all.
    pub(super) creates_at_first: f64,
    /// When the last stream was created.
    pub(super) all_exist: f64,
    /// From what happened to a delivery, for the sidecar that waited longest; infinite where one waited for ever.
    pub(super) slowest_first: f64,
    /// Most sidecars whose first delivery after what happened fell into one and the same second.
    pub(super) first_at_once: usize,
    /// Age of batches at their delivery, once calm, and of the oldest record anywhere.
    pub(super) age_median: f64,
    pub(super) age_p99: f64,
    pub(super) oldest: f64,
    /// Jain's index of accepted calls of the sidecars, once calm: 1 where all have the same, 1/n where one has everything.
    pub(super) fairness: f64,
    /// The fewest accepted calls of one sidecar in relation to the median.
    pub(super) least_to_median: f64,
    /// From SIGTERM to the last sidecar's last record; infinite where one did not come to its end in time.
    pub(super) drained: f64,
}

impl Summary {
    pub(super) fn of(scenario: &Scenario, tally: &Tally) -> Self {
        let fates = &tally.fates;
        let longest = |of: &dyn Fn(usize) -> Option<f64>| {
            (0..fates.len()).map(|index| of(index).unwrap_or(f64::INFINITY)).fold(0.0, f64::max)
        };
        let accepted: Vec<f64> = fates.iter().map(|fate| f64::from(fate.accepted)).collect();
        let mut summary = Summary {
            received: fates.iter().map(|fate| fate.received).sum(),
            delivered: fates.iter().map(|fate| fate.delivered).sum(),
            lost: fates.iter().map(|fate| fate.lost).sum(),
            adds_up: fates.iter().all(|fate| fate.adds_up),
            slowest_first: longest(&|index| fates[index].first_delivery),
            first_at_once: at_once(fates.iter().filter_map(|fate| fate.first_delivery)),
            age_median: quantile(&tally.ages, 0.5),
            age_p99: quantile(&tally.ages, 0.99),
            fairness: fairness(&accepted),
            least_to_median: quantile(&accepted, 0.0) / quantile(&accepted, 0.5).max(1.0),
            drained: longest(&|index| fates[index].drained),
            ..Summary::default()
        };
        summary.rates(scenario, &tally.seconds);
        summary
    }

    fn rates(&mut self, scenario: &Scenario, seconds: &[Second]) {
        let settled = within(seconds, scenario.settled..scenario.until);
        let puts: Vec<f64> = settled.iter().map(|second| f64::from(second.puts)).collect();
        (self.puts_median, self.puts_most) = (quantile(&puts, 0.5), quantile(&puts, 1.0));
        let sum = |of: fn(&Second) -> u32| settled.iter().map(|second| f64::from(of(second))).sum::<f64>();
        let noisy = sum(|second| second.noisy);
        let usual = sum(|second| second.puts - second.noisy);
        self.throttled = sum(|second| second.throttled - second.noisy_throttled) / usual.max(1.0);
        self.noisy_throttled = sum(|second| second.noisy_throttled) / noisy.max(1.0);
        let noise = scenario.noise.as_ref().map_or(Duration::ZERO, |noise| noise.end.saturating_sub(scenario.settled));
        self.noisy_puts = noisy / noise.as_secs_f64().max(1.0);
        let most = |seconds: &[Second]| f64::from(seconds.iter().map(|second| second.creates).max().unwrap_or(0));
        (self.creates_most, self.creates_at_first) = (most(settled), most(seconds));
        self.all_exist = seconds.iter().rposition(|second| second.created > 0).map_or(0.0, |last| last as f64 + 1.0);
        let calm = within(seconds, scenario.calm..scenario.until);
        self.oldest = calm.iter().map(|second| second.oldest).fold(0.0, f64::max);
    }
}

/// The seconds that lie in a time.
fn within(seconds: &[Second], time: Range<Duration>) -> &[Second] {
    let to = (time.end.as_secs() as usize).min(seconds.len());
    &seconds[(time.start.as_secs() as usize).min(to)..to]
}

/// The value below which this part of all values lies; 0 where there are none.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(0.0)
}

/// Jain's index.
fn fairness(values: &[f64]) -> f64 {
    let (sum, squares) = values.iter().fold((0.0, 0.0), |(sum, squares), value| (sum + value, squares + value * value));
    if squares > 0.0 {
        sum * sum / (values.len() as f64 * squares)
    } else {
        0.0
    }
}

/// How many of these moments fall into one second, at most.
fn at_once(moments: impl Iterator<Item = f64>) -> usize {
    let mut seconds: Vec<u64> = moments.map(|moment| moment as u64).collect();
    seconds.sort_unstable();
    seconds.chunk_by(|one, next| one == next).map(<[u64]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_one_for_equals_and_a_part_for_one_who_has_all() {
        assert!((fairness(&[3.0; 8]) - 1.0).abs() < 1e-9);
        assert!((fairness(&[0.0, 0.0, 0.0, 9.0]) - 0.25).abs() < 1e-9);
        assert_eq!((fairness(&[]), fairness(&[0.0])), (0.0, 0.0));
    }

    #[test]
    fn what_falls_into_one_second_is_counted_together() {
        assert_eq!(at_once([0.2, 5.1, 5.9, 6.0, 5.0].into_iter()), 3);
        assert_eq!(at_once(std::iter::empty()), 0);
    }

    #[test]
    fn quantiles_take_values_that_are_there() {
        let values = [4.0, 1.0, 3.0];
        assert_eq!([quantile(&values, 0.0), quantile(&values, 0.5), quantile(&values, 1.0)], [1.0, 3.0, 4.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
