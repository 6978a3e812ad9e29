//! Tables of the task workload.

use super::{lost, maybe, memory};
use crate::report::document::{is_its, WITHOUT, WITH_SYNC};
use crate::report::plots::tasks::{eleven, ratio_line};
use crate::report::select::{cpu_each, remotes, sum, task_cases, TaskCase};
use crate::report::stats::median;
use crate::report::table::{Cell, Table};
use crate::report::words;
use crate::results::{Account, Mode, Results, Shape, TaskRun};

const COLUMNS: [&str; 14] = [
    "remote",
    "mode",
    "rounds",
    "requests",
    "least s",
    "average s",
    "greatest s",
    "÷ none",
    "lost",
    "task p50 ms",
    "task p99 ms",
    "app CPU a request",
    "sidecar CPU",
    "MiB, app + sidecar",
];

pub(in crate::report) fn main(results: &Results) -> Vec<Table> {
    task_cases(results).iter().map(|case| table(results, case)).collect()
}

fn table(results: &Results, case: &TaskCase) -> Table {
    let ratio = ratio_line(results, case).map_or(String::new(), |line| format!(" {}", eleven(&line, &case.shape)));
    let queue = results.tasks.iter().any(|run| (run.mode, run.app, run.shape) == (Mode::Queue, case.app, case.shape));
    let queue = words::queue_note(case.app, queue);
    let note =
        format!("Wall time of a request over all requests of all rounds.{}{ratio}{queue}", document(&case.shape));
    let mut table = Table::new(case.title(), note, 2, &COLUMNS);
    for remote in remotes(results.tasks.iter().map(|run| run.remote.as_str())) {
        let none = average(&case.runs(results, Mode::None, remote));
        for mode in Mode::ALL {
            let mut runs = case.runs(results, mode, remote);
            // What does not see the remote is shown where it was run.
            runs.retain(|run| run.remote == remote);
            if !runs.is_empty() {
                table.push(Some(mode), cells(case, remote, mode, &runs, none));
            }
        }
    }
    table
}

/// The document's seconds, beside requests like its own.
fn document(shape: &Shape) -> String {
    if !is_its(shape) {
        return String::new();
    }
    let [on, off] = [WITH_SYNC, WITHOUT]
        .map(|seconds| [seconds.least, seconds.average, seconds.greatest].map(words::number).join(" / "));
    format!(" The document, synchronous Watchtower on: {on} s; off: {off} s.")
}

fn all(runs: &[&TaskRun]) -> Vec<f64> {
    runs.iter().flat_map(|run| run.request_seconds.iter().copied()).collect()
}

fn average(runs: &[&TaskRun]) -> Option<f64> {
    let all = all(runs);
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

fn cells(case: &TaskCase, remote: &str, mode: Mode, runs: &[&TaskRun], none: Option<f64>) -> Vec<Cell> {
    let seconds = all(runs);
    let of =
        |value: &dyn Fn(&TaskRun) -> Option<f64>| median(&runs.iter().filter_map(|run| value(run)).collect::<Vec<_>>());
    let cpu = |run: &TaskRun| cpu_each(&run.cpu, run.request_seconds.len() as u64);
    let resident = [of(&|run| run.memory.app_mib), of(&|run| run.memory.sidecar_mib)];
    let resident = resident.into_iter().flatten().map(memory).collect::<Vec<_>>();
    vec![
        words::remote(remote).into(),
        words::mode(case.app, mode).into(),
        runs.len().to_string().into(),
        seconds.len().to_string().into(),
        maybe(seconds.iter().copied().reduce(f64::min), words::number),
        maybe(average(runs), words::number),
        maybe(seconds.iter().copied().reduce(f64::max), words::number),
        maybe(average(runs).zip(none).map(|(own, none)| own / none), words::times),
        lost(runs.iter().map(|run| run.account).fold(Account::default(), sum)),
        maybe(of(&|run| Some(run.task.p50 as f64 / 1e3)), words::number),
        maybe(of(&|run| Some(run.task.p99 as f64 / 1e3)), words::number),
        maybe(of(&|run| Some(cpu(run).0)), |cpu| app_cpu(mode, cpu)),
        maybe(of(&|run| cpu(run).1), words::micros),
        if resident.is_empty() { "–".into() } else { resident.join(" + ").into() },
    ]
}

/// What a queue uses to send comes later than its requests.
fn app_cpu(mode: Mode, micros: f64) -> String {
    let apart = if mode == Mode::Queue { ", sending apart" } else { "" };
    format!("{}{apart}", words::micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_shape_of_each_app_has_its_table() {
        let tables = main(&sample::results());
        assert_eq!(tables.len(), 2);
        assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.cells.len() == COLUMNS.len())));
        assert!(tables[0].note.contains("os._exit") && tables[0].text().contains("sending apart"));
        assert!(
            tables[0].text().contains("Watchtower sync") && tables[0].note.contains("135 / 166 / 202 s"),
            "{}",
            tables[0].text()
        );
    }
}
