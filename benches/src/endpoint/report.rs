//! What of the emulator's report is used here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::results::Latency;

/// Worker threads of the emulator: what its idle share is a share of.
const WORKERS: f64 = 2.0;

/// Of everything since its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) calls: BTreeMap<String, Calls>,
    pub(crate) batches: Batches,
    pub(crate) accepts: Accepts,
    pub(crate) freshness_micros: Freshness,
    /// Of all requests, as they came.
    #[serde(default)]
    pub(crate) body_bytes: u64,
    #[serde(default)]
    pub(crate) events: Events,
    pub(crate) marks: Marks,
    pub(crate) cpu: Cpu,
    #[serde(default)]
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) violations: Violations,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) total: u64,
    pub(crate) answered: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Batches {
    pub(crate) accepted: u64,
    pub(crate) bytes: u64,
    pub(crate) mean_fill_events_percent: f64,
    pub(crate) mean_fill_bytes_percent: f64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Events {
    /// Older than CloudWatch takes them.
    pub(crate) rejected_too_old: u64,
    /// Taken by calls that got no good answer.
    #[serde(default)]
    pub(crate) unconfirmed: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Accepts {
    pub(crate) first_seconds: Option<f64>,
    pub(crate) last_seconds: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Freshness {
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p95: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    /// No later than this, and how many; ascending, within 1.6 %.
    #[serde(default)]
    pub(crate) buckets: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    pub(crate) first_missing: Vec<u64>,
    pub(crate) out_of_range: u64,
    pub(crate) unmarked: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cpu {
    user_seconds: f64,
    system_seconds: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Violations {
    pub(crate) total: u64,
    pub(crate) list: Vec<serde_json::Value>,
}

impl Freshness {
    /// As a distribution. The endpoint notes the time when a batch takes effect, before it holds its answer back; `remote` is
    /// added whole, since a real remote has a part of it before that moment: later than it ever was.
    pub(crate) fn latency(&self, remote: Duration) -> Latency {
        let added = u64::try_from(remote.as_micros()).unwrap_or(u64::MAX);
        let later = |(micros, count): &(u64, u64)| (micros.saturating_add(added), *count);
        Latency::of_buckets(self.buckets.iter().map(later).collect())
    }
}

impl Report {
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.cpu.user_seconds + self.cpu.system_seconds
    }

    /// How much of the time its threads had nothing to do.
    pub(crate) fn idle_share(&self, seconds: f64) -> f64 {
        (1.0 - self.cpu_seconds() / (seconds * WORKERS).max(f64::MIN_POSITIVE)).max(0.0)
    }
}
