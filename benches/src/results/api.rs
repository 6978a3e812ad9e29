//! Runs of the API workload.

use serde::{Deserialize, Serialize};

use super::{Account, App, Cpu, Latency, Memory, Mode};

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// No database, no records.
    Noop,
    /// One query, three records.
    Sysconfig,
    /// Five queries, four records.
    ConcurrentKnown,
    /// Four queries, four records, one of them a warning.
    ConcurrentUnknown,
}

/// Which services a request goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topology {
    Single,
    /// One calls the next, three in all.
    Chain,
    /// One calls three at once.
    Tree,
}

/// The part of the load curve that an open-loop run stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Minimal,
    /// Half of the null handler's maximum.
    Half,
    /// Four fifths of it.
    Eighty,
    /// A rung of the ladder towards the maximum.
    Ladder,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    #[default]
    Serial,
    Threads,
    Ladder,
    /// null and splashdam in turn, many rounds.
    Pairs,
    /// To find the rates for others: in no figure.
    Calibration,
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Drive {
    /// One after the other, so many.
    Serial { requests: u64 },
    /// So many threads, each with a request under way always.
    Closed { threads: u32 },
    /// At a constant rate, whatever the server does; latency counts from when a request was due.
    Open { rate: f64, phase: Phase },
}

/// One run of the API workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApiRun {
    /// What it was run for; only runs of one part are compared round by round.
    #[serde(default)]
    pub(crate) part: Part,
    pub(crate) round: u32,
    pub(crate) app: App,
    pub(crate) mode: Mode,
    /// The emulator's latency in its own words (`10`, `lognormal:20,0.8`), `+throttle` where calls are throttled, too.
    pub(crate) remote: String,
    pub(crate) operation: Operation,
    pub(crate) topology: Topology,
    /// How far away the database is: added to each query.
    pub(crate) query_ms: f64,
    pub(crate) drive: Drive,
    /// Of the measurement, without the warm-up.
    pub(crate) seconds: f64,
    /// Sent within the measurement and answered well, sooner or later.
    pub(crate) requests: u64,
    /// Answers within the measurement, a second: the throughput.
    #[serde(default)]
    pub(crate) per_second: f64,
    /// Not answered, or not well.
    pub(crate) errors: u64,
    /// Of requests answered well; serial and closed: from sending, open: from the due time.
    pub(crate) latency: Latency,
    pub(crate) account: Account,
    /// Of the measurement alone.
    pub(crate) cpu: Cpu,
    /// Peaks since the rig began, which may have had other runs before.
    pub(crate) memory: Memory,
    /// Why the load generator itself may be part of what was measured.
    #[serde(default)]
    pub(crate) remarks: Vec<String>,
    /// Why it does not count, if it does not.
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}

impl Operation {
    /// Records that one request logs, in one service.
    pub(crate) fn records(self) -> u64 {
        match self {
            Self::Noop => 0,
            Self::Sysconfig => 3,
            Self::ConcurrentKnown | Self::ConcurrentUnknown => 4,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Sysconfig => "sysconfig",
            Self::ConcurrentKnown => "concurrent, known",
            Self::ConcurrentUnknown => "concurrent, unknown",
        }
    }

    /// What the seed measured with synchronous Watchtower and without, in ms (cloudigrade, April 2022, stage environment).
    pub(crate) fn seed_ms(self) -> Option<(f64, f64)> {
        match self {
            Self::Noop => None,
            Self::Sysconfig => Some((13.1, 12.2)),
            Self::ConcurrentKnown => Some((70.8, 62.9)),
            Self::ConcurrentUnknown => Some((56.7, 48.8)),
        }
    }
}

impl Topology {
    /// Services that a request reaches.
    pub(crate) fn services(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Chain => 3,
            Self::Tree => 4,
        }
    }
}
