//! Runs of the pipeline alone: offered lines, sweeps, recovery, soak.

use serde::{Deserialize, Serialize};

use super::{Account, Cpu, Latency, Point};

/// What happens to the remote during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Healthy,
    /// Away in the middle, and back while clients push on.
    Outage,
}

/// One row of the load record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoadRun {
    /// RFC 3339 in UTC.
    pub(crate) at: String,
    /// `splashdam`, or what the user calls the shipper in its place.
    pub(crate) shipper: String,
    pub(crate) version: String,
    pub(crate) spool: bool,
    pub(crate) condition: Condition,
    pub(crate) remote: String,
    pub(crate) record_bytes: u64,
    pub(crate) offered_per_minute: u64,
    /// From the first line written to the last accepted.
    pub(crate) seconds: f64,
    /// Of the outage, where there was one.
    pub(crate) outage_seconds: Option<f64>,
    /// From the outage's end until no more than a second's lines waited.
    pub(crate) caught_up_seconds: Option<f64>,
    /// Lines offered, whether they could be written or not; and written ones.
    pub(crate) offered: u64,
    pub(crate) written: u64,
    pub(crate) account: Account,
    pub(crate) success_percent: f64,
    /// Lines a second, from the first written to the last accepted.
    pub(crate) delivered_per_second: f64,
    /// Of one CPU.
    pub(crate) cpu_percent: f64,
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) cpu: Cpu,
    pub(crate) peak_mib: f64,
    /// What `--memory` said, and the kernel's limit; absent where there was none.
    pub(crate) budget_mib: Option<f64>,
    pub(crate) limit_mib: Option<f64>,
    /// Times that the kernel killed the process at its limit.
    pub(crate) oom_kills: u64,
    /// Times that memory was at the limit and the kernel took some back, if only of the page cache.
    #[serde(default)]
    pub(crate) limit_reached: Option<u64>,
    pub(crate) spool_mib_per_second: Option<f64>,
    pub(crate) spool_gib_per_day: Option<f64>,
    /// By the loopback's far end and the socket's near end: bytes of bodies sent, and of lines written.
    pub(crate) sent_mib_per_second: f64,
    pub(crate) received_mib_per_second: f64,
    /// What the spool's block device did, for whomever.
    pub(crate) disk_write_mib_per_second: Option<f64>,
    pub(crate) disk_read_mib_per_second: Option<f64>,
    pub(crate) disk_operations_per_second: Option<f64>,
    /// By the kernel's account of the shipper's processes: file pages made dirty less those that were gone before they were
    /// written, and bytes that had to be read from a device.
    #[serde(default)]
    pub(crate) own_write_mib_per_second: Option<f64>,
    #[serde(default)]
    pub(crate) own_read_mib_per_second: Option<f64>,
    /// Due to be written → accepted.
    pub(crate) end_to_end: Latency,
    /// Calls that failed, of all.
    pub(crate) call_error_percent: f64,
    pub(crate) loss_percent: f64,
    /// Resident MiB over time.
    pub(crate) memory: Vec<Point>,
    /// Lines waiting (received and not ended) over time.
    pub(crate) backlog: Vec<Point>,
    /// Lines due and not accepted by the endpoint over time, wherever they wait.
    #[serde(default)]
    pub(crate) behind: Vec<Point>,
    #[serde(default)]
    pub(crate) comment: String,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}

/// One value of one parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SweepRun {
    pub(crate) round: u32,
    /// `record-bytes`, `batch-events`, `connections`, `writers`, `hosts`, `linger-ms`.
    pub(crate) parameter: String,
    pub(crate) value: f64,
    pub(crate) records: u64,
    pub(crate) record_bytes: u64,
    pub(crate) per_second: f64,
    pub(crate) mib_per_second: f64,
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) peak_mib: f64,
    pub(crate) batches: u64,
    /// Of `writers`: from a writer's first byte until it knew that all its records had ended.
    pub(crate) end_to_end: Option<Latency>,
    pub(crate) account: Account,
    /// Flags of the sidecar that are not its defaults, and how it was fed.
    #[serde(default)]
    pub(crate) note: String,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}

/// A start after a crash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecoveryRun {
    pub(crate) round: u32,
    pub(crate) spool_gib: f64,
    pub(crate) records: u64,
    /// What `--memory` said.
    #[serde(default)]
    pub(crate) budget_mib: Option<f64>,
    /// From the start of the process.
    pub(crate) first_record_seconds: f64,
    pub(crate) first_send_seconds: f64,
    pub(crate) all_delivered_seconds: f64,
    pub(crate) peak_until_first_send_mib: f64,
    pub(crate) peak_mib: f64,
    pub(crate) account: Account,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}

/// A long steady run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SoakRun {
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    /// What was asked for.
    #[serde(default)]
    pub(crate) offered_per_second: f64,
    #[serde(default)]
    pub(crate) spool: bool,
    pub(crate) memory: Vec<Point>,
    /// Of resident memory, after the first tenth; with its 95 % interval. All zero where too little was sampled: see the verdict.
    pub(crate) slope_mib_per_hour: f64,
    pub(crate) slope_low: f64,
    pub(crate) slope_high: f64,
    /// What the slope says: a leak, none, or that the run cannot tell.
    #[serde(default)]
    pub(crate) verdict: String,
    pub(crate) scrapes: u64,
    /// Scrapes refused, or answered later than their bound.
    pub(crate) scrapes_failed: u64,
    pub(crate) slowest_scrape_ms: f64,
    pub(crate) scrape_bound_ms: f64,
    pub(crate) end_to_end: Latency,
    pub(crate) account: Account,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}
