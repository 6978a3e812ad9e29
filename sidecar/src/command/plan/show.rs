//! A plan as Markdown whose source reads as plain tables. Pure.

use std::fmt::Write as _;

use super::coefficients::{Coefficient, CREATE_QUOTA, QUOTA_SHARE};
use super::model::{Growing, Input, Intake, Month, Plan, Spool};
use crate::command::human::{bytes, count, duration};
use crate::config::{show_duration, show_size};

mod grid;

use grid::{grid, Side};

const GIB: f64 = 1_073_741_824.0;

pub(super) fn show(plan: &Plan) -> String {
    let (Some(now), Some(then)) = (plan.months.first(), plan.months.last()) else { return String::new() };
    let mut text = format!("**splashdam plan**: {}\n\n", headline(&plan.input));
    text.push_str(&sidecar(plan, now, then));
    text.push('\n');
    text.push_str(&fleet(plan, now, then));
    text.push('\n');
    text.push_str(&months(plan));
    for warning in &plan.warnings {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n**Warning**, {}: {}\n", when(warning.month), warning.text);
    }
    text.push('\n');
    text.push_str(&sources(plan));
    text
}

fn headline(input: &Input) -> String {
    let grows = match input.growing {
        Growing::Records => "records",
        Growing::Pods => "pods",
    };
    let intake = match input.intake {
        Intake::Text => "text, a write each",
        Intake::Framed => "framed, many to a write",
    };
    format!(
        "{} × {} of {} ({intake}) to {}; {} % {} {grows} a month; {}; linger {}",
        plural(input.pods, "pod"),
        records(input.records_per_second),
        bytes(input.bytes),
        plural(input.destinations, "stream"),
        decimal((input.growth_per_month * 100.0).abs()),
        if input.growth_per_month < 0.0 { "fewer" } else { "more" },
        if input.outage.is_zero() {
            "no spool".to_owned()
        } else {
            format!("outage of {}", show_duration(input.outage))
        },
        show_duration(input.linger),
    )
}

type Row = (&'static str, fn(&Month) -> String, String);

fn sidecar(plan: &Plan, now: &Month, then: &Month) -> String {
    let measured = &plan.coefficients;
    let [first, last] = [now, then].map(|month| format!("{:.3}", month.sidecar.cpu_cores));
    let cores = if first == last { first } else { format!("{first} and {last}") };
    let cpu = format!("{cores} cores × {}; no CPU limit", plan.cpu_factor);
    let stream = measured.lane_memory() / 1_024.0;
    let streams = if plan.input.destinations > 1 { format!(", {stream:.0} KiB a stream") } else { String::new() };
    let memory = format!(
        "`--memory` and 40 MiB{streams}; measured: {} of {} MiB (`{}`)",
        measured.pod_memory.value, measured.pod_limit.value, measured.pod_memory.row
    );
    let mut rows: Vec<Row> = vec![
        ("CPU request", |month| format!("{}m", month.sidecar.cpu_request_millicores), cpu),
        ("memory request and limit", |month| kubernetes(month.sidecar.memory_limit_bytes), memory),
        (
            "`--memory`",
            |month| show_size(month.sidecar.memory_budget_bytes),
            "a linger and a slow answer's records".to_owned(),
        ),
    ];
    if now.sidecar.spool.is_some() {
        rows.extend(disk(&plan.input));
    } else {
        let share = "then clients wait, or `--overflow` decides".to_owned();
        rows.push(("outage that memory bridges", |month| duration(month.sidecar.memory_bridges_seconds), share));
    }
    table("one sidecar", rows, now, then)
}

fn disk(input: &Input) -> [Row; 4] {
    let share = match input.destinations {
        1 => "a lone destination gets two thirds".to_owned(),
        lanes => format!("{lanes} destinations get {} of {} parts", 2 * lanes, 2 * lanes + 1),
    };
    [
        (
            "`--spool-max`",
            |month| of_spool(month, |spool| show_size(spool.max_bytes)),
            format!("the outage and 30 s; {share}"),
        ),
        (
            "emptyDir `sizeLimit`",
            |month| of_spool(month, |spool| kubernetes(spool.volume_bytes)),
            "and 112 MiB that may stand beside".to_owned(),
        ),
        (
            "disk writes in the outage",
            |month| {
                of_spool(month, |spool| {
                    format!("{} MiB/s", decimal(spool.written_bytes_per_second / f64::from(1 << 20)))
                })
            },
            "hardly any without one (`spool.disk`)".to_owned(),
        ),
        (
            "then catching up",
            |month| of_spool(month, |spool| spool.catch_up_seconds.map_or_else(|| "unknown".to_owned(), duration)),
            "at most, as measured (`spool.outage`)".to_owned(),
        ),
    ]
}

fn of_spool(month: &Month, show: impl FnOnce(&Spool) -> String) -> String {
    month.sidecar.spool.as_ref().map_or_else(|| "-".to_owned(), show)
}

fn fleet(plan: &Plan, now: &Month, then: &Month) -> String {
    let input = &plan.input;
    let prices = &plan.prices;
    let cost = format!(
        "{} {} a GB in, {} a GB-month kept ({} % of {})",
        prices.currency,
        prices.ingestion_per_gb,
        prices.storage_per_gb_month,
        decimal(prices.stored_share * 100.0),
        plural(input.retention_days, "day"),
    );
    let quota = format!("{}/s for the account and region", count(input.put_quota as u64));
    let rows: Vec<Row> = vec![
        (
            "PutLogEvents",
            |month| calls(month.fleet.put_calls_per_second),
            "full batches, or one a linger for each stream".to_owned(),
        ),
        ("of the quota", |month| percent(month.fleet.quota_share), quota),
        (
            "`--linger`",
            |month| month.fleet.linger.map_or_else(|| "none helps".to_owned(), show_duration),
            format!("stays within {:.0} % of the quota", QUOTA_SHARE * 100.0),
        ),
        (
            "creating all streams",
            |month| duration(month.fleet.streams_created_seconds),
            format!("{CREATE_QUOTA}/s for the account and region"),
        ),
        ("taken in a day", |month| gib(month.fleet.bytes_per_day), "text and 26 bytes a record".to_owned()),
        ("cost a month", |month| money(month.fleet.cost()), cost),
    ];
    table("the fleet", rows, now, then)
}

fn table(what: &str, rows: Vec<Row>, now: &Month, then: &Month) -> String {
    let head = [what, "now", "in 12 months", "from"].map(str::to_owned);
    let cells = |(name, value, from): Row| [name.to_owned(), value(now), value(then), from];
    let rows: Vec<_> = std::iter::once(head).chain(rows.into_iter().map(cells)).collect();
    grid(&rows, [Side::Left, Side::Right, Side::Right, Side::Left])
}

fn months(plan: &Plan) -> String {
    let cost = format!("{} a month", plan.prices.currency);
    let head = ["month", "pods", "records/s of one", "GiB a day", "calls/s", "of quota", "CPU", "`--spool-max`", &cost];
    let row = |month: &Month| {
        [
            month.month.to_string(),
            count(month.pods),
            small(month.records_per_second),
            small(month.fleet.bytes_per_day / GIB),
            small(month.fleet.put_calls_per_second),
            percent(month.fleet.quota_share),
            format!("{}m", month.sidecar.cpu_request_millicores),
            of_spool(month, |spool| show_size(spool.max_bytes)),
            money(month.fleet.cost()),
        ]
    };
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(plan.months.iter().map(row)).collect();
    grid(&rows, [Side::Right; 9])
}

/// Where the numbers are from, and what they leave out.
fn sources(plan: &Plan) -> String {
    let measured = &plan.coefficients;
    let (taken, prices) = (measured.taken, &plan.prices);
    let bulk = [measured.bulk_cpu, measured.tls_cpu, measured.spool_cpu].map(show_coefficient).join(", ");
    let lines = [
        format!("Measured {} on {}; again: `{}`.", taken.date, taken.machine, taken.command),
        format!(
            "CPU seconds per million records of {} bytes: {} one to a write, {bulk} many to one.",
            measured.record_bytes.value,
            show_coefficient(measured.single_cpu)
        ),
        format!(
            "Below {} the writes of that rate are paid; longer records cost in proportion; × {} for bursts and slower cores.",
            records(measured.single_rate.value),
            plan.cpu_factor
        ),
        "Quotas: AWS's defaults, which can be raised; they are shared by everybody in the account and region.".to_owned(),
        format!("Prices: {}, {}, {}; no free tier, no queries.", prices.region, prices.as_of, prices.source),
        "The rate is taken for the month's mean, and the 26 bytes for billed, which AWS does not say.".to_owned(),
    ];
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

fn show_coefficient(coefficient: Coefficient) -> String {
    format!("{} (`{}`)", coefficient.value, coefficient.row)
}

fn when(month: u32) -> String {
    match month {
        0 => "now".to_owned(),
        month => format!("from month {month} on"),
    }
}

fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

fn records(a_second: f64) -> String {
    format!("{} records/s", small(a_second))
}

/// Two digits behind the point where there is little before it.
fn small(number: f64) -> String {
    match number {
        _ if number >= 100.0 => count(number.round() as u64),
        _ => decimal(number),
    }
}

fn decimal(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn calls(a_second: f64) -> String {
    format!("{}/s", small(a_second))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn gib(amount: f64) -> String {
    format!("{} GiB", small(amount / GIB))
}

fn money(amount: f64) -> String {
    count(amount.ceil() as u64)
}

/// As Kubernetes writes it.
fn kubernetes(bytes: u64) -> String {
    match bytes.div_ceil(1 << 20) {
        mebi if mebi.is_multiple_of(1 << 10) => format!("{}Gi", mebi >> 10),
        mebi => format!("{mebi}Mi"),
    }
}
