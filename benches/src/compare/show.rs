//! The table that a person reads.

use std::fmt::Write as _;

use super::series::{Key, Quantity, Series};
use super::slower::{rounds_needed, Certain};
use super::verdict::Row;
use crate::latency::show_micros;
use crate::statistics::{DIFFERENCE, LEAST_ROUNDS};

pub(super) fn table(rows: &[Row], certain: &Certain, a: &Series, b: &Series) -> String {
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
    judged(&mut text, rows, certain);
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

/// How many rows say anything; what chance does to so many; and what is certain all the same.
fn judged(text: &mut String, rows: &[Row], certain: &Certain) {
    if rows.is_empty() {
        return;
    }
    let decided = rows.iter().filter(|row| row.verdict.is_decided()).count();
    let _ = writeln!(text, "Decided: {decided} of {} quantities.", rows.len());
    let chance = (1.0 - DIFFERENCE) * certain.tested as f64;
    if chance >= 0.5 {
        let _ = writeln!(
            text,
            "If nothing had changed, chance alone could call about {chance:.0} of {} better or worse.",
            certain.tested
        );
    }
    let slower: Vec<_> =
        rows.iter().zip(&certain.slower).filter(|(_, slower)| **slower).map(|(row, _)| key(&row.key)).collect();
    let _ = match (slower.first(), certain) {
        (Some(first), _) => writeln!(
            text,
            "Slower, or taking more, for certain and by more than the margin (Holm, {} quantities): {}, the first {first}.",
            certain.tested,
            slower.len()
        ),
        (None, Certain { tested: 0, .. }) => {
            writeln!(text, "Whether anything is slower cannot be said: no quantity has {LEAST_ROUNDS} rounds on both sides.")
        }
        (None, Certain { tested, can_tell: false, .. }) => writeln!(
            text,
            "Whether anything is slower cannot be said: among {tested} quantities it takes {} rounds on both sides.",
            rounds_needed(*tested)
        ),
        (None, Certain { tested, .. }) => {
            writeln!(text, "Nothing is slower for certain and by more than the margin (Holm, {tested} quantities).")
        }
    };
}

fn notes(text: &mut String, rows: &[Row], a: &Series, b: &Series) {
    if rows.is_empty() {
        let _ = writeln!(text, "Nothing was measured in both.");
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
