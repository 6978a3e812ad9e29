//! Where the figures come from: machine, versions, command, seed; and what is not among them.

use crate::report::table::Table;
use crate::report::words;
use crate::results::Results;

pub(in crate::report) fn run(results: &Results) -> Table {
    let mut table = Table::new("This run", "", 2, &["what", "value"]);
    let machine = &results.machine;
    let rows = [
        ("began", results.began.clone()),
        (
            "lasted",
            format!(
                "{} minutes{}",
                words::number(results.seconds / 60.0),
                if results.complete { "" } else { ", interrupted" }
            ),
        ),
        ("command", results.command.clone()),
        ("seed", results.seed.to_string()),
        ("CPUs", format!("{} × {}", machine.cpus, machine.model)),
        ("memory", format!("{} MiB", words::thousands(machine.memory_mib as f64))),
        ("kernel", machine.kernel.clone()),
        ("busy with other work", others(results)),
    ];
    for (what, value) in rows {
        table.push(None, vec![what.into(), value.into()]);
    }
    for (name, version) in &results.versions {
        table.push(None, vec![format!("version of {name}").into(), version.as_str().into()]);
    }
    table
}

/// How much of the machine others used, which says how far to trust the rest.
fn others(results: &Results) -> String {
    let api = results.api.iter().map(|run| run.cpu.others_cpus);
    let tasks = results.tasks.iter().map(|run| run.cpu.others_cpus);
    let load = results.load.iter().map(|run| run.cpu.others_cpus);
    let all: Vec<f64> = api.chain(tasks).chain(load).collect();
    match (crate::report::stats::median(&all), all.iter().copied().reduce(f64::max)) {
        (Some(median), Some(greatest)) => format!("{median:.2} CPUs in the median run, {greatest:.2} at most"),
        _ => "not measured".to_owned(),
    }
}

/// Runs that could not take place, and runs that do not count.
pub(in crate::report) fn left_out(results: &Results) -> Option<Table> {
    let mut table =
        Table::new("Left out", "Runs with a fault are in no figure but what was lost.", 2, &["what", "why"]);
    for skipped in &results.skipped {
        table.push(None, vec![skipped.what.as_str().into(), skipped.why.as_str().into()]);
    }
    for (what, faults) in faulty(results) {
        table.push(None, vec![what.into(), format!("does not count: {}", faults.join("; ")).into()]);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn faulty(results: &Results) -> Vec<(String, &[String])> {
    let api = results.api.iter().map(|run| {
        let (server, mode) = (words::server(run.app), words::mode(run.app, run.mode));
        let what = [server, words::operation(run.operation), mode].join(", ");
        (
            format!("{what}, {}, remote {}, round {}", words::drive(run.drive), words::remote(&run.remote), run.round),
            &run.faults[..],
        )
    });
    let tasks = results.tasks.iter().map(|run| {
        let (worker, mode) = (words::worker(run.app), words::mode(run.app, run.mode));
        (format!("{worker}, {mode}, remote {}, round {}", words::remote(&run.remote), run.round), &run.faults[..])
    });
    let load = results.load.iter().map(|run| {
        let rate = words::thousands(run.offered_per_minute as f64);
        (format!("{}, {rate} lines/min", run.shipper), &run.faults[..])
    });
    let sweeps = results
        .sweeps
        .iter()
        .map(|run| (format!("sweep, {} {}", run.parameter, words::tick(run.value)), &run.faults[..]));
    let recoveries =
        results.recoveries.iter().map(|run| (format!("recovery, {} GiB", words::tick(run.spool_gib)), &run.faults[..]));
    let soaks = results.soaks.iter().map(|run| (format!("soak, {}", words::seconds(run.seconds)), &run.faults[..]));
    let all = api.chain(tasks).chain(load).chain(sweeps).chain(recoveries).chain(soaks);
    all.filter(|(_, faults)| !faults.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_left_out_is_told_with_its_reason() {
        let text = left_out(&sample::results()).unwrap().text();
        assert!(text.contains("stay text") && text.contains("does not count: 3 missing"), "{text}");
        assert!(left_out(&Results::default()).is_none());
        assert!(run(&Results::default()).text().contains("interrupted"));
    }
}
