//! One point: a stage set, fed as the point says, everything awaited and counted.

use std::time::Duration;

use super::parameter::{Feeding, Load, Point};
use super::Options;
use crate::endpoint::Behaviour;
use crate::error::Result;
use crate::feed;
use crate::results::{Account, Latency, SweepRun};
use crate::run::{Doubles, Run};
use crate::sidecar::Settings;
use crate::stage::{Finished, Stage};

const BUDGET: &str = "64MiB";
/// No point takes this long beyond what it was paced to take.
const LONGEST: Duration = Duration::from_secs(300);
const MIB: f64 = 1_048_576.0;

pub(super) fn point(point: Point, round: u32, options: &Options) -> Result<SweepRun> {
    let load = point.load(options);
    let records = load.records();
    let behaviour = Behaviour { latency_ms: options.remote_ms, numbers: records, ..Behaviour::default() };
    let settings = Settings { memory: Some(BUDGET), flags: load.flags.clone(), ..Settings::default() };
    let mut stage = Stage::set(&options.programs, &behaviour, settings)?;
    let fed = feed(&mut stage, &load)?;
    stage.settle(records)?;
    let finished = stage.finish()?;

    let seconds = seconds(&load, &finished, &fed).max(f64::MIN_POSITIVE);
    let per_second = records as f64 / seconds;
    let mut faults = Run::of(&finished, records, Doubles::Never, Vec::new()).faults;
    faults.extend(told(&load, &fed));
    faults.extend(cut(&finished));
    let end_to_end = match load.feeding {
        Feeding::Flood { .. } => None,
        Feeding::Bursts { .. } => {
            let writers = fed.iter().flat_map(|report| &report.ended);
            Some(Latency::of_values(writers.map(|ended| (ended.seconds * 1e6) as u64)))
        }
        Feeding::Paced { .. } | Feeding::Hosts { .. } => {
            Some(finished.report.freshness_micros.latency(Duration::from_millis(u64::from(options.remote_ms))))
        }
    };
    if let Some(latency) = end_to_end.as_ref().filter(|_| !matches!(load.feeding, Feeding::Bursts { .. })) {
        if latency.count != records {
            faults.push(format!("{} records told when they were due, of {records}", latency.count));
        }
    }
    Ok(SweepRun {
        round,
        parameter: point.parameter.name().to_owned(),
        value: point.value as f64,
        records,
        record_bytes: load.size,
        per_second,
        mib_per_second: per_second * load.size as f64 / MIB,
        cpu_seconds_per_million: finished.cpu_seconds / (records as f64 / 1e6),
        peak_mib: finished.resident.peak,
        batches: finished.report.batches.accepted,
        end_to_end,
        account: account(&finished, records),
        note: load.note(),
        faults,
    })
}

/// Has everything written; a report for each feeder.
fn feed(stage: &mut Stage, load: &Load) -> Result<Vec<feed::Report>> {
    let (size, longest) = (load.size, load.expected() + LONGEST);
    let mut one = |arguments: String| {
        let feeder = stage.feed(&arguments)?;
        stage.join(feeder, longest)
    };
    match load.feeding {
        Feeding::Flood { connections, records } => {
            Ok(vec![one(format!("feed --connections {connections} --size {size} --records {records}"))?])
        }
        Feeding::Paced { rate, records } => {
            Ok(vec![one(format!("feed --connections 1 --size {size} --records {records} --rate {rate}"))?])
        }
        Feeding::Hosts { hosts, each } => {
            Ok(vec![one(format!("lanes --lanes {hosts} --records {each} --size {size}"))?])
        }
        Feeding::Bursts { writers, each, bursts } => {
            let records = writers * each;
            let burst = |index| {
                let offset = index * records;
                one(format!("framed --connections {writers} --records {records} --size {size} --offset {offset}"))
            };
            (0..bursts).map(burst).collect()
        }
    }
}

/// From the first byte written to the last record accepted. Of bursts it is the sum of what each took, until its last writer knew
/// that all had ended: what passes between them is the feeder's start.
fn seconds(load: &Load, finished: &Finished, fed: &[feed::Report]) -> f64 {
    match load.feeding {
        Feeding::Bursts { .. } => {
            fed.iter().map(|report| report.end_micros.saturating_sub(report.begin_micros) as f64 / 1e6).sum()
        }
        _ => finished.seconds,
    }
}

/// Framed writers are told how their records ended.
fn told(load: &Load, fed: &[feed::Report]) -> Option<String> {
    if !matches!(load.feeding, Feeding::Bursts { .. } | Feeding::Hosts { .. }) {
        return None;
    }
    let delivered: u64 = fed.iter().flat_map(|report| &report.ended).map(|ended| ended.delivered).sum();
    (delivered != load.records()).then(|| format!("its writers were told of {delivered} delivered"))
}

/// No line is longer than a record may be, so none has to be cut; the sidecar does so all the same where half lines are too many
/// for what it keeps for them, and then there are more records than were written.
fn cut(finished: &Finished) -> Option<String> {
    let cuts = finished.seen.latest.sum("splashdam_split_records_total", "");
    (cuts > 0.0).then(|| format!("{cuts:.0} lines were cut in two for want of memory for half lines"))
}

/// By the feeder's and the endpoint's own counts.
pub(crate) fn account(finished: &Finished, records: u64) -> Account {
    let marks = &finished.report.marks;
    Account {
        emitted: records,
        delivered: marks.unique,
        doubled: marks.doubled,
        lost: records.saturating_sub(marks.unique),
    }
}
