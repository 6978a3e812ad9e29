//! What will not do, with what to do about it. Each is told once, for the first month in which it is so.

use super::coefficients::{Coefficients, OLDEST_DAYS, QUOTA_SHARE};
use super::flow::{longest, Flow};
use super::model::{Input, Intake, Month, Warning};
use super::sidecar::most_records;
use crate::command::human::{bytes, count};
use crate::config::{show_duration, Config, MAX_RECORD};

/// Processors of the machine that everything was measured on.
const PROCESSORS: f64 = 2.0;

type Check = fn(&View<'_>) -> Option<String>;

/// What a check looks at.
struct View<'a> {
    input: &'a Input,
    month: &'a Month,
    flow: Flow,
    measured: &'a Coefficients,
    settings: &'a Config,
}

const CHECKS: [Check; 8] = [record, outage, quota, put_rate, lanes, rate, processors, catch_up];

pub(super) fn warnings(input: &Input, months: &[Month], measured: &Coefficients, settings: &Config) -> Vec<Warning> {
    let view = |month| View { input, month, flow: Flow::of(input, month.records_per_second), measured, settings };
    let first = |check: &Check| {
        let mut found = months.iter().filter_map(|month| Some((month.month, check(&view(month))?)));
        found.next().map(|(month, text)| Warning { month, text })
    };
    let mut warnings: Vec<Warning> = CHECKS.iter().filter_map(first).collect();
    warnings.sort_by_key(|warning| warning.month);
    warnings
}

fn record(view: &View<'_>) -> Option<String> {
    let size = view.input.bytes;
    let default = view.settings.intake.max_record;
    let pieces = size.div_ceil(longest(size));
    match size {
        _ if size <= default => None,
        _ if pieces == 1 => Some(format!(
            "records of {} are longer than the default of --max-record ({}), which splits them: set --max-record {size}",
            bytes(size),
            bytes(default)
        )),
        _ => Some(format!(
            "records of {} are longer than CloudWatch takes: with --max-record {MAX_RECORD} each is split into {pieces}",
            bytes(size)
        )),
    }
}

fn outage(view: &View<'_>) -> Option<String> {
    let most = OLDEST_DAYS * 86_400;
    (view.input.outage.as_secs() >= most).then(|| {
        format!(
            "CloudWatch refuses records older than {OLDEST_DAYS} days: what an outage of {} leaves is rejected in part",
            show_duration(view.input.outage)
        )
    })
}

fn quota(view: &View<'_>) -> Option<String> {
    let fleet = &view.month.fleet;
    if fleet.quota_share <= QUOTA_SHARE {
        return None;
    }
    let percent = fleet.quota_share * 100.0;
    let what = format!(
        "the fleet makes {} PutLogEvents calls a second, {percent:.1} % of the account's quota of {}",
        count(fleet.put_calls_per_second.ceil() as u64),
        count(view.input.put_quota as u64),
    );
    Some(match fleet.linger {
        Some(linger) => format!(
            "{what}: --linger {} keeps it within {:.0} % (plan again with it)",
            show_duration(linger),
            QUOTA_SHARE * 100.0
        ),
        None => format!(
            "{what}, and no linger helps: ask AWS for a higher quota, or divide the fleet among accounts or regions"
        ),
    })
}

fn put_rate(view: &View<'_>) -> Option<String> {
    let most = view.settings.engine.put_rate.get();
    let needed = view.flow.full_calls();
    (needed > f64::from(most)).then(|| {
        format!(
            "one sidecar fills {} batches a second, and the default of --put-rate is {most}: set it above",
            count(needed.ceil() as u64)
        )
    })
}

fn lanes(view: &View<'_>) -> Option<String> {
    let most = u64::from(view.settings.engine.max_lanes.get());
    (view.input.destinations > most).then(|| {
        format!(
            "{} destinations are more than the default of --max-lanes, {}",
            count(view.input.destinations),
            count(most)
        )
    })
}

fn rate(view: &View<'_>) -> Option<String> {
    let most = most_records(view.input, &view.flow, view.measured);
    (view.flow.records > most).then(|| {
        let how = match view.input.intake {
            Intake::Text => "with one write per record (larger writes, and --framed, carry more)",
            Intake::Framed => "from framed clients",
        };
        format!(
            "{} records a second are more than one sidecar was measured to take {how}: {} of this size; divide the pod's apps among several",
            count(view.flow.records.ceil() as u64),
            count(most as u64)
        )
    })
}

fn processors(view: &View<'_>) -> Option<String> {
    let cores = view.month.sidecar.cpu_cores;
    (cores > PROCESSORS).then(|| {
        format!("{cores:.1} cores are more than the {PROCESSORS} processors that were measured: take the CPU as a guess, and measure")
    })
}

fn catch_up(view: &View<'_>) -> Option<String> {
    let spool = view.month.sidecar.spool.as_ref()?;
    spool.catch_up_seconds.is_none().then(|| {
        "after the outage records come as fast as catching up is known to go, or the quota lets it: how long it takes is not known"
            .to_owned()
    })
}
