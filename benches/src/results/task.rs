//! Runs of the task workload.

use serde::{Deserialize, Serialize};

use super::{Account, App, Cpu, Latency, Memory, Mode};

/// What one request fans out into.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) tasks: u64,
    /// Of all tasks together.
    pub(crate) records: u64,
    /// Of a record's text.
    pub(crate) bytes: u64,
    /// What a task does beside logging, as a wait.
    pub(crate) task_ms: f64,
    pub(crate) workers: u32,
}

/// One run: some requests, one after the other, each awaited to its last task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskRun {
    pub(crate) round: u32,
    pub(crate) app: App,
    pub(crate) mode: Mode,
    /// What the user calls it; in mode `shipper` alone.
    #[serde(default)]
    pub(crate) shipper: Option<String>,
    /// As in [`super::ApiRun`].
    pub(crate) remote: String,
    pub(crate) shape: Shape,
    /// Wall time of each request, from its sending to its last task's end.
    pub(crate) request_seconds: Vec<f64>,
    /// Of single tasks.
    pub(crate) task: Latency,
    pub(crate) account: Account,
    /// Of the measured requests alone.
    pub(crate) cpu: Cpu,
    pub(crate) memory: Memory,
    /// What happened that the figures do not show.
    #[serde(default)]
    pub(crate) comment: String,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}
