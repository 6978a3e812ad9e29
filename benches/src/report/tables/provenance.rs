//! Where the figures come from: machine, versions, command, seed; and what is not among them.

use crate::report::table::Table;
use crate::report::words;
use crate::results::{Cpu, Results};

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
        ("endpoint busy", busy(results, |cpu| cpu.endpoint_seconds)),
        ("load generator busy", busy(results, |cpu| cpu.driver_seconds)),
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

/// How much of a CPU what stands for the rest of the world needed: near a whole one it is itself part of what was measured.
fn busy(results: &Results, of: fn(&Cpu) -> Option<f64>) -> String {
    let api = results.api.iter().map(|run| (of(&run.cpu), run.seconds));
    let load = results.load.iter().map(|run| (of(&run.cpu), run.seconds));
    let all: Vec<f64> = api.chain(load).filter_map(|(used, seconds)| Some(used? / seconds)).collect();
    let all: Vec<f64> = all.into_iter().filter(|share| share.is_finite()).collect();
    match (crate::report::stats::median(&all), all.iter().copied().reduce(f64::max)) {
        (Some(median), Some(greatest)) => {
            format!("{:.0} % of a CPU in the median run, {:.0} % at most", 100.0 * median, 100.0 * greatest)
        }
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

    #[test]
    fn how_busy_the_rest_of_the_world_was_is_told() {
        let mut results = sample::results();
        results.load.clear();
        results.api.truncate(3);
        for (run, used) in results.api.iter_mut().zip([0.1, 0.2, 0.9]) {
            run.cpu.driver_seconds = Some(used * run.seconds);
            run.cpu.endpoint_seconds = None;
        }
        let text = run(&results).text();
        assert!(text.contains("20 % of a CPU in the median run, 90 % at most"), "{text}");
        assert_eq!(busy(&results, |cpu| cpu.endpoint_seconds), "not measured");
    }
}
