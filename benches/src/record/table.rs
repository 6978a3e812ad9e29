//! Rows for the terminal: what it yielded and cost, then what went through network and disk.

use std::fmt::Write;

use super::options::condition;
use crate::figure::thousands;
use crate::results::{LoadRun, Skipped};

/// An absent figure is a dash.
fn maybe(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// One row's beginning: what was run.
fn what(run: &LoadRun) -> String {
    let spool = if run.spool { "spool" } else { "memory" };
    format!("{:>12} {:<7} {:<8}", thousands(run.offered_per_minute as f64), spool, condition(run.condition))
}

/// A line for each row as soon as it is there.
pub(crate) fn progress(run: &LoadRun) -> String {
    let mut line = format!(
        "{}  success {:>6.2} %  {:>9}/s  CPU {:>5.1} %  peak {:>5.1} MiB  p99 {:>7.1} ms  lost {}",
        what(run),
        run.success_percent,
        thousands(run.delivered_per_second),
        run.cpu_percent,
        run.peak_mib,
        run.end_to_end.p99 as f64 / 1e3,
        thousands(run.account.lost as f64)
    );
    if let Some(seconds) = run.caught_up_seconds {
        let _ = write!(line, "  caught up after {seconds:.1} s");
    }
    for fault in &run.faults {
        let _ = write!(line, "\n    DOES NOT COUNT: {fault}");
    }
    line
}

/// Everything, when all is done.
pub(crate) fn render(runs: &[LoadRun], skipped: &[Skipped]) -> String {
    let mut text = String::new();
    if let Some(first) = runs.first() {
        let _ = writeln!(
            text,
            "\n{} {}, lines of {} bytes, remote at {}; feeder, shipper and endpoint as separate processes of one machine.",
            first.shipper, first.version, first.record_bytes, first.remote
        );
        yields(&mut text, runs);
        traffic(&mut text, runs);
        remarks(&mut text, runs);
    }
    for skipped in skipped {
        let _ = writeln!(text, "skipped: {}: {}", skipped.what, skipped.why);
    }
    text
}

fn yields(text: &mut String, runs: &[LoadRun]) {
    let _ = writeln!(
        text,
        "{:>12} {:<7} {:<8} {:>8} {:>10} {:>7} {:>7} {:>7} {:>6} {:>6} {:>4} {:>8} {:>8} {:>8} {:>7} {:>8} {:>8} {:>7}",
        "lines/min",
        "in",
        "remote",
        "success%",
        "arrived/s",
        "CPU%",
        "s/M",
        "RSS MiB",
        "limit",
        "budget",
        "OOM",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "errors%",
        "lost",
        "doubled",
        "back in"
    );
    for run in runs {
        let latency = &run.end_to_end;
        // Where nothing was delivered, nothing took any time.
        let ms = |micros: u64| if latency.count == 0 { "-".to_owned() } else { format!("{:.1}", micros as f64 / 1e3) };
        let _ = writeln!(
            text,
            "{} {:>8.2} {:>10} {:>7.1} {:>7.3} {:>7.1} {:>6} {:>6} {:>4} {:>8} {:>8} {:>8} {:>7.2} {:>8} {:>8} {:>7}",
            what(run),
            run.success_percent,
            thousands(run.delivered_per_second),
            run.cpu_percent,
            run.cpu_seconds_per_million,
            run.peak_mib,
            maybe(run.limit_mib, 0),
            maybe(run.budget_mib, 0),
            run.oom_kills,
            ms(latency.p50),
            ms(latency.p95),
            ms(latency.p99),
            run.call_error_percent,
            thousands(run.account.lost as f64),
            thousands(run.account.doubled as f64),
            run.caught_up_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s")),
        );
    }
}

fn traffic(text: &mut String, runs: &[LoadRun]) {
    let _ = writeln!(
        text,
        "\n{:>12} {:<7} {:<8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>7} {:>7}",
        "lines/min",
        "in",
        "remote",
        "rx MiB/s",
        "tx MiB/s",
        "spool M/s",
        "GiB/day",
        "disk wr",
        "disk rd",
        "IOPS",
        "own wr",
        "own rd",
        "ep.idle",
        "others"
    );
    for run in runs {
        // At least as long as lines were due: where nothing was accepted, `seconds` ends at once.
        let seconds = run.seconds.max(60.0 * run.offered as f64 / run.offered_per_minute.max(1) as f64);
        let idle = run.cpu.endpoint_seconds.filter(|_| seconds > 0.0);
        let idle = idle.map(|used| 100.0 * (1.0 - used / (2.0 * seconds)).max(0.0));
        let _ = writeln!(
            text,
            "{} {:>8.3} {:>8.3} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>6}% {:>7.2}",
            what(run),
            run.received_mib_per_second,
            run.sent_mib_per_second,
            maybe(run.spool_mib_per_second, 3),
            maybe(run.spool_gib_per_day, 2),
            maybe(run.disk_write_mib_per_second, 3),
            maybe(run.disk_read_mib_per_second, 3),
            maybe(run.disk_operations_per_second, 1),
            maybe(run.own_write_mib_per_second, 3),
            maybe(run.own_read_mib_per_second, 3),
            maybe(idle, 0),
            run.cpu.others_cpus,
        );
    }
    text.push_str(
        "CPU% of one CPU; RSS: peak, in MiB as the kernel's limit and the budget for records; back in: from the outage's end until no more than a second's lines \
         waited; disk: the device's own counters in MiB/s, whoever's; own: by the kernel's account of the shipper alone; ep.idle: \
         of the endpoint's two threads' time; others: CPUs that other processes kept busy.\n",
    );
}

fn remarks(text: &mut String, runs: &[LoadRun]) {
    for run in runs {
        if !run.comment.is_empty() {
            let _ = writeln!(text, "{}: {}", what(run), run.comment);
        }
        for fault in &run.faults {
            let _ = writeln!(text, "{} DOES NOT COUNT: {fault}", what(run));
        }
    }
}
