//! One of three destinations takes calls and never answers; the other two are delivered at 90 % of their rate or more.
//!
//! Their rate without the hang is measured twice: with the third destination as busy as they are, and with it silent.
//! The second is the harder one to match where CPU is short, so the better of the two is what counts.

use std::time::Duration;

use serde_json::json;

use super::Finding;
use crate::endpoint::Behaviour;
use crate::error::{wrong, Result};
use crate::figure::Spread;
use crate::sidecar::Settings;
use crate::stage::{Feeder, Programs, Stage};

const LONGEST: Duration = Duration::from_secs(180);
const LEAST_SHARE: f64 = 0.9;
const GOOD: [&str; 2] = ["good-0", "good-1"];
const THIRD: &str = "third";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Third {
    Silent,
    Busy,
    Hung,
}

pub(super) fn run(programs: &Programs, records: u64, rounds: u32) -> Result<Vec<Finding>> {
    let kinds = [Third::Silent, Third::Busy, Third::Hung];
    let mut rates = [const { Vec::new() }; 3];
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..rounds {
        for (kind, rates) in kinds.iter().zip(&mut rates) {
            rates.push(rate(programs, records, *kind)?);
        }
    }
    let median = |index: usize| Spread::of(&rates[index]).map_or(0.0, |spread| spread.median);
    let (silent, busy, hung) = (median(0), median(1), median(2));
    let share = hung / silent.max(busy).max(f64::MIN_POSITIVE);
    let what = format!(
        "the slower of two destinations got {hung:.0}/s beside a hung one, {busy:.0}/s beside a busy and {silent:.0}/s \
         beside a silent one: {:.0} %, at least {:.0} % (medians of {rounds})",
        100.0 * share,
        100.0 * LEAST_SHARE
    );
    let each = |kind, rates: &[f64]| {
        let shown: Vec<_> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
        Finding::new(true, format!("rounds with the third {kind:?}: {}", shown.join(", ")))
    };
    let mut findings = vec![Finding::new(share >= LEAST_SHARE, what)];
    findings.extend(kinds.iter().zip(&rates).map(|(kind, rates)| each(*kind, rates)));
    Ok(findings)
}

/// Records a second of the slower of the two good destinations.
fn rate(programs: &Programs, records: u64, third: Third) -> Result<f64> {
    let behaviour = Behaviour {
        latency_ms: 10,
        numbers: 3 * records,
        faults: match third {
            Third::Hung => vec![json!({ "kind": "hang", "stream": THIRD, "operation": "PutLogEvents" }).to_string()],
            // The endpoint looks for names only where a fault asks for them; so that it does so in every run.
            _ => vec![json!({ "kind": "hang", "stream": "nobody", "operation": "PutLogEvents" }).to_string()],
        },
        ..Behaviour::default()
    };
    let mut stage = Stage::set(programs, &behaviour, Settings { memory: Some("64MiB"), ..Settings::default() })?;
    // The third is first, so that it already hangs when the others begin.
    let beside = match third {
        Third::Silent => None,
        _ => Some(feed(&stage, THIRD, 2 * records, records)?),
    };
    if third == Third::Hung {
        std::thread::sleep(Duration::from_secs(1));
    }
    let good = GOOD.iter().zip(0..).map(|(stream, index)| feed(&stage, stream, index * records, records));
    let good = good.collect::<Result<Vec<_>>>()?;
    let mut slowest: f64 = 0.0;
    for feeder in good {
        let report = stage.join(feeder, LONGEST)?;
        let ended = report.ended.first().ok_or_else(|| wrong("the feeder", "did not say how its records ended"))?;
        if ended.delivered != records {
            return Err(wrong("a good destination", format!("{} of {records} delivered", ended.delivered)));
        }
        slowest = slowest.max(ended.seconds);
    }
    match (beside, third) {
        (Some(feeder), Third::Busy) => drop(stage.join(feeder, LONGEST)?),
        (Some(feeder), _) => drop(feeder),
        (None, _) => {}
    }
    verify(&stage, records, third)?;
    // No orderly end: a hung destination would hold it up until the deadline, and nothing depends on it.
    Ok(records as f64 / slowest.max(f64::MIN_POSITIVE))
}

fn feed(stage: &Stage, stream: &str, offset: u64, records: u64) -> Result<Feeder> {
    stage.feed(&format!("framed --connections 1 --size 200 --stream {stream} --offset {offset} --records {records}"))
}

/// By the endpoint's bitmap: all that should have arrived has, once.
fn verify(stage: &Stage, records: u64, third: Third) -> Result<()> {
    let endpoint = stage.endpoint.as_ref().ok_or_else(|| wrong("the stage", "has no endpoint"))?;
    let report = endpoint.report()?.ok_or_else(|| wrong("the endpoint", "gave no report"))?;
    let expected = records * if third == Third::Busy { 3 } else { 2 };
    let (unique, doubled) = (report.marks.unique, report.marks.doubled);
    if (unique, doubled, report.violations.total) != (expected, 0, 0) {
        let why = format!("{unique} unique of {expected}, {doubled} doubled, {} violations", report.violations.total);
        return Err(wrong(format!("the run with the third {third:?}"), why));
    }
    Ok(())
}
