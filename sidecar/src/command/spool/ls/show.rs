//! A spool as text. Pure.

use std::fmt::Write as _;
use std::path::Path;

use super::age;
use crate::command::human::{bytes, count, duration, table};
use crate::spool::inspect::{Condition, Lane, Pile, Segment, Spool, State, Usage};

pub(super) fn show(dir: &Path, spool: &Spool, segments: bool, now_ms: i64) -> String {
    let usage = match spool.usage {
        Usage::InUse => "in use by a sidecar",
        Usage::Free => "not in use",
        Usage::Unknown => "perhaps in use: its lock cannot be looked at",
    };
    let mut text = format!("spool {}: {usage}\n\n", dir.display());
    if spool.lanes.is_empty() {
        text.push_str("no lanes: nothing waits for delivery\n");
    } else {
        lanes(&mut text, spool, segments, now_ms);
    }
    others(&mut text, spool);
    text
}

fn lanes(text: &mut String, spool: &Spool, segments: bool, now_ms: i64) {
    let lanes = &spool.lanes;
    let head = ["lane", "state", "records", "bytes", "segments", "oldest"].map(str::to_owned);
    let rows = lanes.iter().map(|lane| row(lane, now_ms));
    let sum = (lanes.len() > 1).then(|| total(spool, now_ms));
    let rows: Vec<_> = std::iter::once(head).chain(rows).chain(sum).collect();
    let lines = table(&rows, 2);
    for (index, line) in lines.lines().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
        let lane = index.checked_sub(1).and_then(|index| lanes.get(index));
        if let Some(why) = lane.and_then(|lane| lane.refused.as_ref()) {
            let _ = writeln!(text, "  its folder cannot be read: {why}");
        }
        for segment in lane.iter().flat_map(|lane| &lane.segments).filter(|_| segments) {
            let _ = writeln!(text, "  {}", describe(segment, spool.usage, now_ms));
        }
    }
}

fn row(lane: &Lane, now_ms: i64) -> [String; 6] {
    [
        lane.place.label(),
        state(lane.state).to_owned(),
        count(lane.records),
        bytes(lane.bytes),
        count(lane.segments.len() as u64),
        oldest(lane.oldest_ms, now_ms),
    ]
}

fn total(spool: &Spool, now_ms: i64) -> [String; 6] {
    [
        format!("{} lanes", count(spool.lanes.len() as u64)),
        String::new(),
        count(spool.sum(|lane| lane.records)),
        bytes(spool.sum(|lane| lane.bytes)),
        count(spool.sum(|lane| lane.segments.len() as u64)),
        oldest(spool.lanes.iter().filter_map(|lane| lane.oldest_ms).min(), now_ms),
    ]
}

fn state(state: State) -> &'static str {
    match state {
        State::Empty => "empty",
        State::Waiting => "waiting",
        State::Damaged => "damaged",
        State::Newer => "newer",
    }
}

fn oldest(then_ms: Option<i64>, now_ms: i64) -> String {
    then_ms.map_or_else(|| "-".to_owned(), |then_ms| duration(age(now_ms, then_ms)))
}

fn describe(segment: &Segment, usage: Usage, now_ms: i64) -> String {
    let born = segment.created_ms.map(|then_ms| format!(", begun {} ago", duration(age(now_ms, then_ms))));
    let condition = match &segment.condition {
        Condition::Good => "good".to_owned(),
        Condition::Torn if usage == Usage::InUse => "being written".to_owned(),
        Condition::Torn => "its last write is torn".to_owned(),
        Condition::Damaged(0) => "damaged, no record is lost".to_owned(),
        Condition::Damaged(lost) => format!("damaged, {} lost", records(*lost)),
        Condition::Unreadable(_, why) => format!("cannot be read: {why}"),
    };
    format!(
        "{}: offsets {} to {}, {} left, {}{}: {condition}",
        segment.name,
        segment.name.base,
        segment.end,
        records(segment.records),
        bytes(segment.bytes),
        born.unwrap_or_default(),
    )
}

fn records(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "record" } else { "records" })
}

/// What else there is; nothing is said of what is not there.
fn others(text: &mut String, spool: &Spool) {
    let lost = spool.sum(|lane| lane.lost);
    let mut lines = Vec::new();
    if lost > 0 {
        lines.push(("lost", format!("{} cannot be read", records(lost))));
    }
    let piles = [
        ("quarantine", spool.quarantine, "with damage, kept for people to look at"),
        ("refused", spool.dead_letters, "of dead letters, what CloudWatch refused"),
        ("spare", spool.spare, "to be used again"),
    ];
    lines.extend(
        piles.into_iter().filter(|(_, pile, _)| pile.files > 0).map(|(name, pile, what)| (name, files(pile, what))),
    );
    lines.extend(spool.newer.iter().map(|folder| ("set aside", format!("{folder}: a newer splashdam wrote it"))));
    if !lines.is_empty() {
        text.push('\n');
    }
    for (name, line) in lines {
        let _ = writeln!(text, "{name:<12}{line}");
    }
}

fn files(pile: Pile, what: &str) -> String {
    let noun = if pile.files == 1 { "file" } else { "files" };
    format!("{} {noun} ({}) {what}", count(pile.files), bytes(pile.bytes))
}
