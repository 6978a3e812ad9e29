//! The goals that the project set itself, each met, missed or left open by the intervals of paired rounds. Nothing is met
//! because it could not be seen: an interval that does not lie inside the margin is inconclusive.

mod api;
pub(super) mod lost;
mod tasks;

use super::stats::{self, Equivalence, Interval};
use super::table::{Cell, Table};
use super::words;
use crate::results::Results;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Met,
    Missed,
    Inconclusive,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// What was aimed at.
    pub(super) goal: String,
    /// The same as the head of a column, where several operations share it.
    pub(super) column: Option<&'static str>,
    /// App, operation, load.
    pub(super) of: String,
    pub(super) outcome: Outcome,
    /// That it rests on; or runs, where rounds do not matter.
    pub(super) rounds: usize,
    /// What was measured, and how sure it is.
    pub(super) measured: String,
}

impl Verdict {
    fn cell(&self) -> Cell {
        // The interval goes on a line of its own.
        Cell {
            outcome: Some(self.outcome),
            text: String::new(),
            small: self.measured.replace(" (", "\n(").replace("; ", "\n"),
        }
    }
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// All that these results can say something about.
pub(super) fn verdicts(results: &Results) -> Vec<Verdict> {
    let mut all = api::verdicts(results);
    all.extend(tasks::verdicts(results));
    all.extend(lost::verdicts(results));
    all
}

/// What decides more.
const MORE_ROUNDS: &str =
    " More rounds see smaller effects: splashdam-bench workloads --part pairs --rounds 30 --seconds 4.";

pub(super) fn table(verdicts: &[Verdict]) -> Option<Table> {
    let note = "Rounds are paired, so that both modes of a pair ran beside each other; intervals are of 90 %, by a seeded bootstrap (two \
                one-sided tests at 5 %). Within: the whole interval lies inside the margin. Inconclusive: this run cannot \
                decide; the smallest effect it could have seen is named. p99: of all requests of all rounds, and undecided with fewer than ten \
                beyond it.";
    let open = verdicts.iter().any(|verdict| verdict.column.is_some() && verdict.outcome == Outcome::Inconclusive);
    let note = format!("{note}{}", if open { MORE_ROUNDS } else { "" });
    let mut table = Table::new("Goals", note, 4, &["goal", "of", "verdict", "measured"]);
    for verdict in verdicts {
        let outcome = Cell { outcome: Some(verdict.outcome), ..Cell::default() };
        let (goal, of) = (verdict.goal.as_str().into(), verdict.of.as_str().into());
        table.push(None, vec![goal, of, outcome, verdict.measured.as_str().into()]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The goals that operations share: a row for each operation. The others keep rows of their own.
pub(super) fn matrix(verdicts: &[Verdict]) -> Option<Table> {
    let shared = || verdicts.iter().filter(|verdict| verdict.column.is_some());
    let columns: Vec<&str> =
        api::columns().into_iter().filter(|column| shared().any(|verdict| verdict.column == Some(column))).collect();
    let mut rows: Vec<&str> = shared().map(|verdict| verdict.of.as_str()).collect();
    rows.dedup();
    let mut heads = vec!["operation"];
    heads.extend(&columns);
    let mut table = Table::new("API workload", "", 1, &heads);
    for of in rows {
        let cell = |column: &&str| {
            let found = verdicts.iter().find(|verdict| verdict.of == of && verdict.column == Some(column));
            found.map_or_else(|| Cell::from("not run"), |found| found.cell())
        };
        let cells = std::iter::once(Cell::from(of)).chain(columns.iter().map(cell)).collect();
        table.push(None, cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// How many were met, missed, left open.
pub(super) fn count(verdicts: &[Verdict]) -> [(Outcome, usize); 3] {
    [Outcome::Met, Outcome::Missed, Outcome::Inconclusive]
        .map(|outcome| (outcome, verdicts.iter().filter(|verdict| verdict.outcome == outcome).count()))
}

/// Within a margin of what it is compared with, by an equivalence test. The interval is of the ratio.
fn within(ratio: Interval, rounds: usize, margin: f64) -> (Outcome, String) {
    let (mut outcome, mut said) = (Outcome::Met, shown(ratio, rounds));
    match stats::equivalence(ratio, margin) {
        Equivalence::Within => {}
        Equivalence::Outside if ratio.high < 1.0 => {
            outcome = Outcome::Inconclusive;
            said.push_str("; less than null, which shipping cannot bring about: the runs differ by something else");
        }
        Equivalence::Outside => outcome = Outcome::Missed,
        Equivalence::Inconclusive { smallest_visible_effect } => {
            outcome = Outcome::Inconclusive;
            said.push_str(&visible(smallest_visible_effect));
        }
    }
    few(rounds, outcome, said)
}

/// At least so much of what it is compared with.
fn at_least(ratio: Interval, rounds: usize, share: f64) -> (Outcome, String) {
    let said = shown(ratio, rounds);
    let (outcome, said) = match ratio {
        Interval { low, .. } if low >= share => (Outcome::Met, said),
        Interval { high, .. } if high < share => (Outcome::Missed, said),
        ratio => (Outcome::Inconclusive, said + &visible(ratio.half_width())),
    };
    few(rounds, outcome, said)
}

fn shown(ratio: Interval, rounds: usize) -> String {
    let [middle, low, high] = [ratio.middle, ratio.low, ratio.high].map(words::change);
    let ends = if ratio.half_width().is_finite() { format!(" ({low} to {high})") } else { String::new() };
    format!("{middle}, {rounds} round{}{ends}", if rounds == 1 { "" } else { "s" })
}

fn visible(effect: f64) -> String {
    if effect.is_finite() {
        format!("; could have seen {:.2} %", 100.0 * effect)
    } else {
        String::new()
    }
}

fn few(rounds: usize, outcome: Outcome, said: String) -> (Outcome, String) {
    if rounds >= stats::LEAST_ROUNDS {
        return (outcome, said);
    }
    (Outcome::Inconclusive, format!("{said}; fewer than {} decide nothing", stats::LEAST_ROUNDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn ratio(low: f64, high: f64) -> Interval {
        Interval { low, middle: (low + high) / 2.0, high, confidence: stats::EQUIVALENCE }
    }

    #[test]
    fn only_an_interval_inside_the_margin_meets_it() {
        let outcome = |low, high| within(ratio(low, high), 30, 0.01).0;
        assert_eq!(outcome(0.995, 1.009), Outcome::Met);
        assert_eq!(outcome(0.995, 1.011), Outcome::Inconclusive);
        assert_eq!(outcome(1.011, 1.02), Outcome::Missed);
        assert_eq!(outcome(0.9, 0.95), Outcome::Inconclusive);
        assert_eq!(within(ratio(0.999, 1.001), 4, 0.01).0, Outcome::Inconclusive);
        let (_, said) = within(ratio(0.98, 1.02), 30, 0.01);
        assert!(said.ends_with("could have seen 2.00 %"), "{said}");
    }

    #[test]
    fn a_share_may_be_exceeded() {
        let outcome = |low, high| at_least(ratio(low, high), 5, 0.97).0;
        assert_eq!(outcome(0.98, 1.2), Outcome::Met);
        assert_eq!(outcome(0.9, 0.96), Outcome::Missed);
        assert_eq!(outcome(0.96, 0.98), Outcome::Inconclusive);
    }

    #[test]
    fn every_goal_of_a_whole_run_has_a_verdict() {
        let all = verdicts(&sample::results());
        // Two apps × three operations × (two phases × two quantiles, maximum, sync); a task workload each; what was lost.
        let of = |part: &str| all.iter().filter(|verdict| verdict.goal.contains(part)).count();
        assert_eq!([of("p50"), of("p99"), of("maximum"), of("sync")], [12, 12, 6, 6], "{all:#?}");
        assert_eq!([of("task request"), of("lost")], [2, 1], "{all:#?}");
        assert_eq!((matrix(&all).unwrap().rows.len(), matrix(&all).unwrap().columns.len()), (6, 7));
        assert!(table(&all).is_some() && table(&[]).is_none() && verdicts(&Results::default()).is_empty());
        // A few hundred slow requests say nothing of a p99.
        let mut open = all.clone();
        assert!(table(&open).unwrap().note.contains(MORE_ROUNDS));
        open.retain(|verdict| verdict.outcome == Outcome::Met);
        assert!(open.len() > 30 && !table(&open).unwrap().note.contains(MORE_ROUNDS));
        assert_eq!(count(&all).iter().map(|(_, count)| count).sum::<usize>(), all.len());
    }
}
