//! Tables of the pipeline alone: load record, shippers side by side, sweeps, recovery, soak.

use super::{count, lost, maybe};
use crate::report::select::sum;
use crate::report::stats::median;
use crate::report::table::{Cell, Table};
use crate::report::words;
use crate::results::{Account, Condition, LoadRun, Results, SoakRun, SweepRun};

const LOAD: [&str; 21] = [
    "shipper",
    "condition",
    "spool",
    "lines/min",
    "success %",
    "lost",
    "p50 / p95 / p99 ms",
    "lines/s",
    "CPU %",
    "CPU s/M",
    "peak MiB",
    "limit",
    "OOM",
    "caught up",
    "spool MiB/s",
    "GiB/day",
    "tx MiB/s",
    "rx MiB/s",
    "disk w / r MiB/s ~ IOPS",
    "call errors %",
    "loss %",
];

pub(in crate::report) fn load(results: &Results) -> Vec<Table> {
    let note = "A row is what was offered and what it cost. Latency: from when a line was due to its acceptance, an outage included. \
                Limit: the budget of records / the kernel's limit, MiB. Disk: the spool's device, for whomever; own: file pages that the shipper made dirty or read. Caught up: from the outage's end.";
    let mut table = Table::new("Load record", note, 3, &LOAD);
    for run in results.load.iter().filter(|run| run.faults.is_empty()) {
        table.push(None, load_cells(run));
    }
    let record = (!table.rows.is_empty()).then_some(table);
    record.into_iter().chain(shippers(results)).collect()
}

fn load_cells(run: &LoadRun) -> Vec<Cell> {
    let percent = |value: f64| format!("{value:.1}");
    let ms = |micros: u64| words::number(micros as f64 / 1e3);
    let latency = &run.end_to_end;
    let limit = |value: Option<f64>| value.map_or("none".to_owned(), words::tick);
    let condition = match (run.condition, run.outage_seconds) {
        (Condition::Healthy, _) => "healthy".to_owned(),
        (Condition::Outage, seconds) => format!("outage, {}", seconds.map_or("?".to_owned(), words::seconds)),
    };
    let reached =
        run.limit_reached.filter(|times| *times > 0).map_or(String::new(), |times| format!("limit reached {times} ×"));
    let pair = |write: Option<f64>, read: Option<f64>| {
        let [write, read] = [write, read].map(|value| value.map_or("–".to_owned(), words::number));
        format!("{write} / {read}")
    };
    let disk = match run.disk_operations_per_second {
        None => Cell::from("–"),
        Some(operations) => Cell::with_small(
            format!(
                "{} ~ {}",
                pair(run.disk_write_mib_per_second, run.disk_read_mib_per_second),
                words::number(operations)
            ),
            format!("own {}", pair(run.own_write_mib_per_second, run.own_read_mib_per_second)),
        ),
    };
    vec![
        Cell::with_small(run.shipper.as_str(), run.comment.as_str()),
        condition.into(),
        if run.spool { "yes" } else { "no" }.into(),
        words::thousands(run.offered_per_minute as f64).into(),
        percent(run.success_percent).into(),
        lost(run.account),
        format!("{} / {} / {}", ms(latency.p50), ms(latency.p95), ms(latency.p99)).into(),
        words::thousands(run.delivered_per_second).into(),
        words::number(run.cpu_percent).into(),
        maybe(Some(run.cpu_seconds_per_million), words::number),
        words::number(run.peak_mib).into(),
        format!("{} / {}", limit(run.budget_mib), limit(run.limit_mib)).into(),
        Cell { small: reached, ..count(run.oom_kills) },
        maybe(run.caught_up_seconds, words::seconds),
        maybe(run.spool_mib_per_second, words::number),
        maybe(run.spool_gib_per_day, words::number),
        words::number(run.sent_mib_per_second).into(),
        words::number(run.received_mib_per_second).into(),
        disk,
        percent(run.call_error_percent).into(),
        percent(run.loss_percent).into(),
    ]
}

/// Ours and what was put in its place, by rate: only where there are others.
fn shippers(results: &Results) -> Option<Table> {
    let runs: Vec<&LoadRun> = results.load.iter().filter(|run| run.faults.is_empty()).collect();
    let mut names: Vec<&str> = runs.iter().map(|run| run.shipper.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < 2 {
        return None;
    }
    let columns = ["condition", "lines/min", "shipper", "spool", "lines/s", "CPU s/M", "peak MiB", "lost"];
    let mut table =
        Table::new("Shippers side by side", "The same lines, endpoint and machine; medians of runs.", 4, &columns);
    let mut keys: Vec<(Condition, u64, &str, bool)> =
        runs.iter().map(|run| (run.condition, run.offered_per_minute, run.shipper.as_str(), run.spool)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let same: Vec<&LoadRun> = runs
            .iter()
            .copied()
            .filter(|run| (run.condition, run.offered_per_minute, run.shipper.as_str(), run.spool) == key)
            .collect();
        let of = |value: fn(&LoadRun) -> f64| median(&same.iter().map(|run| value(run)).collect::<Vec<_>>());
        table.push(
            None,
            vec![
                if key.0 == Condition::Healthy { "healthy" } else { "outage" }.into(),
                words::thousands(key.1 as f64).into(),
                key.2.into(),
                if key.3 { "yes" } else { "no" }.into(),
                maybe(of(|run| run.delivered_per_second), words::thousands),
                maybe(of(|run| run.cpu_seconds_per_million), words::number),
                maybe(of(|run| run.peak_mib), words::number),
                lost(same.iter().map(|run| run.account).fold(Account::default(), sum)),
            ],
        );
    }
    Some(table)
}

const SWEEPS: [&str; 13] = [
    "parameter",
    "value",
    "rounds",
    "bytes",
    "records",
    "records/s",
    "MiB/s",
    "CPU s/M",
    "peak MiB",
    "batches",
    "p50 / p95 / p99 ms",
    "doubled",
    "lost",
];

pub(in crate::report) fn sweeps(results: &Results) -> Option<Table> {
    let mut table = Table::new("Sweeps", "Medians of rounds.", 1, &SWEEPS);
    let mut keys: Vec<(&str, f64)> = Vec::new();
    for run in results.sweeps.iter().filter(|run| run.faults.is_empty()) {
        if !keys.contains(&(run.parameter.as_str(), run.value)) {
            keys.push((run.parameter.as_str(), run.value));
        }
    }
    for key in keys {
        let same = |run: &&SweepRun| run.faults.is_empty() && (run.parameter.as_str(), run.value) == key;
        let runs: Vec<&SweepRun> = results.sweeps.iter().filter(same).collect();
        if let Some(last) = runs.last() {
            table.push(None, sweep_cells(&runs, last));
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn sweep_cells(runs: &[&SweepRun], last: &SweepRun) -> Vec<Cell> {
    let of = |value: fn(&SweepRun) -> f64| median(&runs.iter().map(|run| value(run)).collect::<Vec<_>>());
    let latency = last.end_to_end.as_ref().map_or_else(
        || Cell::from("–"),
        |latency| {
            [latency.p50, latency.p95, latency.p99].map(|micros| words::number(micros as f64 / 1e3)).join(" / ").into()
        },
    );
    let account = runs.iter().map(|run| run.account).fold(Account::default(), sum);
    vec![
        Cell::with_small(last.parameter.as_str(), last.note.as_str()),
        words::number(last.value).into(),
        runs.len().to_string().into(),
        count(last.record_bytes),
        count(last.records),
        maybe(of(|run| run.per_second), words::thousands),
        maybe(of(|run| run.mib_per_second), words::number),
        maybe(of(|run| run.cpu_seconds_per_million), words::number),
        maybe(of(|run| run.peak_mib), words::number),
        count(last.batches),
        latency,
        count(account.doubled),
        lost(account),
    ]
}

pub(in crate::report) fn recovery(results: &Results) -> Option<Table> {
    let columns = [
        "spool GiB",
        "records",
        "first record s",
        "first send s",
        "all delivered s",
        "peak until first send MiB",
        "peak MiB",
        "doubled",
        "lost",
    ];
    let note =
        "From the start of the process after a kill -9. The document's recovery of a write-ahead log took 25 minutes.";
    let mut table = Table::new("Recovery after a crash", note, 0, &columns);
    for run in results.recoveries.iter().filter(|run| run.faults.is_empty()) {
        table.push(
            None,
            vec![
                words::tick(run.spool_gib).into(),
                count(run.records),
                words::number(run.first_record_seconds).into(),
                words::number(run.first_send_seconds).into(),
                words::number(run.all_delivered_seconds).into(),
                words::number(run.peak_until_first_send_mib).into(),
                words::number(run.peak_mib).into(),
                count(run.account.doubled),
                lost(run.account),
            ],
        );
    }
    (!table.rows.is_empty()).then_some(table)
}

pub(in crate::report) fn soak(results: &Results) -> Option<Table> {
    let columns = [
        "verdict",
        "minutes",
        "records/s",
        "slope MiB/h (95 %)",
        "scrapes",
        "failed",
        "slowest ms",
        "bound ms",
        "p50 / p99 ms",
        "lost",
    ];
    let mut table = Table::new(
        "Soak",
        "Slope of resident memory after the first tenth; /metrics asked all the while.",
        1,
        &columns,
    );
    for run in results.soaks.iter().filter(|run| run.faults.is_empty()) {
        let [middle, low, high] = [run.slope_mib_per_hour, run.slope_low, run.slope_high].map(words::number);
        table.push(
            None,
            vec![
                slope(run).into(),
                words::number(run.seconds / 60.0).into(),
                words::thousands(run.per_second).into(),
                format!("{middle} ({low} to {high})").into(),
                count(run.scrapes),
                count(run.scrapes_failed),
                words::number(run.slowest_scrape_ms).into(),
                words::number(run.scrape_bound_ms).into(),
                format!(
                    "{} / {}",
                    words::number(run.end_to_end.p50 as f64 / 1e3),
                    words::number(run.end_to_end.p99 as f64 / 1e3)
                )
                .into(),
                lost(run.account),
            ],
        );
    }
    (!table.rows.is_empty()).then_some(table)
}

fn slope(run: &SoakRun) -> String {
    if !run.verdict.is_empty() {
        run.verdict.clone()
    } else if run.slope_low > 0.0 {
        "memory grows".to_owned()
    } else {
        format!("no growth beyond {} MiB/h seen", words::number(run.slope_high.max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn rows_are_as_long_as_their_heads() {
        let results = sample::results();
        let mut tables = load(&results);
        assert_eq!(tables.len(), 2);
        tables.extend([sweeps(&results), recovery(&results), soak(&results)].into_iter().flatten());
        assert_eq!(tables.len(), 5);
        for table in tables {
            assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()), "{}", table.title);
        }
    }

    #[test]
    fn without_others_there_is_nothing_side_by_side() {
        let mut results = sample::results();
        results.load.retain(|run| run.shipper == "splashdam");
        assert!(shippers(&results).is_none() && sweeps(&Results::default()).is_none());
    }
}
