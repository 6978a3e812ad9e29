//! What one sidecar needs: CPU, memory, disk. Pure.

use super::coefficients::{Coefficients, CPU_FACTOR, QUOTA_SHARE};
use super::flow::{records_of_full_batch, Flow};
use super::model::{Input, Intake, Sidecar, Spool};
use crate::config::{Config, LEAST_SPOOL, MEMORY_BESIDE};
use crate::engine::chunk::CHUNK_CLAIM;
use crate::engine::fair;
use crate::spool;

const MIB: f64 = 1_048_576.0;

/// Budgets go in steps of this, from the smallest to the largest that was measured (rows `pod` and `full`); more than that
/// makes no sidecar faster.
const BUDGET_STEP: f64 = 8.0 * MIB;
const LEAST_BUDGET: f64 = 24.0 * MIB;
const MOST_BUDGET: f64 = 64.0 * MIB;

/// Disk sizes go in steps of this, and large ones in steps that people can read.
const DISK_STEP: f64 = 64.0 * MIB;
const LARGE_DISK: f64 = 16.0 * LARGE_DISK_STEP;
const LARGE_DISK_STEP: f64 = 1_024.0 * MIB;

/// How long an answer may take before a healthy lane should run out of memory.
const SLOW_ANSWER: f64 = 1.0;

/// What one sidecar needs for this flow, in a fleet of so many pods.
pub(super) fn sidecar(input: &Input, flow: &Flow, pods: u64, measured: &Coefficients, settings: &Config) -> Sidecar {
    let with_spool = !input.outage.is_zero();
    let cores = cpu_cores(input, flow, measured, settings, with_spool);
    let budget = budget(input, flow, with_spool);
    Sidecar {
        cpu_cores: cores,
        cpu_request_millicores: whole(steps(cores * CPU_FACTOR * 1_000.0, 10.0)),
        memory_budget_bytes: whole(budget),
        memory_limit_bytes: whole(limit(budget, flow, measured)),
        memory_bridges_seconds: budget * lanes_share(flow, false) / flow.held_bytes(),
        spool: with_spool.then(|| spool(input, flow, pods, measured, settings)),
    }
}

/// Cores in use. Four parts, each an upper bound where nothing was measured:
///
/// - writes. Below the paced rate that was measured, what they cost there: fewer cannot cost more. Writes of the client
///   libraries carry more records beyond that rate, so they become no more.
/// - records, in proportion to their bytes where they are longer than those measured, and no cheaper where they are shorter.
/// - calls whose batch is not full: each as dear as all the work for a full one.
fn cpu_cores(input: &Input, flow: &Flow, measured: &Coefficients, settings: &Config, with_spool: bool) -> f64 {
    let paced = measured.single_rate.value;
    let writes = match input.intake {
        Intake::Text => flow.records.max(paced),
        Intake::Framed => paced,
    };
    let size = (flow.bytes / measured.record_bytes.value).max(1.0);
    let record = measured.record_cpu(with_spool);
    let early = (flow.calls(input.linger, settings) - flow.full_calls()).max(0.0);
    let full_batch = records_of_full_batch(measured.record_bytes.value);
    writes * measured.write_cpu() + flow.records * size * record + early * full_batch * record
}

/// Records of one linger and one slow answer, or an open chunk of each lane, must fit the part that lanes may fill.
fn budget(input: &Input, flow: &Flow, with_spool: bool) -> f64 {
    let waiting = flow.held_bytes() * (input.linger.as_secs_f64() + SLOW_ANSWER);
    let open = flow.lanes * CHUNK_CLAIM as f64;
    steps(waiting.max(open) / lanes_share(flow, with_spool), BUDGET_STEP).clamp(LEAST_BUDGET, MOST_BUDGET)
}

/// The part of the budget that the lanes fill when all of them are stuck.
fn lanes_share(flow: &Flow, with_spool: bool) -> f64 {
    let total = 1 << 20;
    let set_aside = if with_spool { 0 } else { fair::recall_reserve(total) };
    let room = (fair::room_for_chunks(total) + set_aside) as f64 / total as f64;
    room * greedy_share(flow)
}

/// What so many lanes take together where each stops at twice what is free: two thirds for one, nearly all for many.
fn greedy_share(flow: &Flow) -> f64 {
    2.0 * flow.lanes / (2.0 * flow.lanes + 1.0)
}

fn limit(budget: f64, flow: &Flow, measured: &Coefficients) -> f64 {
    let others = (flow.lanes - 1.0) * measured.lane_memory();
    steps(budget + MEMORY_BESIDE as f64 + others, MIB)
}

fn spool(input: &Input, flow: &Flow, pods: u64, measured: &Coefficients, settings: &Config) -> Spool {
    let outage = input.outage.as_secs_f64();
    // Until the first attempt after the outage nothing leaves.
    let wait = settings.engine.backoff_max.as_secs_f64();
    let lane = flow.on_disk();
    let records = flow.lanes * spool::lane_bytes(lane, outage + wait);
    let max = disk(records / greedy_share(flow)).max(LEAST_SPOOL as f64);
    Spool {
        records_bytes: whole(records),
        max_bytes: whole(max),
        volume_bytes: whole(disk(max + spool::beside() as f64)),
        written_bytes_per_second: flow.lanes * lane.bytes_a_second(),
        catch_up_seconds: catch_up(input, flow, pods, measured, settings).filter(|seconds| *seconds < LONGEST),
    }
}

fn disk(bytes: f64) -> f64 {
    steps(bytes, if bytes > LARGE_DISK { LARGE_DISK_STEP } else { DISK_STEP })
}

/// Longer than this is no catching up.
const LONGEST: f64 = 30.0 * 86_400.0;

/// How long until what an outage left is delivered while records go on coming: the wait for the first attempt, then what the
/// slowest of these leaves over: the rate that was measured, `--put-rate`, the fleet's part of the quota.
fn catch_up(input: &Input, flow: &Flow, pods: u64, measured: &Coefficients, settings: &Config) -> Option<f64> {
    let size = (flow.bytes / measured.record_bytes.value).max(1.0);
    let calls = f64::from(settings.engine.put_rate.get()).min(input.put_quota * QUOTA_SHARE / pods as f64);
    let rate = (measured.catch_up_rate() / size).min(calls * records_of_full_batch(flow.bytes));
    let left = rate - flow.records;
    let wait = settings.engine.backoff_max.as_secs_f64();
    (left > 0.0).then(|| wait + flow.records * (input.outage.as_secs_f64() + wait) / left)
}

/// The rate of records that this kind of intake was measured to take at most, for records of this size.
pub(super) fn most_records(input: &Input, flow: &Flow, measured: &Coefficients) -> f64 {
    let most = match input.intake {
        Intake::Text => measured.single_most,
        Intake::Framed => measured.framed_most,
    };
    most.value / (flow.bytes / measured.record_bytes.value).max(1.0)
}

/// Up to the next multiple; what is a hair above one through rounding stays.
pub(super) fn steps(value: f64, step: f64) -> f64 {
    ((value / step) - 1e-9).ceil().max(0.0) * step
}

/// A size or count as a whole number; what is too large for one is the largest.
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}
