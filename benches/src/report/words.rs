//! Numbers and names as a reader meets them: three significant digits, separators of thousands, units, plain names.

use crate::results::{App, Drive, Mode, Operation, Phase, Topology};

/// Whole numbers with a comma before every third digit.
pub(super) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut shown = String::new();
    if value <= -0.5 {
        shown.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Three significant digits.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 99.95 || size == 0.0 => return thousands(value),
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ if size >= 0.0995 => 3,
        _ => 4,
    };
    let digits = format!("{size:.decimals$}");
    if value < 0.0 && digits.chars().any(|digit| ('1'..='9').contains(&digit)) {
        format!("−{digits}")
    } else {
        digits
    }
}

/// For ticks: no zeros after the point that say nothing; thousands and millions by letter where they are many.
pub(super) fn tick(value: f64) -> String {
    let (scaled, letter) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let shown = if scaled.abs() >= 1_000.0 { thousands(scaled) } else { format!("{:.4}", scaled) };
    let trimmed = if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
    format!("{}{letter}", trimmed.replace('-', "−"))
}

/// With a sign also where it is above zero, and none where nothing but zeros is shown.
pub(super) fn signed(value: f64, show: fn(f64) -> String) -> String {
    let shown = show(value.abs());
    match value {
        _ if !shown.chars().any(|digit| ('1'..='9').contains(&digit)) => shown,
        value if value < 0.0 => format!("−{shown}"),
        _ => format!("+{shown}"),
    }
}

/// Microseconds as milliseconds.
pub(super) fn ms(micros: f64) -> String {
    match micros.abs() {
        size if size >= 9_995.0 => format!("{} ms", number(micros / 1e3)),
        _ => format!("{} ms", format!("{:.2}", micros / 1e3).replace('-', "−")),
    }
}

/// Microseconds in the unit that suits their size.
pub(super) fn micros(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500.0 => format!("{} s", number(value / 1e6)),
        size if size >= 999.5 => format!("{} ms", number(value / 1e3)),
        _ => format!("{} µs", number(value)),
    }
}

/// How many times as much: two decimals while they matter.
pub(super) fn times(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        thousands(value)
    }
}

pub(super) fn seconds(value: f64) -> String {
    format!("{} s", number(value))
}

/// A ratio to one, as the change in percent.
pub(super) fn change(ratio: f64) -> String {
    let percent = 100.0 * (ratio - 1.0);
    let shown = format!("{:.2}", percent.abs());
    let sign = match percent {
        _ if shown == "0.00" => "",
        percent if percent < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{shown} %")
}

/// The emulator's latency in words.
pub(super) fn remote(raw: &str) -> String {
    let (latency, throttled) = match raw.strip_suffix("+throttle") {
        Some(latency) => (latency, ", throttled"),
        None => (raw, ""),
    };
    let shown = if latency.parse::<f64>().is_ok() {
        format!("{latency} ms")
    } else if let Some((median, sigma)) = latency.strip_prefix("lognormal:").and_then(|shape| shape.split_once(',')) {
        format!("log-normal, median {median} ms, σ {sigma}")
    } else {
        latency.to_owned()
    };
    format!("{shown}{throttled}")
}

/// The remote's latency where it is one number and nothing else happens.
pub(super) fn fixed_ms(raw: &str) -> Option<f64> {
    raw.parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms >= 0.0)
}

/// What the figures are called: only what is Watchtower is named so.
pub(super) fn mode(app: App, mode: Mode) -> &'static str {
    match (app, mode) {
        (App::Python, Mode::Sync) => "Watchtower sync",
        (App::Python, Mode::Queue) => "Watchtower queue",
        (App::Rust, Mode::Sync) => "Rust, sync",
        (App::Rust, Mode::Queue) => "Rust, queue",
        (_, other) => other.name(),
    }
}

/// What the figures of `queue` hold and what they do not, after a note; nothing where it was not run.
pub(super) fn queue_note(app: App, shown: bool) -> &'static str {
    match app {
        _ if !shown => "",
        App::Python => {
            " Watchtower's queue sends up to a minute later: its CPU and wall time hold little or nothing of that. In Celery, what it has not \
             sent when its process ends is lost, up to a minute's records each time (children leave by os._exit): each run \
             here ends its processes, so that its losses count ends of processes, not a rate."
        }
        App::Rust => " The queue sends up to a minute later: its CPU and wall time hold little or nothing of that.",
    }
}

pub(super) fn server(app: App) -> &'static str {
    match app {
        App::Rust => "Rust (axum)",
        App::Python => "Django",
    }
}

pub(super) fn worker(app: App) -> &'static str {
    match app {
        App::Rust => "Rust (threads)",
        App::Python => "Celery",
    }
}

pub(super) fn topology(topology: Topology) -> &'static str {
    match topology {
        Topology::Single => "single service",
        Topology::Chain => "chain of three",
        Topology::Tree => "one calling three",
    }
}

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Minimal => "minimal load",
        Phase::Half => "OK load, 50 %",
        Phase::Eighty => "OK load, 80 %",
        Phase::Ladder => "ladder",
    }
}

pub(super) fn drive(drive: Drive) -> String {
    match drive {
        Drive::Serial { requests } => format!("serial × {requests}"),
        Drive::Closed { threads } => format!("{threads} threads"),
        Drive::Open { rate, phase: which } => format!("{}, {}/s", phase(which), number(rate)),
    }
}

/// `GET` paths are named as the document does.
pub(super) fn operation(operation: Operation) -> &'static str {
    operation.name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_separators() {
        let shown = [0.0, 0.05, 0.5, 9.999, 12.34, 999.6, 1_234_567.0, -0.00001, -12.34].map(number);
        assert_eq!(shown, ["0", "0.0500", "0.500", "10.0", "12.3", "1,000", "1,234,567", "0.0000", "−12.3"]);
    }

    #[test]
    fn ticks_are_short() {
        let shown = [0.0, 0.001, 0.5, 20.0, 20_000.0, 400_000.0, 20e6].map(tick);
        assert_eq!(shown, ["0", "0.001", "0.5", "20", "20k", "400k", "20M"]);
    }

    #[test]
    fn durations_take_the_unit_that_suits() {
        assert_eq!([0.42, 850.0, 12_345.0, 47_200_000.0].map(micros), ["0.420 µs", "850 µs", "12.3 ms", "47.2 s"]);
        assert_eq!([50.0, 33_000.0, -40.0].map(ms), ["0.05 ms", "33.0 ms", "−0.04 ms"]);
    }

    #[test]
    fn signs_are_for_what_is_not_zero() {
        assert_eq!(
            [1_000.0, -1_000.0, -1.0, 1.0].map(|value| signed(value, ms)),
            ["+1.00 ms", "−1.00 ms", "0.00 ms", "0.00 ms"]
        );
    }

    #[test]
    fn changes_have_a_sign_unless_they_are_nothing() {
        assert_eq!([1.0123, 0.97, 0.999_999].map(change), ["+1.23 %", "−3.00 %", "0.00 %"]);
    }

    #[test]
    fn remotes_are_told_in_words() {
        assert_eq!(remote("10"), "10 ms");
        assert_eq!(remote("lognormal:20,0.8+throttle"), "log-normal, median 20 ms, σ 0.8, throttled");
        assert_eq!(remote("<b>"), "<b>");
        assert_eq!((fixed_ms("10"), fixed_ms("10+throttle"), fixed_ms("nan")), (Some(10.0), None, None));
    }
}
