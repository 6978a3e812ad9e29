//! What all kinds of runs share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the records of a run go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing is logged.
    None,
    /// Records are formatted and thrown away.
    Null,
    /// Lines to a pipe that is read.
    Stdout,
    /// Client, socket, sidecar, remote.
    Splashdam,
    /// One PutLogEvents for each record, under one lock.
    Sync,
    /// An unbounded queue in the process, and a thread that sends batches.
    Queue,
    /// Lines to the socket of a shipper that somebody put in the sidecar's place; only where that was asked for.
    Shipper,
}

/// Which app runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum App {
    /// axum, or threads as workers; `sync` and `queue` are written for this comparison, with the AWS SDK.
    Rust,
    /// Django under gunicorn, or Celery; `sync` and `queue` are Watchtower.
    Python,
}

impl Mode {
    /// Those that are always measured.
    pub(crate) const ALL: [Self; 6] = [Self::None, Self::Null, Self::Stdout, Self::Splashdam, Self::Sync, Self::Queue];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Null => "null",
            Self::Stdout => "stdout",
            Self::Splashdam => "splashdam",
            Self::Sync => "sync",
            Self::Queue => "queue",
            Self::Shipper => "shipper",
        }
    }

    /// Whether its records are to arrive at the remote.
    pub(crate) fn ships(self) -> bool {
        matches!(self, Self::Splashdam | Self::Sync | Self::Queue | Self::Shipper)
    }
}

impl App {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How records fared, by the app's and the endpoint's own counts. Zero throughout for modes that ship nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Records that the app logged, warm-up included.
    pub(crate) emitted: u64,
    /// Different ones that the endpoint accepted.
    pub(crate) delivered: u64,
    /// Acceptances beyond the first of a record.
    pub(crate) doubled: u64,
    /// Emitted and never accepted.
    pub(crate) lost: u64,
}

/// CPU time of a run, user and system, in seconds; and how busy other work kept the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cpu {
    /// All processes of the app.
    pub(crate) app_seconds: f64,
    /// The sidecar, or the shipper in its place; none for modes without one.
    pub(crate) sidecar_seconds: Option<f64>,
    /// The endpoint.
    pub(crate) endpoint_seconds: Option<f64>,
    /// What produces the load.
    pub(crate) driver_seconds: Option<f64>,
    /// CPUs kept busy by processes that have no part in the run.
    pub(crate) others_cpus: f64,
}

/// Peak resident memory, in MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Summed over the app's processes.
    pub(crate) app_mib: Option<f64>,
    pub(crate) sidecar_mib: Option<f64>,
}

/// A distribution of durations in microseconds: its percentiles, and its buckets for plots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) min: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p95: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
    /// Greatest value of a bucket and how many fell into it; ascending, three significant digits, none empty.
    pub(crate) buckets: Vec<(u64, u64)>,
}

/// A value at a moment, for plots over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Since the run began.
    pub(crate) seconds: f64,
    pub(crate) value: f64,
}
