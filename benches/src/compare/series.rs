//! What a file measured: for each thing and quantity, a value a round.

use std::collections::BTreeMap;

use super::api;
use crate::results::{Account, Condition, LoadRun, RecoveryRun, Results, SweepRun, TaskRun};
use crate::statistics::median;

/// What is compared. Their order is that of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) workload: Workload,
    /// All that the runs were to do, in words.
    pub(super) what: String,
    pub(super) quantity: Quantity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Workload {
    Api,
    Tasks,
    Load,
    Sweep,
    Recovery,
}

/// Their order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    P50Micros,
    P99Micros,
    AnswersPerSecond,
    WallSeconds,
    CpuMillisPerRequest,
    CpuPerMillion,
    PeakMib,
    DeliveredPerSecond,
    CaughtUpSeconds,
    FirstRecordSeconds,
    FirstSendSeconds,
    AllDeliveredSeconds,
}

/// All of one file.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) values: BTreeMap<Key, Vec<f64>>,
    /// Runs that do not count.
    pub(super) faulty: usize,
    /// Over the runs that count.
    pub(super) lost: u64,
}

impl Series {
    pub(super) fn of(results: &Results) -> Self {
        let mut series = Self::default();
        results.api.iter().for_each(|run| api::add(&mut series, run));
        results.tasks.iter().for_each(|run| series.task(run));
        results.load.iter().for_each(|run| series.load(run));
        results.sweeps.iter().for_each(|run| series.sweep(run));
        results.recoveries.iter().for_each(|run| series.recovery(run));
        series
    }

    /// Takes in one run, if it counts; quantities that it has not are left out.
    pub(super) fn add(
        &mut self,
        (workload, what): (Workload, String),
        faults: &[String],
        account: &Account,
        values: &[(Quantity, Option<f64>)],
    ) {
        if !faults.is_empty() {
            self.faulty += 1;
            return;
        }
        self.lost += account.lost;
        for (quantity, value) in values {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let key = Key { workload, what: what.clone(), quantity: *quantity };
                self.values.entry(key).or_default().push(value);
            }
        }
    }

    fn task(&mut self, run: &TaskRun) {
        let shape = run.shape;
        let through = run.shipper.as_ref().map_or(run.mode.to_string(), |name| format!("{} {name}", run.mode));
        let what = format!(
            "{} {through}, remote {}, {} tasks of {} records of {} B, {} ms each, {} workers",
            run.app, run.remote, shape.tasks, shape.records, shape.bytes, shape.task_ms, shape.workers
        );
        let requests = run.request_seconds.len() as f64;
        let cpu = run.cpu.app_seconds + run.cpu.sidecar_seconds.unwrap_or_default();
        let values = [
            (Quantity::WallSeconds, median(&run.request_seconds)),
            (Quantity::CpuMillisPerRequest, (requests > 0.0).then_some(1e3 * cpu / requests)),
        ];
        self.add((Workload::Tasks, what), &run.faults, &run.account, &values);
    }

    fn load(&mut self, run: &LoadRun) {
        let spool = if run.spool { "spool" } else { "no spool" };
        let condition = match run.condition {
            Condition::Healthy => "healthy".to_owned(),
            Condition::Outage => format!("outage of {} s", run.outage_seconds.unwrap_or_default()),
        };
        let what = format!(
            "{}, {} lines/min of {} B, {spool}, {condition}, remote {}",
            run.shipper, run.offered_per_minute, run.record_bytes, run.remote
        );
        let measured = run.end_to_end.count > 0;
        let values = [
            (Quantity::P99Micros, measured.then_some(run.end_to_end.p99 as f64)),
            (Quantity::CpuPerMillion, Some(run.cpu_seconds_per_million)),
            (Quantity::PeakMib, Some(run.peak_mib)),
            (Quantity::DeliveredPerSecond, Some(run.delivered_per_second)),
            (Quantity::CaughtUpSeconds, run.caught_up_seconds),
        ];
        self.add((Workload::Load, what), &run.faults, &run.account, &values);
    }

    fn sweep(&mut self, run: &SweepRun) {
        let what = format!("{} {}, records of {} B", run.parameter, run.value, run.record_bytes);
        let paced = run.end_to_end.as_ref().filter(|latency| latency.count > 0);
        let values = [
            (Quantity::P99Micros, paced.map(|latency| latency.p99 as f64)),
            (Quantity::CpuPerMillion, Some(run.cpu_seconds_per_million)),
            (Quantity::PeakMib, Some(run.peak_mib)),
            (Quantity::DeliveredPerSecond, Some(run.per_second)),
        ];
        self.add((Workload::Sweep, what), &run.faults, &run.account, &values);
    }

    fn recovery(&mut self, run: &RecoveryRun) {
        let values = [
            (Quantity::PeakMib, Some(run.peak_mib)),
            (Quantity::FirstRecordSeconds, Some(run.first_record_seconds)),
            (Quantity::FirstSendSeconds, Some(run.first_send_seconds)),
            (Quantity::AllDeliveredSeconds, Some(run.all_delivered_seconds)),
        ];
        let what = format!("start with {} GiB of spool", run.spool_gib);
        self.add((Workload::Recovery, what), &run.faults, &run.account, &values);
    }
}

impl Workload {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Tasks => "tasks",
            Self::Load => "load",
            Self::Sweep => "sweep",
            Self::Recovery => "recovery",
        }
    }
}

impl Quantity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P50Micros => "latency p50",
            Self::P99Micros => "latency p99",
            Self::AnswersPerSecond => "throughput",
            Self::WallSeconds => "wall time a request",
            Self::CpuMillisPerRequest => "CPU a request",
            Self::CpuPerMillion => "CPU a million",
            Self::PeakMib => "peak RSS",
            Self::DeliveredPerSecond => "delivered",
            Self::CaughtUpSeconds => "caught up after",
            Self::FirstRecordSeconds => "first record after",
            Self::FirstSendSeconds => "first send after",
            Self::AllDeliveredSeconds => "all delivered after",
        }
    }

    pub(super) fn more_is_better(self) -> bool {
        matches!(self, Self::AnswersPerSecond | Self::DeliveredPerSecond)
    }

    /// Whether it is about what something takes, and not about how long.
    pub(super) fn is_use(self) -> bool {
        matches!(self, Self::CpuMillisPerRequest | Self::CpuPerMillion | Self::PeakMib)
    }
}
