//! Bad clients of every kind, one kind at a time, beside a good one: it is delivered at 90 % of its rate or more, where it has a
//! steady rate as well as where it is as fast as it can be.
//!
//! What it gets alone is measured in the same rounds. At full speed a kind that pushes bytes without end is as entitled to its
//! share as any other client; there the good one is compared with itself beside an honest client that is as busy.

use std::time::Duration;

use clap::ValueEnum;

use super::Finding;
use crate::endpoint::Behaviour;
use crate::error::{wrong, Result};
use crate::feed::bad::Kind;
use crate::figure::Spread;
use crate::sidecar::Settings;
use crate::stage::{Programs, Stage};

const LONGEST: Duration = Duration::from_secs(300);
const LEAST_SHARE: f64 = 0.9;
/// The steady rate: that of a pod that is very busy.
const STEADY: u64 = 100_000;
const STEADY_SECONDS: u64 = 2;
/// The bad ones are at work before the good one begins.
const HEAD_START: Duration = Duration::from_millis(500);

pub(super) fn run(programs: &Programs, records: u64, rounds: u32) -> Result<Vec<Finding>> {
    let kinds = || std::iter::once(None).chain(Kind::value_variants().iter().copied().map(Some));
    let paces = [Pace::Steady, Pace::Full];
    let mut rates: Vec<[Vec<f64>; 2]> = kinds().map(|_| Default::default()).collect();
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..rounds {
        for (kind, rates) in kinds().zip(&mut rates) {
            for (pace, rates) in paces.into_iter().zip(rates) {
                rates.push(rate(programs, records, kind, pace)?);
            }
        }
    }
    let median = |rates: &Vec<f64>| Spread::of(rates).map_or(0.0, |spread| spread.median);
    let medians: Vec<[f64; 2]> = rates.iter().map(|rates| [median(&rates[0]), median(&rates[1])]).collect();
    let ([steady, alone], busy) = (medians[0], medians[1][1]);
    let mut findings = vec![Finding::new(
        true,
        format!(
            "alone the good client got {steady:.0}/s of {STEADY}/s, and {alone:.0}/s at full speed; beside an honest one that is \
             as busy {busy:.0}/s (medians of {rounds})"
        ),
    )];
    for (kind, [paced, full]) in kinds().zip(medians).filter_map(|(kind, medians)| Some((kind?, medians))) {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut find = |rate: f64, of: f64, beside: &str| {
            let share = rate / of.max(f64::MIN_POSITIVE);
            let (percent, least) = (100.0 * share, 100.0 * LEAST_SHARE);
            let what = format!("{name}: {rate:.0}/s, {percent:.0} % of {beside}, at least {least:.0} %");
            findings.push(Finding::new(share >= LEAST_SHARE, what));
        };
        find(paced, steady, "its steady rate");
        match kind {
            Kind::Busy => {}
            kind if is_volume(kind) => find(full, busy, "full speed beside the busy one"),
            _ => find(full, alone, "full speed alone"),
        }
    }
    Ok(findings)
}

/// How the good client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// So many records a second, a frame each: [`STEADY`].
    Steady,
    /// As fast as they are taken.
    Full,
}

fn is_volume(kind: Kind) -> bool {
    matches!(kind, Kind::LongLine | Kind::Nuls | Kind::Invalid)
}

/// Records a second of the good client; all of them arrive, once.
fn rate(programs: &Programs, records: u64, kind: Option<Kind>, pace: Pace) -> Result<f64> {
    let (records, flags) = match pace {
        Pace::Steady => (STEADY * STEADY_SECONDS, format!("--rate {STEADY}")),
        Pace::Full => (records, String::new()),
    };
    let behaviour = Behaviour { latency_ms: 10, numbers: records, ..Behaviour::default() };
    let mut stage = Stage::set(programs, &behaviour, Settings { memory: Some("64MiB"), ..Settings::default() })?;
    let bad = kind.map(|kind| {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let bad = stage.feed(&format!("bad --kind {name}"));
        std::thread::sleep(HEAD_START);
        bad
    });
    let bad = bad.transpose()?;
    let good = stage.feed(&format!("framed --connections 1 --size 200 --stream good --records {records} {flags}"))?;
    let report = stage.join(good, LONGEST)?;
    let ended = report.ended.first().ok_or_else(|| wrong("the feeder", "did not say how its records ended"))?;
    let marks = stage.report()?.marks;
    if (ended.delivered, marks.unique, marks.doubled) != (records, records, 0) {
        let why =
            format!("{} delivered, {} unique of {records}, {} doubled", ended.delivered, marks.unique, marks.doubled);
        return Err(wrong(format!("the good client beside {kind:?}"), why));
    }
    stage.sidecar.check_alive()?;
    drop(bad);
    Ok(records as f64 / ended.seconds.max(f64::MIN_POSITIVE))
}
