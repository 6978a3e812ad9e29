//! What the endpoint says about a run; the JSON of `GET /_emulator/report`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::faults::FaultKind;

/// Everything that was counted since the start or the last reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `strict` or `counting`.
    pub mode: String,
    /// Seconds since the start or the last reset.
    pub seconds: f64,
    /// Calls by operation.
    pub calls: BTreeMap<String, Calls>,
    /// The most calls that were open at once.
    pub in_flight_max: u64,
    /// Events by what became of them.
    pub events: Events,
    /// Accepted batches.
    pub batches: Batches,
    /// Bytes of request bodies as they came, compressed or not.
    pub body_bytes: u64,
    /// When batches were accepted.
    pub accepts: Accepts,
    /// Time from emit to acceptance in microseconds, of records that carry a time.
    pub freshness_micros: Freshness,
    /// Numbers found in records.
    pub marks: MarkCounts,
    /// CPU time of this process since the start or the last reset.
    pub cpu: Cpu,
    /// What is kept for reading back.
    pub store: Kept,
    /// Hits of scripted faults by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// Calls refused because a quota was used up.
    pub quota_throttles: u64,
    /// Broken limits: what a correct client never does.
    pub violations: Violations,
}

/// Calls of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// All of them.
    pub total: u64,
    /// Answered with a 200.
    pub answered: u64,
    /// Answered with an error.
    pub refused: u64,
    /// Not answered, or not wholly, by a scripted fault.
    pub dropped: u64,
    /// The client left first.
    pub abandoned: u64,
}

/// Events of accepted batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Taken.
    pub accepted: u64,
    /// More than two hours ahead.
    pub rejected_too_new: u64,
    /// More than fourteen days old.
    pub rejected_too_old: u64,
    /// Older than the group's retention, and not counted as too old.
    pub rejected_expired: u64,
    /// Of those taken, the ones whose call got no good answer: a client can only send them again.
    #[serde(default)]
    pub unconfirmed: u64,
}

/// Accepted batches and how full they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// How many.
    pub accepted: u64,
    /// Their size as AWS counts it.
    pub bytes: u64,
    /// Events in one.
    pub mean_events: f64,
    /// Of 10,000 events.
    pub mean_fill_events_percent: f64,
    /// Of 1,048,576 bytes.
    pub mean_fill_bytes_percent: f64,
}

/// When batches were accepted, by the endpoint's monotonic clock, in seconds from its start or reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Accepts {
    /// The first.
    pub first_seconds: Option<f64>,
    /// The last.
    pub last_seconds: Option<f64>,
    /// From the first to the last.
    pub span_seconds: f64,
}

/// Quantiles, right within 1.6 %.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// Records that carried a time.
    pub count: u64,
    /// Half are no later.
    pub p50: u64,
    /// 95 % are no later.
    pub p95: u64,
    /// 99 % are no later.
    pub p99: u64,
    /// None is later.
    pub max: u64,
    /// All of them: no later than this, and how many fell between that and the one before.
    #[serde(default)]
    pub buckets: Vec<(u64, u64)>,
}

/// Numbers found in accepted records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkCounts {
    /// Different numbers.
    pub unique: u64,
    /// Arrivals of a number that had arrived before.
    pub doubled: u64,
    /// How many different numbers there should be.
    pub expected: Option<u64>,
    /// `expected` less `unique`.
    pub missing: Option<u64>,
    /// The lowest numbers below `highest` that did not arrive.
    pub first_missing: Vec<u64>,
    /// Numbers too high for the bitmap.
    pub out_of_range: u64,
    /// Records without a number.
    pub unmarked: u64,
    /// The highest number in range.
    pub highest: Option<u64>,
}

/// CPU time, to the kernel's hundredth of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// In user space.
    pub user_seconds: f64,
    /// In the kernel.
    pub system_seconds: f64,
}

/// What the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Events that can be read back.
    pub events: u64,
    /// What they cost.
    pub bytes: u64,
    /// Events that were pushed out by newer ones.
    pub pushed_out: u64,
}

/// Broken limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violations {
    /// All of them.
    pub total: u64,
    /// The first hundred.
    pub list: Vec<Violation>,
}

/// A broken limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The operation that was called.
    pub operation: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's text.
    pub message: String,
}
