//! Tables of the API workload: beside the document's, the cost that a long service time hides, and every case.

use crate::report::document;
use crate::report::maximum::maximum_throughput;
use crate::report::plots::closed::threads;
use crate::report::select::{
    added, by_round, cases, each, headline_remote, paired, remotes, scatter_of_requests, usual_query_ms, Added, Case,
    How, Summary,
};
use crate::report::stats;
use crate::report::table::{Cell, Table};
use crate::report::words;
use crate::results::{ApiRun, App, Mode, Operation, Results, Topology};

use super::{count, lost, maybe, memory};

const APPS: [App; 2] = [App::Python, App::Rust];
const OPERATIONS: [Operation; 3] = [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown];

/// What is shown beside the plots.
pub(in crate::report) fn main(results: &Results) -> Vec<Table> {
    let mut all: Vec<Table> = serial(results).into_iter().collect();
    all.extend(APPS.into_iter().filter_map(|app| closed(results, app)));
    all.extend(bare(results));
    all
}

fn usual(results: &Results, app: App, operation: Operation, remote: &str) -> Case {
    let query_ms = usual_query_ms(results);
    Case { app, operation, topology: Topology::Single, query_ms, remote: remote.to_owned() }
}

/// Requests one after the other, in the mean, as the document gives them.
fn serial(results: &Results) -> Option<Table> {
    let mut columns = vec!["server", "remote", "operation"];
    columns.extend(Mode::ALL.iter().map(|mode| mode.name()));
    columns.extend(["sync ÷ none", "document: on", "off", "on ÷ off"]);
    let note = "Mean of a request in ms, medians of rounds. The document: synchronous Watchtower on and off, 100 requests × 5, cloudigrade's \
                stage environment, April 2022; its remote's latency is not told.";
    let mut table = Table::new("Serial requests beside the document's", note, 3, &columns);
    let all = remotes(results.api.iter().filter(|run| run.mode.ships()).map(|run| run.remote.as_str()));
    for (app, remote, operation) in APPS
        .into_iter()
        .flat_map(|app| all.iter().flat_map(move |remote| OPERATIONS.map(move |operation| (app, *remote, operation))))
    {
        let case = usual(results, app, operation, remote);
        let mean = |mode| Some(Summary::of(&case.driven(results, mode, How::Serial))?.mean / 1e3);
        if Mode::ALL.into_iter().filter(|mode| mode.ships()).all(|mode| mean(mode).is_none()) {
            continue;
        }
        let mut cells: Vec<Cell> =
            vec![words::server(app).into(), words::remote(remote).into(), words::operation(operation).into()];
        cells.extend(Mode::ALL.map(|mode| maybe(mean(mode), words::number)));
        cells.push(maybe(mean(Mode::Sync).zip(mean(Mode::None)).map(|(sync, none)| sync / none), |times| {
            format!("{times:.2}")
        }));
        let document = operation.seed_ms();
        cells.push(maybe(document.map(|(on, _)| on), words::number));
        cells.push(maybe(document.map(|(_, off)| off), words::number));
        cells.push(maybe(document.map(|(on, off)| on / off), words::times));
        table.push(None, cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Average, median and throughput by threads, as in the document's table.
fn closed(results: &Results, app: App) -> Option<Table> {
    let case = usual(results, app, Operation::ConcurrentKnown, &headline_remote(results)?);
    let modes: Vec<Mode> = Mode::ALL
        .into_iter()
        .filter(|mode| case.runs(results, *mode).iter().any(|run| matches!(How::from(run.drive), How::Closed(_))))
        .collect();
    let mut columns = vec!["threads"];
    columns.extend(modes.iter().map(|mode| words::mode(app, *mode)));
    columns.extend(["document", "document, per pod"]);
    let note = "Average / median in ms, and requests a minute; ours is one pod, the document's numbers are of two (medians of its \
                three runs).";
    let title = format!("{}: closed loops, concurrent of a known identity", words::server(app));
    let mut table = Table::new(title, note, 1, &columns);
    for threads in threads(results, &case) {
        let cell = |mode: &Mode| {
            let found = Summary::of(&case.driven(results, *mode, How::Closed(threads)));
            found.map_or_else(
                || Cell::from("–"),
                |found| parallel(found.mean / 1e3, found.p50 / 1e3, 60.0 * found.per_second),
            )
        };
        let mut cells: Vec<Cell> = vec![threads.to_string().into()];
        cells.extend(modes.iter().map(cell));
        let document = document::PARALLEL.iter().find(|row| row.threads == threads);
        cells.push(document.map_or_else(|| "–".into(), |row| parallel(row.average_ms, row.median_ms, row.per_minute)));
        cells.push(maybe(document.map(|row| row.per_minute / document::PODS), words::thousands));
        table.push(None, cells);
    }
    (!table.rows.is_empty() && !modes.is_empty()).then_some(table)
}

fn parallel(average: f64, median: f64, per_minute: f64) -> Cell {
    Cell::with_small(words::thousands(per_minute), format!("{} / {} ms", words::number(average), words::number(median)))
}

/// With a database that answers at once nothing hides what a record costs.
fn bare(results: &Results) -> Option<Table> {
    let remote = headline_remote(results)?;
    let columns = [
        "server",
        "operation",
        "mode",
        "added to p50",
        "each record",
        "app CPU, each record",
        "sidecar CPU, each record",
        "maximum, of null's",
        "rounds",
    ];
    let note = "Over null, with no service time added to a query (a long one hides anything). Each record: of those the operation logs. ≈ 0: nothing that could be seen. \
                Maximum: with 16 threads, where app, sidecar, endpoint and load generator share the CPUs.";
    let mut table = Table::new("What a record costs at zero service time", note, 3, &columns);
    for (app, operation) in APPS.into_iter().flat_map(|app| OPERATIONS.map(|operation| (app, operation))) {
        let case = Case { query_ms: 0.0, ..usual(results, app, operation, &remote) };
        for mode in [Mode::None, Mode::Stdout, Mode::Splashdam, Mode::Sync, Mode::Queue] {
            if let Some(cells) = bare_cells(results, &case, mode) {
                table.push(Some(mode), cells);
            }
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn bare_cells(results: &Results, case: &Case, mode: Mode) -> Option<Vec<Cell>> {
    let how = crate::report::headline::how(results, case)?;
    let of = |mode, value: &dyn Fn(&ApiRun) -> f64| by_round(case.driven(results, mode, how), |run| run.round, value);
    let over = |value: &dyn Fn(&ApiRun) -> f64| added(&paired(&of(Mode::Null, value), &of(mode, value)), results.seed);
    let runs = |mode| case.driven(results, mode, how);
    let scatter = scatter_of_requests(&[runs(Mode::Null), runs(mode)]);
    let latency = Added { scatter, ..over(&|run| run.latency.p50 as f64)? };
    let cpu = over(&|run| each(run.cpu.app_seconds, run.requests))?;
    let sidecar = Summary::of(&case.driven(results, mode, how))?.sidecar_cpu;
    let records = case.operation.records() as f64;
    Some(vec![
        words::server(case.app).into(),
        words::operation(case.operation).into(),
        words::mode(case.app, mode).into(),
        with_ends(&latency, 1.0),
        with_ends(&latency, records),
        with_ends(&cpu, records),
        maybe(sidecar.map(|cpu| cpu / records), words::micros),
        bare_maximum(results, case, mode),
        latency.rounds.to_string().into(),
    ])
}

/// The share of null's maximum throughput where nothing but the app's own work limits it.
fn bare_maximum(results: &Results, case: &Case, mode: Mode) -> Cell {
    let of = |mode| maximum_throughput(&case.runs(results, mode));
    let pairs = paired(&of(Mode::Null), &of(mode));
    let Some(ratio) = stats::ratio_of_medians(&pairs, results.seed) else { return "–".into() };
    let [middle, low, high] = [ratio.middle, ratio.low, ratio.high].map(|ratio| format!("{:.1} %", 100.0 * ratio));
    let ends = if pairs.len() < stats::LEAST_ROUNDS { String::new() } else { format!("{low} to {high}") };
    Cell::with_small(middle, ends)
}

/// A cost of one of so many, and its interval where there are rounds enough for one.
fn with_ends(cost: &Added, parts: f64) -> Cell {
    let [middle, low, high] =
        [cost.by.middle, cost.by.low, cost.by.high].map(|micros| words::signed(micros / parts, words::micros));
    let ends = if cost.rounds < stats::LEAST_ROUNDS { String::new() } else { format!("{low} to {high}") };
    Cell::with_small(if cost.is_unseen() { "≈ 0".to_owned() } else { middle }, ends)
}

/// Every case: a table for each operation of each app.
pub(in crate::report) fn details(results: &Results) -> Vec<Table> {
    let mut tables: Vec<(App, Operation, Table)> = Vec::new();
    for case in cases(results) {
        let same =
            |(app, operation, _): &&mut (App, Operation, Table)| (*app, *operation) == (case.app, case.operation);
        let rows = rows(results, &case);
        match tables.iter_mut().find(same) {
            Some((_, _, table)) => table.rows.extend(rows.rows),
            None => tables.push((case.app, case.operation, rows)),
        }
    }
    tables.into_iter().map(|(_, _, table)| table).collect()
}

const COLUMNS: [&str; 18] = [
    "services",
    "remote",
    "query",
    "load",
    "mode",
    "rounds",
    "answered/s",
    "mean ms",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "errors",
    "app CPU",
    "sidecar CPU",
    "MiB, app + sidecar",
    "lost",
];

fn rows(results: &Results, case: &Case) -> Table {
    let title = format!("{}, {}: every run", words::server(case.app), words::operation(case.operation));
    let note = "Medians of rounds; latencies in ms; CPU is of one request, that of a queue without what it sends up to a minute later; memory is \
                the peak.";
    let mut table = Table::new(title, note, 5, &COLUMNS);
    let mut drives: Vec<(How, u64, String)> = Vec::new();
    let own = |run: &&ApiRun| run.faults.is_empty() && Case::new(run) == *case;
    for run in results.api.iter().filter(own) {
        let key = (How::from(run.drive), rate(run), words::drive(run.drive));
        if !drives.iter().any(|(how, rate, _)| (*how, *rate) == (key.0, key.1)) {
            drives.push(key);
        }
    }
    drives.sort();
    for ((how, at, drive), mode) in drives.iter().flat_map(|drive| Mode::ALL.map(|mode| (drive, mode))) {
        let runs: Vec<&ApiRun> = results
            .api
            .iter()
            .filter(own)
            .filter(|run| run.mode == mode && How::from(run.drive) == *how && rate(run) == *at)
            .collect();
        if let Some(summary) = Summary::of(&runs) {
            table.push(Some(mode), cells(case, drive, mode, &summary));
        }
    }
    table
}

/// Rungs of a ladder differ by their rate; phases are one load, though their rate may differ by round.
fn rate(run: &ApiRun) -> u64 {
    match run.drive {
        crate::results::Drive::Open { rate, phase: crate::results::Phase::Ladder } => (1e3 * rate).round() as u64,
        _ => 0,
    }
}

fn cells(case: &Case, drive: &str, mode: Mode, found: &Summary) -> Vec<Cell> {
    let ms = |micros: f64| Cell::from(words::number(micros / 1e3));
    let resident =
        [found.memory.app_mib, found.memory.sidecar_mib].into_iter().flatten().map(memory).collect::<Vec<_>>();
    vec![
        words::topology(case.topology).into(),
        words::remote(&case.remote).into(),
        format!("{} ms", words::tick(case.query_ms)).into(),
        drive.into(),
        words::mode(case.app, mode).into(),
        found.rounds.to_string().into(),
        words::number(found.per_second).into(),
        ms(found.mean),
        ms(found.p50),
        ms(found.p90),
        ms(found.p99),
        ms(found.p999),
        ms(found.max),
        count(found.errors),
        maybe(Some(found.app_cpu), words::micros),
        maybe(found.sidecar_cpu, words::micros),
        if resident.is_empty() { "–".into() } else { resident.join(" + ").into() },
        lost(found.account),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_document_stands_beside_our_serial_requests() {
        let table = serial(&sample::results()).unwrap();
        let text = table.text();
        assert!(text.contains("13.1") && text.contains("48.8") && text.contains("Django"), "{text}");
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
    }

    #[test]
    fn closed_loops_have_a_row_for_each_number_of_threads() {
        let table = closed(&sample::results(), App::Python).unwrap();
        assert_eq!(table.rows.len(), 5);
        assert!(table.text().contains("1,717  274 / 252 ms") && table.text().contains("858"), "{}", table.text());
    }

    #[test]
    fn bare_costs_are_of_one_record() {
        let text = bare(&sample::results()).unwrap().text();
        assert!(text.contains("Watchtower sync") && text.contains("µs"), "{text}");
    }

    #[test]
    fn details_have_every_case_and_whole_rows() {
        let results = sample::results();
        let tables = details(&results);
        assert_eq!(tables.len(), 7);
        assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.cells.len() == COLUMNS.len())));
    }
}
