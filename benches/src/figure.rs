//! A row of the table: what is measured, its floor and its goal, and how a value stands to them.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Records a second; the more the better. All other units are the better the less.
    PerSecond,
    /// CPU seconds for a million records.
    SecondsPerMillion,
    MiB,
    Percent,
    Milliseconds,
    Nanoseconds,
    Times,
    /// One quantity to another of its kind.
    Ratio,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) unit: Unit,
    pub(crate) floor: f64,
    pub(crate) goal: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Goal,
    Floor,
    Below,
}

impl Figure {
    pub(crate) const fn new(what: &'static str, unit: Unit, floor: f64, goal: f64) -> Self {
        Self { what, unit, floor, goal }
    }

    pub(crate) fn verdict(&self, value: f64) -> Verdict {
        let reaches = |mark: f64| match self.unit {
            Unit::PerSecond => value >= mark,
            _ => value <= mark,
        };
        match (reaches(self.goal), reaches(self.floor)) {
            (true, _) => Verdict::Goal,
            (false, true) => Verdict::Floor,
            (false, false) => Verdict::Below,
        }
    }
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Floor => "floor",
            Self::Below => "BELOW",
        }
    }
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{}/s", thousands(value)),
            Self::SecondsPerMillion => format!("{value:.3} s"),
            Self::MiB => format!("{value:.1} MiB"),
            Self::Percent => format!("{value:.2} %"),
            Self::Milliseconds => format!("{value:.0} ms"),
            Self::Nanoseconds => format!("{} ns", thousands(value)),
            Self::Times => format!("{value:.0}"),
            Self::Ratio => format!("{value:.3}"),
        }
    }
}

/// Rounded, with a comma before each three digits.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Median, least and greatest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&least, &greatest) = sorted.first().zip(sorted.last())?;
        let median = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        Some(Self { median, least, greatest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_better_only_for_rates() {
        let rate = Figure::new("", Unit::PerSecond, 10.0, 20.0);
        let size = Figure::new("", Unit::MiB, 20.0, 10.0);
        for (value, of_rate, of_size) in [
            (5.0, Verdict::Below, Verdict::Goal),
            (15.0, Verdict::Floor, Verdict::Floor),
            (25.0, Verdict::Goal, Verdict::Below),
        ] {
            assert_eq!((rate.verdict(value), size.verdict(value)), (of_rate, of_size));
        }
    }

    #[test]
    fn medians_and_digits() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, greatest: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Unit::PerSecond.show(2_200_000.4), "2,200,000/s");
        assert_eq!(Unit::PerSecond.show(999.0), "999/s");
    }
}
