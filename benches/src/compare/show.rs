//! The table that a person reads.

use std::fmt::Write as _;

use super::series::{Key, Quantity, Series};
use super::verdict::{Row, Verdict};
use crate::latency::show_micros;
use crate::statistics::DIFFERENCE;

pub(super) fn table(rows: &[Row], a: &Series, b: &Series) -> String {
    let mut text = String::new();
    let mut heading = String::new();
    if !rows.is_empty() {
        let _ = writeln!(
            text,
            "  {:<20} {:>14} {:>14} {:>9} {:>20}  verdict",
            "median of", "A", "B", "change", "95 % interval"
        );
    }
    for row in rows {
        let name = format!("{}: {}", row.key.workload.name(), row.key.what);
        if name != heading {
            let _ = writeln!(text, "{name}");
            heading = name;
        }
        line(&mut text, row);
    }
    notes(&mut text, rows, a, b);
    text
}

fn line(text: &mut String, row: &Row) {
    let interval =
        row.ratio.map_or_else(String::new, |ratio| format!("{} to {} %", percent(ratio.low), percent(ratio.high)));
    let change = if row.a > 0.0 { format!("{} %", percent(row.b / row.a)) } else { String::new() };
    let _ = writeln!(
        text,
        "  {:<20} {:>14} {:>14} {change:>9} {interval:>20}  {}",
        row.key.quantity.name(),
        value(row.key.quantity, row.a),
        value(row.key.quantity, row.b),
        row.verdict.words(&row.key)
    );
}

fn percent(ratio: f64) -> String {
    format!("{:+.1}", 100.0 * (ratio - 1.0))
}

fn value(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::P50Micros | Quantity::P99Micros => show_micros(value),
        Quantity::AnswersPerSecond | Quantity::DeliveredPerSecond => format!("{value:.1}/s"),
        Quantity::CpuMillisPerRequest => format!("{value:.3} ms"),
        Quantity::PeakMib => format!("{value:.1} MiB"),
        Quantity::CpuPerMillion
        | Quantity::WallSeconds
        | Quantity::CaughtUpSeconds
        | Quantity::FirstRecordSeconds
        | Quantity::FirstSendSeconds
        | Quantity::AllDeliveredSeconds => format!("{value:.3} s"),
    }
}

fn notes(text: &mut String, rows: &[Row], a: &Series, b: &Series) {
    if rows.is_empty() {
        let _ = writeln!(text, "Nothing was measured in both.");
    }
    let decided = rows.iter().filter(|row| !matches!(row.verdict, Verdict::TooFewRounds { .. } | Verdict::NoRatio));
    let chance = (1.0 - DIFFERENCE) * decided.count() as f64;
    if chance >= 0.5 {
        let _ = writeln!(
            text,
            "{} rows: if nothing had changed, chance alone could call about {chance:.0} of them better or worse.",
            rows.len()
        );
    }
    for (name, one, other) in [("A", a, b), ("B", b, a)] {
        let alone: Vec<_> = one.values.keys().filter(|key| !other.values.contains_key(key)).collect();
        if let Some(first) = alone.first() {
            let _ = writeln!(text, "Only in {name}: {} rows, the first {}.", alone.len(), key(first));
        }
        if one.faulty > 0 {
            let _ = writeln!(text, "Left out of {name}: {} runs that do not count.", one.faulty);
        }
    }
    if a.lost + b.lost > 0 {
        let _ = writeln!(text, "Records lost, all modes: {} in A, {} in B.", a.lost, b.lost);
    }
    text.truncate(text.trim_end().len());
}

fn key(key: &Key) -> String {
    format!("{} of {}: {}", key.quantity.name(), key.workload.name(), key.what)
}
