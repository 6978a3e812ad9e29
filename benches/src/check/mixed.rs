//! Sixteen clients of both kinds at once; clocks a day back and an hour ahead; a remote at 30 ms that throttles every
//! tenth call and resets every twentieth, some of them after it took effect.

use std::time::Duration;

use super::Finding;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::run::{Doubles, Run};
use crate::sidecar::Settings;
use crate::stage::{Finished, Programs, Stage};

const SIZE: u64 = 200;
/// Of each kind.
const CLIENTS: u64 = 8;
const PAST: i64 = -30 * 3_600;
const AHEAD: i64 = 3_600;
const LONGEST: Duration = Duration::from_secs(300);

// AWS's limits of a batch, from its reference and not from the sidecar's source.
const BATCH_BYTES: u64 = 1_048_576;
const BATCH_EVENTS: u64 = 10_000;
const EVENT_OVERHEAD: u64 = 26;

pub(super) fn run(programs: &Programs, records: u64) -> Result<Vec<Finding>> {
    let faults = ["throttle,probability=0.1", "reset_mid_body,probability=0.03", "reset_mid_answer,probability=0.02"];
    let behaviour = Behaviour {
        strict: true,
        latency_ms: 30,
        numbers: records,
        faults: faults.iter().map(|fault| format!("{fault},operation=PutLogEvents")).collect(),
        ..Behaviour::default()
    };
    let mut stage = Stage::set(programs, &behaviour, Settings { memory: Some("64MiB"), ..Settings::default() })?;
    let (text, framed) = (records / 2, records - records / 2);
    let feeders = [
        stage.feed(&format!("feed --connections {CLIENTS} --size {SIZE} --records {text}"))?,
        stage.feed(&format!(
            "framed --connections {CLIENTS} --size {SIZE} --records {framed} --offset {text} --shift {PAST} --shift {AHEAD}"
        ))?,
    ];
    for feeder in feeders {
        stage.join(feeder, LONGEST)?;
    }
    stage.settle(records)?;
    Ok(findings(&stage.finish()?, records, framed))
}

fn findings(finished: &Finished, records: u64, framed: u64) -> Vec<Finding> {
    let run = Run::of(finished, records, Doubles::AsCounted, Vec::new());
    let marks = &finished.report.marks;
    let mut findings = vec![Finding::new(
        run.faults.is_empty(),
        format!(
            "{} of {records} delivered, {} twice; {} limits violated; {}",
            marks.unique,
            marks.doubled,
            finished.report.violations.total,
            finished.seen.latest.account()
        ),
    )];
    findings.extend(run.faults.iter().map(|fault| Finding::new(false, fault)));
    let seen = &finished.seen;
    findings.push(Finding::new(
        seen.scrapes > 0 && seen.wrong == 0,
        format!(
            "the account adds up at each of {} scrapes ({} unanswered, the slowest {:.0} ms)",
            seen.scrapes,
            seen.failed,
            seen.slowest.as_secs_f64() * 1e3
        ),
    ));
    findings.push(told(finished, framed));
    findings.push(attempts(finished, records, framed));
    findings.push(rough(finished));
    findings
}

/// Did the sidecar tell its framed clients the truth?
fn told(finished: &Finished, framed: u64) -> Finding {
    let ended = || finished.feeders.iter().flat_map(|feeder| &feeder.ended);
    let delivered: u64 = ended().map(|ended| ended.delivered).sum();
    let others: u64 = ended().map(|ended| ended.rejected + ended.dropped + ended.pending).sum();
    let what = format!("framed clients were told of {delivered} delivered of {framed}, {others} otherwise");
    Finding::new(delivered == framed && others == 0, what)
}

/// First attempts against the fewest calls that could carry the records: those of the client whose clock is a day
/// behind cannot share a batch with others, all else can.
fn attempts(finished: &Finished, records: u64, framed: u64) -> Finding {
    let past = framed / CLIENTS;
    let ideal = calls(past) + calls(records - past);
    let first = finished.seen.latest.sum("splashdam_attempts_total", "kind=\"first\"") as u64;
    let holds = (1..=2 * ideal).contains(&first);
    Finding::new(holds, format!("{first} first attempts where {ideal} calls would do; at most twice that"))
}

fn calls(records: u64) -> u64 {
    let fit = (BATCH_BYTES / (SIZE + EVENT_OVERHEAD)).min(BATCH_EVENTS);
    records.div_ceil(fit)
}

/// A remote that never misbehaved would prove nothing.
fn rough(finished: &Finished) -> Finding {
    let report = &finished.report;
    let hits = |kind: &str| report.faults.get(kind).copied().unwrap_or(0);
    let (throttles, resets) = (hits("throttle"), hits("reset_mid_body") + hits("reset_mid_answer"));
    let calls = report.calls.get("PutLogEvents").map_or(0, |calls| calls.total);
    let what = format!("the remote was rough: {throttles} throttled and {resets} reset of {calls} calls");
    Finding::new(throttles > 0 && resets > 0, what)
}
