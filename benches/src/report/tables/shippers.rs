//! Shippers side by side under the task workload: ours behind its client, and what was put in its place.

use super::{lost, maybe};
use crate::report::select::{remotes, sum, task_cases, TaskCase};
use crate::report::stats::median;
use crate::report::table::{Cell, Table};
use crate::report::words;
use crate::results::{Account, Mode, Results, TaskRun};

const COLUMNS: [&str; 10] = [
    "remote",
    "shipper",
    "records come as",
    "rounds",
    "average s",
    "records/s",
    "CPU s/M",
    "app CPU s/M",
    "peak MiB",
    "lost",
];
const NOTE: &str = "Medians of runs. Records/s: logged by the app in a second of its requests. CPU, of the shipper and of the app with \
                    all its other work, for a million records delivered; what a shipper used between SIGTERM and its end is not in it.";

/// Only where there is another.
pub(in crate::report) fn tasks(results: &Results) -> Vec<Table> {
    task_cases(results).iter().filter_map(|case| table(results, case)).collect()
}

fn table(results: &Results, case: &TaskCase) -> Option<Table> {
    let mut table = Table::new(format!("Shippers side by side, {}", case.title()), NOTE, 3, &COLUMNS);
    for remote in remotes(results.tasks.iter().map(|run| run.remote.as_str())) {
        let others = case.runs(results, Mode::Shipper, remote);
        if others.is_empty() {
            continue;
        }
        let ours = case.runs(results, Mode::Splashdam, remote);
        if !ours.is_empty() {
            table.push(Some(Mode::Splashdam), cells(remote, (Mode::Splashdam.name(), "frames, by its client"), &ours));
        }
        let mut names: Vec<&str> = others.iter().copied().map(name).collect();
        names.sort_unstable();
        names.dedup();
        for of in names {
            let runs: Vec<&TaskRun> = others.iter().copied().filter(|run| name(run) == of).collect();
            table.push(None, cells(remote, (of, "lines"), &runs));
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn name(run: &TaskRun) -> &str {
    run.shipper.as_deref().unwrap_or(run.mode.name())
}

fn cells(remote: &str, (name, come_as): (&str, &str), runs: &[&TaskRun]) -> Vec<Cell> {
    let of =
        |value: &dyn Fn(&TaskRun) -> Option<f64>| median(&runs.iter().filter_map(|run| value(run)).collect::<Vec<_>>());
    let mut comments: Vec<&str> = runs.iter().map(|run| run.comment.as_str()).filter(|said| !said.is_empty()).collect();
    comments.dedup();
    vec![
        words::remote(remote).into(),
        Cell::with_small(name, comments.join("\n")),
        come_as.into(),
        runs.len().to_string().into(),
        maybe(of(&|run| Some(seconds(run) / run.request_seconds.len() as f64)), words::number),
        maybe(of(&|run| Some(logged(run) / seconds(run))), words::thousands),
        maybe(of(&|run| Some(run.cpu.sidecar_seconds? / millions(run))), words::number),
        maybe(of(&|run| Some(run.cpu.app_seconds / millions(run))), words::number),
        maybe(of(&|run| run.memory.sidecar_mib), words::number),
        lost(runs.iter().map(|run| run.account).fold(Account::default(), sum)),
    ]
}

fn seconds(run: &TaskRun) -> f64 {
    run.request_seconds.iter().sum()
}

/// Records of the measured requests.
fn logged(run: &TaskRun) -> f64 {
    (run.shape.records * run.request_seconds.len() as u64) as f64
}

/// Of these, those that were delivered, in millions: the account is of all requests, that of the warm-up included.
fn millions(run: &TaskRun) -> f64 {
    let share = run.account.delivered as f64 / run.account.emitted as f64;
    logged(run) * share / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::results::App;

    /// The sample with a shipper beside each run of ours, which loses half.
    fn results() -> Results {
        let mut results = sample::results();
        let ours = results.tasks.iter().filter(|run| run.mode == Mode::Splashdam && run.remote == "10").cloned();
        let others: Vec<TaskRun> = ours
            .map(|run| TaskRun {
                mode: Mode::Shipper,
                shipper: Some("<b>other</b>".to_owned()),
                account: Account { delivered: run.account.emitted / 2, lost: run.account.emitted / 2, ..run.account },
                comment: "at its end: killed".to_owned(),
                ..run
            })
            .collect();
        results.tasks.extend(others);
        results
    }

    #[test]
    fn ours_and_another_stand_side_by_side() {
        let tables = tasks(&results());
        assert_eq!(tables.len(), 2);
        for table in &tables {
            assert_eq!(table.rows.len(), 2, "{}", table.text());
            assert!(table.rows.iter().all(|row| row.cells.len() == COLUMNS.len()));
        }
        let [ours, other] = &tables[0].rows[..] else { panic!("not two rows") };
        assert_eq!((ours.cells[1].text.as_str(), other.cells[1].small.as_str()), ("splashdam", "at its end: killed"));
        let html = tables[0].html();
        assert!(html.contains("&lt;b&gt;other") && !html.contains("<b>other"), "{html}");
    }

    #[test]
    fn cpu_is_for_what_was_delivered() {
        let results = results();
        let of = |mode: Mode| {
            let run = results.tasks.iter().find(|run| (run.app, run.mode) == (App::Rust, mode) && run.remote == "10");
            millions(run.unwrap())
        };
        assert!((of(Mode::Splashdam) / of(Mode::Shipper) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn without_another_there_is_no_table() {
        assert!(tasks(&sample::results()).is_empty());
    }
}
