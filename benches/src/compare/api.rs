//! Runs of the API workload, as what they were to do and what they came to.

use super::series::{Quantity, Series, Workload};
use crate::results::{ApiRun, Drive, Phase};

pub(super) fn add(series: &mut Series, run: &ApiRun) {
    let what = format!(
        "{} {}, remote {}, {}, {}, {} ms a query, {}",
        run.app,
        run.mode,
        run.remote,
        run.operation.name(),
        format!("{:?}", run.topology).to_lowercase(),
        run.query_ms,
        drive(run.drive)
    );
    let requests = run.requests as f64;
    let cpu = run.cpu.app_seconds + run.cpu.sidecar_seconds.unwrap_or_default();
    let values = [
        (Quantity::P50Micros, (run.latency.count > 0).then_some(run.latency.p50 as f64)),
        (Quantity::P99Micros, (run.latency.count > 0).then_some(run.latency.p99 as f64)),
        (Quantity::AnswersPerSecond, rate_is_found(run.drive).then_some(run.per_second)),
        (Quantity::CpuMillisPerRequest, (run.requests > 0).then_some(1e3 * cpu / requests)),
    ];
    series.add((Workload::Api, what), &run.faults, &run.account, &values);
}

/// Where the rate is a share of the maximum that the same file found, it is no rate to match by.
fn drive(drive: Drive) -> String {
    match drive {
        Drive::Serial { requests } => format!("serial, {requests}"),
        Drive::Closed { threads } => format!("{threads} threads"),
        Drive::Open { phase: Phase::Minimal, .. } => "open, minimal load".to_owned(),
        Drive::Open { phase: Phase::Half, .. } => "open, half of the maximum".to_owned(),
        Drive::Open { phase: Phase::Eighty, .. } => "open, 80 % of the maximum".to_owned(),
        Drive::Open { phase: Phase::Ladder, rate } => format!("open, {rate:.0}/s"),
    }
}

/// Whether throughput says something that was not asked for.
fn rate_is_found(drive: Drive) -> bool {
    !matches!(drive, Drive::Open { phase: Phase::Minimal | Phase::Half | Phase::Eighty, .. })
}
