//! What runs came to: the one thing that the terminal's tables, `compare` and the report read, kept as JSON.
//!
//! Quantities carry their unit in their name. A figure that could not be taken is absent, never zero. Fields may be added; a
//! file of another [`FORMAT`] is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod api;
mod common;
mod distribution;
mod pipeline;
mod task;

pub(crate) use api::{ApiRun, Drive, Operation, Part, Phase, Topology};
pub(crate) use common::{Account, App, Cpu, Latency, Memory, Mode, Point};
pub(crate) use pipeline::{Condition, LoadRun, RecoveryRun, SoakRun, SweepRun};
pub(crate) use task::{Shape, TaskRun};

/// The version of this file's shape.
pub(crate) const FORMAT: u32 = 1;

/// Everything that one command measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) format: u32,
    /// When it began, RFC 3339 in UTC.
    pub(crate) began: String,
    pub(crate) seconds: f64,
    /// False where it was interrupted: what there is, is here.
    pub(crate) complete: bool,
    /// The command, as it was given.
    pub(crate) command: String,
    /// Of everything that is drawn by chance.
    pub(crate) seed: u64,
    pub(crate) machine: Machine,
    /// Program or library to version.
    pub(crate) versions: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) api: Vec<ApiRun>,
    #[serde(default)]
    pub(crate) tasks: Vec<TaskRun>,
    #[serde(default)]
    pub(crate) load: Vec<LoadRun>,
    #[serde(default)]
    pub(crate) sweeps: Vec<SweepRun>,
    #[serde(default)]
    pub(crate) recoveries: Vec<RecoveryRun>,
    #[serde(default)]
    pub(crate) soaks: Vec<SoakRun>,
    /// What could not be run, and why.
    #[serde(default)]
    pub(crate) skipped: Vec<Skipped>,
}

/// Where it ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    pub(crate) model: String,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
}

/// A run that did not take place or does not count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) what: String,
    pub(crate) why: String,
}
