//! What a fleet does to the account: calls, streams, bytes, money. Pure.

use std::time::Duration;

use super::coefficients::{CREATE_QUOTA, QUOTA_SHARE};
use super::flow::Flow;
use super::model::{Fleet, Input};
use super::prices::Prices;
use super::sidecar::steps;
use crate::config::Config;

const DAY: f64 = 86_400.0;
/// Days of a month, on average.
const MONTH: f64 = 365.0 / 12.0;
const GB: f64 = 1e9;

/// Nobody wants to wait longer for a record.
const LONGEST_LINGER: f64 = 3_600.0;

pub(super) fn fleet(input: &Input, flow: &Flow, pods: u64, prices: &Prices, settings: &Config) -> Fleet {
    let all = pods as f64;
    let put_calls = all * flow.calls(input.linger, settings);
    let bytes_per_day = all * flow.measured_bytes() * DAY;
    let stored = bytes_per_day * input.retention_days as f64 * prices.stored_share;
    Fleet {
        put_calls_per_second: put_calls,
        quota_share: put_calls / input.put_quota,
        linger: linger(input, flow, all),
        streams_created_seconds: streams_created(flow, all, settings),
        bytes_per_day,
        ingestion_cost: bytes_per_day * MONTH / GB * prices.ingestion_per_gb,
        storage_cost: stored / GB * prices.storage_per_gb_month,
    }
}

/// The least linger, in whole steps, at which the fleet leaves a fifth of the quota to others. Full batches need no linger:
/// where they alone are too many, none helps.
fn linger(input: &Input, flow: &Flow, pods: f64) -> Option<Duration> {
    let quota = input.put_quota * QUOTA_SHARE;
    if pods * flow.records <= quota {
        return Some(input.linger);
    }
    if pods * flow.full_calls() > quota {
        return None;
    }
    let seconds = pods * flow.lanes / quota;
    let step = if seconds <= 1.0 { 0.1 } else { 1.0 };
    let least = steps(seconds, step).max(input.linger.as_secs_f64());
    (least <= LONGEST_LINGER.max(input.linger.as_secs_f64())).then_some(())?;
    // Tenths of a second in binary are not exact; milliseconds are what `--linger` takes.
    Some(Duration::from_millis((least * 1_000.0).round() as u64))
}

/// How long it takes to create every stream of a fleet that starts at once: the account's quota, or each sidecar's own rate.
fn streams_created(flow: &Flow, pods: f64, settings: &Config) -> f64 {
    let by_account = pods * flow.lanes / CREATE_QUOTA;
    by_account.max(flow.lanes / f64::from(settings.engine.create_rate.get()))
}
