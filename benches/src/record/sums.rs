//! From facts to a row: sums and quotients, and nothing that looks at the machine.

use super::row::Facts;
use super::verdict;
use crate::results::{Account, Cpu, LoadRun};

const MIB: f64 = 1_048_576.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

pub(super) fn load_run(facts: &Facts<'_>) -> LoadRun {
    let Facts { options, rung, seen, report, .. } = facts;
    let (feed, used) = (&seen.feed, &seen.usage);
    let account = account(facts);
    let ended = facts.last_accept_micros.unwrap_or(feed.end_micros);
    let seconds = ended.saturating_sub(feed.begin_micros) as f64 / 1e6;
    let rate = |bytes: u64| per(bytes as f64 / MIB, seen.window.as_secs_f64());
    let spooled = rung.spool.then(|| rate(used.spooled_bytes));
    // The endpoint notes when a batch takes effect, and holds its answer back afterwards; a real remote has half a round trip
    // before that. Where the latency is one number the whole of it is added: later than it ever was.
    let added = options.remote.fixed().unwrap_or_default();
    let own = [rate(used.io.written), rate(used.io.read)].map(|rate| facts.device.is_some().then_some(rate));
    LoadRun {
        at: facts.at.clone(),
        shipper: options.shipper.as_ref().map_or("splashdam", |shipper| &shipper.name).to_owned(),
        version: options.shipper.as_ref().map_or(env!("CARGO_PKG_VERSION"), |shipper| &shipper.version).to_owned(),
        spool: rung.spool,
        condition: rung.condition,
        remote: options.remote.name(),
        record_bytes: options.size,
        offered_per_minute: rung.per_minute,
        seconds,
        outage_seconds: seen.outage.map(|outage| outage.as_secs_f64()),
        caught_up_seconds: seen.caught_up.map(|time| time.as_secs_f64()),
        offered: offered(facts),
        written: feed.records,
        account,
        success_percent: percent(seen.in_time.min(offered(facts)), offered(facts)),
        delivered_per_second: per(report.marks.unique as f64, seconds),
        cpu_percent: 100.0 * per(used.cpu_seconds, seen.window.as_secs_f64()),
        cpu_seconds_per_million: per(used.cpu_seconds, seen.in_time as f64 / 1e6),
        cpu: cpu(facts),
        peak_mib: used.peak_mib,
        budget_mib: budget_mib(facts),
        limit_mib: facts.limit_mib.map(|limit| limit as f64),
        oom_kills: facts.kills,
        limit_reached: facts.reached,
        spool_mib_per_second: spooled,
        spool_gib_per_day: spooled.map(gib_per_day),
        sent_mib_per_second: rate(report.body_bytes),
        received_mib_per_second: rate(read_bytes(facts)),
        disk_write_mib_per_second: facts.device.map(|device| rate(device.written_bytes)),
        disk_read_mib_per_second: facts.device.map(|device| rate(device.read_bytes)),
        disk_operations_per_second: facts.device.map(|device| per(device.operations as f64, seen.window.as_secs_f64())),
        own_write_mib_per_second: own[0],
        own_read_mib_per_second: own[1],
        end_to_end: report.freshness_micros.latency(added),
        call_error_percent: call_errors(facts),
        loss_percent: percent(account.lost, account.emitted),
        memory: seen.memory.clone(),
        backlog: seen.backlog.clone(),
        behind: seen.behind.clone(),
        comment: verdict::comment(facts),
        faults: verdict::faults(facts),
    }
}

/// What was written is what was emitted: the rest never left its writer.
fn account(facts: &Facts<'_>) -> Account {
    let (emitted, marks) = (facts.seen.feed.records, &facts.report.marks);
    Account { emitted, delivered: marks.unique, doubled: marks.doubled, lost: emitted.saturating_sub(marks.unique) }
}

fn cpu(facts: &Facts<'_>) -> Cpu {
    let (shipper, driver) = (facts.seen.usage.cpu_seconds, facts.seen.feed.cpu_seconds);
    let endpoint = facts.report.cpu_seconds();
    let ours = shipper + driver + endpoint + facts.own_seconds;
    Cpu {
        app_seconds: 0.0,
        sidecar_seconds: Some(shipper),
        endpoint_seconds: Some(endpoint),
        driver_seconds: Some(driver),
        others_cpus: per((facts.machine_seconds - ours).max(0.0), facts.seen.window.as_secs_f64()),
    }
}

/// As the sidecar says: it derives its budget from the limit.
fn budget_mib(facts: &Facts<'_>) -> Option<f64> {
    let seen = facts.account.as_ref().filter(|seen| seen.scrapes > 0)?;
    Some(seen.latest.sum("splashdam_memory_budget_bytes", "") / MIB)
}

/// By the sidecar's own count; of another shipper, what was written into its socket.
fn read_bytes(facts: &Facts<'_>) -> u64 {
    let seen = facts.account.as_ref().filter(|seen| seen.scrapes > 0);
    seen.map_or(facts.seen.feed.bytes, |seen| seen.latest.sum("splashdam_read_bytes_total", "") as u64)
}

fn call_errors(facts: &Facts<'_>) -> f64 {
    let (total, answered) = facts
        .report
        .calls
        .values()
        .fold((0, 0), |(total, answered), calls| (total + calls.total, answered + calls.answered));
    percent(total - answered.min(total), total)
}

fn gib_per_day(mib_per_second: f64) -> f64 {
    mib_per_second * SECONDS_PER_DAY / 1_024.0
}

/// Nothing of nothing is nothing.
fn per(amount: f64, of: f64) -> f64 {
    if of > 0.0 {
        amount / of
    } else {
        0.0
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * per(part as f64, whole as f64)
}

/// All lines of the hold, also where nobody was left to take them; of a run that was interrupted, those that were due by then.
pub(super) fn offered(facts: &Facts<'_>) -> u64 {
    match facts.seen.interrupted {
        true => facts.seen.feed.due,
        false => facts.options.records(facts.rung.per_minute),
    }
}

#[cfg(test)]
pub(super) mod tests;
