//! A run as text.

use std::fmt::Write;

use super::checks::Check;
use super::scenario::{Event, Scenario};
use super::summary::Summary;

/// The run's table: what was played, what must hold, what else is of interest.
pub(super) fn render(scenario: &Scenario, summary: &Summary, checks: &[Check]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: {} sidecars, seed {}, quota {} PutLogEvents/s and {} CreateLogStream/s; SIGTERM for all at {} s\n{}",
        scenario.event.name(),
        scenario.sidecars,
        scenario.seed,
        show(scenario.quota.puts),
        show(scenario.quota.creates),
        scenario.until.as_secs(),
        story(scenario),
    );
    let _ = writeln!(text, "  {:<54} {:>12}  {:>12}", "", "simulated", "limit");
    for check in checks {
        let limit = format!("{}{}", if check.at_least { ">= " } else { "<= " }, amount(check.limit, check.unit));
        let verdict = if check.holds() { "holds" } else { "DOES NOT HOLD" };
        let _ = writeln!(text, "  {:<54} {:>12}  {limit:>12}  {verdict}", check.what, amount(check.value, check.unit));
    }
    for (what, value) in beside(scenario, summary) {
        let _ = writeln!(text, "  {what:<54} {value:>12}");
    }
    text
}

fn story(scenario: &Scenario) -> String {
    match scenario.event {
        Event::Deploy => "  all start within a second, and no stream exists".to_owned(),
        Event::Outage => {
            let outage = scenario.outage.clone().unwrap_or_default();
            format!("  nobody is there from {} s to {} s", outage.start.as_secs(), outage.end.as_secs())
        }
        Event::Noisy => {
            let noise = scenario.noise.clone().unwrap_or_default();
            let (from, to) = (noise.start.as_secs(), noise.end.as_secs());
            format!("  from {from} s to {to} s one app flushes after each record, on 64 streams")
        }
    }
}

fn beside(scenario: &Scenario, summary: &Summary) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("records taken in", summary.received.to_string()),
        ("calls in the busiest second", amount(summary.puts_most, "/s")),
        ("age of a batch at its delivery, median", amount(summary.age_median, "s")),
        ("age of a batch at its delivery, p99", amount(summary.age_p99, "s")),
        ("fewest calls of a sidecar, to the median", amount(summary.least_to_median, "")),
    ];
    if scenario.event == Event::Deploy {
        rows.push(("creating calls in the first second", amount(summary.creates_at_first, "/s")));
    }
    if scenario.event == Event::Noisy {
        rows.push(("calls of the noisy app", amount(summary.noisy_puts, "/s")));
        rows.push(("of these throttled", amount(summary.noisy_throttled, "")));
    }
    rows
}

fn amount(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "never".to_owned();
    }
    let gap = if unit == "s" { " " } else { "" };
    format!("{}{gap}{unit}", show(value))
}

/// Three digits where there is a fraction.
fn show(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 => format!("{value:.0}"),
        value if value.abs() >= 100.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
