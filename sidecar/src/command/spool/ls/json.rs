//! A spool as JSON, for scripts: names stay as they are.

use std::path::Path;

use serde::Serialize;

use super::age;
use crate::spool::inspect::{self, Condition, Pile, State, Usage};

#[derive(Serialize)]
struct Spool<'a> {
    dir: String,
    /// `null`: the lock may not be looked at.
    in_use: Option<bool>,
    lanes: Vec<Lane>,
    total: Total,
    quarantine: Pile,
    dead_letters: Pile,
    spare: Pile,
    set_aside: &'a [String],
}

#[derive(Serialize)]
struct Lane {
    group: Option<String>,
    stream: Option<String>,
    folder: String,
    state: State,
    records: u64,
    lost: u64,
    bytes: u64,
    oldest_seconds: Option<f64>,
    watermark: u64,
    /// `null`: there is no cursor that can be read.
    clean: Option<bool>,
    channels: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    segments: Vec<Segment>,
}

#[derive(Serialize)]
struct Segment {
    file: String,
    base: u64,
    end: u64,
    entries: u64,
    records: u64,
    bytes: u64,
    age_seconds: Option<f64>,
    condition: &'static str,
    lost: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Total {
    lanes: usize,
    records: u64,
    lost: u64,
    bytes: u64,
    segments: usize,
}

pub(super) fn show(dir: &Path, spool: &inspect::Spool, now_ms: i64) -> String {
    let shown = Spool {
        dir: dir.display().to_string(),
        in_use: match spool.usage {
            Usage::InUse => Some(true),
            Usage::Free => Some(false),
            Usage::Unknown => None,
        },
        lanes: spool.lanes.iter().map(|shown| lane(shown, now_ms)).collect(),
        total: total(spool),
        quarantine: spool.quarantine,
        dead_letters: spool.dead_letters,
        spare: spool.spare,
        set_aside: &spool.newer,
    };
    // Numbers and strings alone: that cannot fail.
    let mut text = serde_json::to_string_pretty(&shown).unwrap_or_default();
    text.push('\n');
    text
}

fn total(spool: &inspect::Spool) -> Total {
    Total {
        lanes: spool.lanes.len(),
        records: spool.sum(|lane| lane.records),
        lost: spool.sum(|lane| lane.lost),
        bytes: spool.sum(|lane| lane.bytes),
        segments: spool.lanes.iter().map(|lane| lane.segments.len()).sum(),
    }
}

fn lane(lane: &inspect::Lane, now_ms: i64) -> Lane {
    let destination = lane.place.destination.as_ref().ok();
    Lane {
        group: destination.map(|destination| destination.group().to_string()),
        stream: destination.map(|destination| destination.stream().to_string()),
        folder: lane.place.folder(),
        state: lane.state,
        records: lane.records,
        lost: lane.lost,
        bytes: lane.bytes,
        oldest_seconds: lane.oldest_ms.map(|then_ms| age(now_ms, then_ms)),
        watermark: lane.ended.watermark,
        clean: lane.clean,
        channels: lane.channels,
        error: lane.refused.clone(),
        segments: lane.segments.iter().map(|shown| segment(shown, now_ms)).collect(),
    }
}

fn segment(segment: &inspect::Segment, now_ms: i64) -> Segment {
    let (condition, lost, error) = match &segment.condition {
        Condition::Good => ("good", 0, None),
        Condition::Torn => ("torn", 0, None),
        Condition::Damaged(lost) => ("damaged", *lost, None),
        Condition::Unreadable(lost, why) => ("unreadable", *lost, Some(why.clone())),
    };
    Segment {
        file: segment.name.to_string(),
        base: segment.name.base,
        end: segment.end,
        entries: segment.entries,
        records: segment.records,
        bytes: segment.bytes,
        age_seconds: segment.created_ms.map(|then_ms| age(now_ms, then_ms)),
        condition,
        lost,
        error,
    }
}
