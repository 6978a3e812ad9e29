//! A status as text. Pure.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::admin::status::{Lane, Status};
use crate::command::human::{bytes, count, duration, rate};

/// Most lanes that are shown: those in trouble first, then those that hold the most.
const LANES: usize = 20;

/// Two samples of one sidecar, the second the newer.
pub(super) fn show(address: SocketAddr, before: &Status, now: &Status) -> String {
    let mut text =
        format!("splashdam {} at {address}: {} for {}\n\n", now.version, now.state, duration(now.uptime_seconds));
    let rows = [records(now), held(now), rates(before, now), calls(now), memory(now)];
    for (name, row) in rows.into_iter().chain(spool(now)).chain([clients(now)]) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<9}{row}");
    }
    reasons(&mut text, now);
    lanes(&mut text, now);
    text
}

fn records(now: &Status) -> (&'static str, String) {
    let account = &now.account;
    let recovered =
        if account.recovered > 0 { format!(", recovered {}", count(account.recovered)) } else { String::new() };
    let row = format!(
        "received {}{recovered}, delivered {}, rejected {}, dropped {}",
        count(account.received),
        count(account.delivered),
        count(account.rejected),
        count(account.dropped),
    );
    ("records", row)
}

fn held(now: &Status) -> (&'static str, String) {
    let account = &now.account;
    let oldest = now
        .lanes
        .iter()
        .filter_map(|lane| lane.oldest_seconds)
        .fold(None, |most: Option<f64>, age| Some(most.map_or(age, |most| most.max(age))));
    let oldest = oldest.map(|age| format!(", the oldest for {}", duration(age))).unwrap_or_default();
    ("held", format!("{} in memory, {} spooled{oldest}", count(account.in_memory), count(account.spooled)))
}

fn rates(before: &Status, now: &Status) -> (&'static str, String) {
    let seconds = now.uptime_seconds - before.uptime_seconds;
    if seconds <= 0.0 {
        return ("rates", "not known: the sidecar was restarted".to_owned());
    }
    let of = |value: fn(&Status) -> u64| rate(value(now).saturating_sub(value(before)) as f64 / seconds);
    let row = format!(
        "in {}, delivered {}, batches {}, retries {}",
        of(|status| status.account.received),
        of(|status| status.account.delivered),
        of(|status| status.attempts.batches),
        of(|status| status.attempts.retries),
    );
    ("rates", row)
}

fn calls(now: &Status) -> (&'static str, String) {
    let calls = &now.attempts;
    let row = format!(
        "{} in flight, {} batches so far, {} retries, {} throttled, {} failed; at most {}",
        calls.in_flight,
        count(calls.batches),
        count(calls.retries),
        count(calls.throttles),
        count(calls.failures),
        rate(calls.put_rate),
    );
    ("calls", row)
}

fn memory(now: &Status) -> (&'static str, String) {
    let memory = &now.memory;
    let used = memory.chunks + memory.bodies + memory.partial + memory.recalled;
    let row = format!(
        "{} of {}: records {}, bodies {}, partial {}",
        bytes(used),
        bytes(memory.budget),
        bytes(memory.chunks + memory.recalled),
        bytes(memory.bodies),
        bytes(memory.partial),
    );
    ("memory", row)
}

fn spool(now: &Status) -> Option<(&'static str, String)> {
    let spool = now.spool.as_ref()?;
    let mut row = format!("{} of {}", bytes(spool.bytes), bytes(spool.max));
    for (number, what) in [
        (spool.lanes_in_trouble, "lanes in memory only, as the disk refuses"),
        (spool.quarantined, "damaged segments set aside"),
        (spool.dead_letters, "dead letters"),
        (spool.dead_letters_lost, "dead letters not written"),
    ] {
        if number > 0 {
            let _ = write!(row, "; {} {what}", count(number));
        }
    }
    Some(("spool", row))
}

fn clients(now: &Status) -> (&'static str, String) {
    let connections = &now.connections;
    let mut row = format!("{} text, {} framed", connections.text, connections.framed);
    for (number, why) in [(connections.turned_away, "--max-connections"), (connections.refused_users, "--allow-uids")] {
        if number > 0 {
            let _ = write!(row, "; {} refused by {why}", count(number));
        }
    }
    ("clients", row)
}

fn reasons(text: &mut String, now: &Status) {
    let account = &now.account;
    let lost = [("by clients".to_owned(), account.lost_by_clients)].into_iter().filter(|(_, records)| *records > 0);
    let of = |what: &'static str, reasons: &std::collections::BTreeMap<String, u64>| -> Vec<(String, u64)> {
        reasons.iter().map(|(reason, records)| (format!("{what} ({reason})"), *records)).collect()
    };
    let all: Vec<String> = of("rejected", &account.rejected_by_reason)
        .into_iter()
        .chain(of("dropped", &account.dropped_by_reason))
        .chain(lost)
        .map(|(reason, records)| format!("{} {reason}", count(records)))
        .collect();
    if !all.is_empty() {
        let _ = writeln!(text, "{:<9}{}", "lost", all.join(", "));
    }
    if account.possible_duplicates > 0 {
        let duplicates = count(account.possible_duplicates);
        let _ = writeln!(text, "{:<9}{duplicates} sent again after an outcome that nobody knows", "perhaps");
    }
}

fn lanes(text: &mut String, now: &Status) {
    if now.lanes.is_empty() {
        text.push_str("\nno lanes yet: no client has sent a record\n");
        return;
    }
    let mut lanes: Vec<&Lane> = now.lanes.iter().collect();
    let held = |lane: &Lane| lane.in_memory + lane.spooled;
    let well = |lane: &Lane| lane.trouble.is_none() && lane.spool_trouble.is_none();
    lanes.sort_by_key(|lane| (well(lane), std::cmp::Reverse(held(lane))));
    let shown = &lanes[..lanes.len().min(LANES)];
    let head = ["lane", "state", "delivered", "held", "oldest", "clients", "in flight"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(shown.iter().map(|lane| row(lane))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    text.push('\n');
    for (index, row) in rows.iter().enumerate() {
        let _ = write!(text, "{:<2$}  {:<3$}", row[0], row[1], widths[0], widths[1]);
        for (cell, width) in row.iter().zip(widths).skip(2) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
        let Some(lane) = index.checked_sub(1).map(|index| shown[index]) else { continue };
        for (what, trouble) in [("trouble", &lane.trouble), ("disk", &lane.spool_trouble)] {
            if let Some(trouble) = trouble {
                let _ = writeln!(text, "  {what}: {trouble}");
            }
        }
    }
    if lanes.len() > LANES {
        let _ = writeln!(text, "and {} more, in /status", lanes.len() - LANES);
    }
}

fn row(lane: &Lane) -> [String; 7] {
    [
        format!("{}:{}", lane.group, lane.stream),
        lane.state.clone(),
        count(lane.delivered),
        count(lane.in_memory + lane.spooled),
        lane.oldest_seconds.map_or_else(|| "-".to_owned(), duration),
        count(lane.connections),
        format!("{} of {}", lane.in_flight, lane.in_flight_limit),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(stream: &str, in_memory: u64, trouble: Option<&str>) -> Lane {
        Lane {
            group: "app".to_owned(),
            stream: stream.to_owned(),
            state: "delivering".to_owned(),
            trouble: trouble.map(str::to_owned),
            delivered: 1_000,
            in_memory,
            ..Lane::default()
        }
    }

    fn status(uptime_seconds: f64, received: u64) -> Status {
        let mut status = Status { version: "1.2.3".to_owned(), uptime_seconds, ..Status::default() };
        status.account.received = received;
        status
    }

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9787))
    }

    #[test]
    fn rates_come_from_two_samples() {
        let text = show(address(), &status(10.0, 100), &status(12.0, 2_100));
        assert!(text.contains("in 1,000/s"), "{text}");
        assert!(text.contains("no lanes yet"), "{text}");
        assert!(!text.contains("lost "), "{text}");
        let restarted = show(address(), &status(10.0, 100), &status(1.0, 5));
        assert!(restarted.contains("restarted"), "{restarted}");
    }

    #[test]
    fn lanes_in_trouble_come_first_and_columns_align() {
        let mut now = status(2.0, 0);
        now.lanes = vec![lane("a", 5, None), lane("much", 1_000_000, None), lane("b", 0, Some("AccessDenied"))];
        now.account.dropped_by_reason.insert("overflow".to_owned(), 7);
        let text = show(address(), &status(1.0, 0), &now);
        let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("lane ")).collect();
        assert!(lines[1].starts_with("app:b ") && lines[2] == "  trouble: AccessDenied", "{text}");
        assert!(lines[3].starts_with("app:much ") && lines[4].starts_with("app:a "), "{text}");
        let ends = [0, 1, 3, 4].map(|line| lines[line].chars().count());
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
        assert!(text.contains("lost     7 dropped (overflow)"), "{text}");
    }

    #[test]
    fn many_lanes_are_cut_short() {
        let mut now = status(2.0, 0);
        now.lanes = (0..LANES + 3).map(|index| lane(&index.to_string(), 0, None)).collect();
        assert!(show(address(), &status(1.0, 0), &now).ends_with("and 3 more, in /status\n"));
    }
}
