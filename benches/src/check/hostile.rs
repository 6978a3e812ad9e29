//! Bad clients of every kind, one kind at a time, beside a good one: it is delivered at 90 % of its rate or more.
//!
//! What it gets alone is measured in the same rounds. A kind that pushes bytes without end is as entitled to its share as any
//! other client; there the good one is compared with itself beside an honest client that is as busy.

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
/// The bad ones are at work before the good one begins.
const HEAD_START: Duration = Duration::from_millis(500);

pub(super) fn run(programs: &Programs, records: u64, rounds: u32) -> Result<Vec<Finding>> {
    let kinds = || std::iter::once(None).chain(Kind::value_variants().iter().copied().map(Some));
    let mut rates: Vec<Vec<f64>> = kinds().map(|_| Vec::new()).collect();
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..rounds {
        for (kind, rates) in kinds().zip(&mut rates) {
            rates.push(rate(programs, records, kind)?);
        }
    }
    let medians: Vec<f64> = rates.iter().map(|rates| Spread::of(rates).map_or(0.0, |spread| spread.median)).collect();
    let (alone, busy) = (medians[0], medians[1]);
    let mut findings = vec![Finding::new(
        true,
        format!("alone the good client got {alone:.0}/s, beside an honest one that is as busy {busy:.0}/s (medians of {rounds})"),
    )];
    for (kind, median) in kinds().zip(medians).filter_map(|(kind, median)| Some((kind?, median))).skip(1) {
        let (beside, least) = if is_volume(kind) { ("busy", busy) } else { ("alone", alone) };
        let share = median / least.max(f64::MIN_POSITIVE);
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let what =
            format!("{name}: {median:.0}/s, {:.0} % of {beside}, at least {:.0} %", 100.0 * share, 100.0 * LEAST_SHARE);
        findings.push(Finding::new(share >= LEAST_SHARE, what));
    }
    Ok(findings)
}

fn is_volume(kind: Kind) -> bool {
    matches!(kind, Kind::LongLine | Kind::Nuls | Kind::Invalid)
}

/// Records a second of the good client; all of them arrive, once.
fn rate(programs: &Programs, records: u64, kind: Option<Kind>) -> Result<f64> {
    let behaviour = Behaviour { latency_ms: 10, numbers: records, ..Behaviour::default() };
    let mut stage = Stage::set(programs, &behaviour, Settings { memory: Some("64MiB"), ..Settings::default() })?;
    let bad = kind.map(|kind| {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let bad = stage.feed(&format!("bad --kind {name}"));
        std::thread::sleep(HEAD_START);
        bad
    });
    let bad = bad.transpose()?;
    let good = stage.feed(&format!("framed --connections 1 --size 200 --stream good --records {records}"))?;
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
