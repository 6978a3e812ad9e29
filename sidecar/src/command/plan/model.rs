//! What a plan is made from and what it says: plain values, named with their units. Computes nothing.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::coefficients::Coefficients;
use super::prices::Prices;

/// How records come from the apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// Lines of text, each written by itself: the dearest way that was measured.
    Text,
    /// The Rust client, whose writes carry more records the more there are.
    Framed,
}

/// What grows from month to month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Growing {
    /// Each pod's records.
    Records,
    /// The number of pods.
    Pods,
}

/// What to plan for. The command line keeps every value within sense.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Input {
    /// Records a second of one pod.
    pub records_per_second: f64,
    /// Bytes of a record's text.
    pub bytes: u64,
    /// Growth a month: 0.15 is 15 %.
    pub growth_per_month: f64,
    /// Of what.
    pub growing: Growing,
    /// Outage to ride out.
    #[serde(rename = "outage_seconds", serialize_with = "seconds")]
    pub outage: Duration,
    /// Pods of the fleet, each with a sidecar.
    pub pods: u64,
    /// The sidecars' `--linger`.
    #[serde(rename = "linger_seconds", serialize_with = "seconds")]
    pub linger: Duration,
    /// Streams that one sidecar writes to.
    pub destinations: u64,
    /// How records come.
    pub intake: Intake,
    /// Days that the log group keeps records.
    pub retention_days: u64,
    /// PutLogEvents calls a second that the account may make.
    pub put_quota: f64,
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What was asked for.
    pub input: Input,
    /// The months, from now to twelve months ahead.
    pub months: Vec<Month>,
    /// What will not do, and when.
    pub warnings: Vec<Warning>,
    /// What was measured.
    pub coefficients: Coefficients,
    /// What CPU is multiplied with.
    pub cpu_factor: f64,
    /// The price list.
    pub prices: Prices,
}

/// What is needed in one month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Month {
    /// Months from now.
    pub month: u32,
    /// Pods.
    pub pods: u64,
    /// Records a second of one pod.
    pub records_per_second: f64,
    /// One sidecar.
    pub sidecar: Sidecar,
    /// All of them.
    pub fleet: Fleet,
}

/// What one sidecar needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sidecar {
    /// Cores that it is expected to use, without the factor.
    pub cpu_cores: f64,
    /// CPU request in thousandths of a core.
    pub cpu_request_millicores: u64,
    /// `--memory`.
    pub memory_budget_bytes: u64,
    /// Memory request and limit.
    pub memory_limit_bytes: u64,
    /// How long an outage goes by unnoticed without a spool.
    pub memory_bridges_seconds: f64,
    /// The spool; none where there is no outage to ride out.
    pub spool: Option<Spool>,
}

/// The spool of one sidecar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spool {
    /// Bytes of records on disk at the end of the outage.
    pub records_bytes: u64,
    /// `--spool-max`.
    pub max_bytes: u64,
    /// The volume: `--spool-max` and what may stand beside it.
    pub volume_bytes: u64,
    /// What is written meanwhile.
    pub written_bytes_per_second: f64,
    /// How long catching up takes, at most; none where the records come as fast as that was measured to go.
    pub catch_up_seconds: Option<f64>,
}

/// What the fleet does to the account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// PutLogEvents calls a second.
    pub put_calls_per_second: f64,
    /// Of the account's quota.
    pub quota_share: f64,
    /// The least `--linger` that stays within four fifths of the quota and not below the one asked for; none where no linger does.
    #[serde(rename = "linger_seconds", serialize_with = "maybe_seconds")]
    pub linger: Option<Duration>,
    /// How long CloudWatch takes to create the streams of a fleet that starts at once.
    pub streams_created_seconds: f64,
    /// What CloudWatch measures in a day: texts and 26 bytes for each record.
    pub bytes_per_day: f64,
    /// What taking it in costs in a month.
    pub ingestion_cost: f64,
    /// What keeping it costs in a month.
    pub storage_cost: f64,
}

impl Fleet {
    /// The month's bill.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.ingestion_cost + self.storage_cost
    }
}

/// Something that will not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// From which month on.
    pub month: u32,
    /// What, and what to do.
    pub text: String,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn maybe_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
