//! The run as text.

use crate::figure::{Spread, Unit};
use crate::results::SoakRun;

pub(super) fn render(run: &SoakRun) -> String {
    let fresh = &run.end_to_end;
    let milliseconds = |micros: u64| micros as f64 / 1e3;
    let values: Vec<_> = run.memory.iter().map(|point| point.value).collect();
    let (least, most) = Spread::of(&values).map_or((0.0, 0.0), |spread| (spread.least, spread.greatest));
    // Samples too few for a slope have an interval of no width about zero, and so has memory that never changed.
    let slope = match (run.slope_low, run.slope_high) {
        (low, high) if low == high => "no slope to be seen".to_owned(),
        (low, high) => format!("{:+.2} MiB an hour, 95 % interval {low:+.2} to {high:+.2}", run.slope_mib_per_hour),
    };
    let mut lines = vec![
        format!(
            "\nA steady load for {:.0} s, records of 200 bytes, budget 64 MiB, spool {}.\n",
            run.seconds,
            if run.spool { "on" } else { "off" }
        ),
        format!(
            "rate        {} of {}",
            Unit::PerSecond.show(run.per_second),
            Unit::PerSecond.show(run.offered_per_second)
        ),
        format!("memory      {:.1} to {:.1} MiB in {} samples; {slope}", least, most, run.memory.len()),
        format!("verdict     {}", run.verdict),
        format!(
            "/metrics    {} scrapes, {} refused or later than {:.0} ms; slowest {:.0} ms",
            run.scrapes, run.scrapes_failed, run.scrape_bound_ms, run.slowest_scrape_ms
        ),
        format!(
            "freshness   p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, max {:.0} ms: due to be written -> accepted",
            milliseconds(fresh.p50),
            milliseconds(fresh.p95),
            milliseconds(fresh.p99),
            milliseconds(fresh.max)
        ),
        format!(
            "account     {} written, {} delivered, {} missing, {} doubled",
            run.account.emitted, run.account.delivered, run.account.lost, run.account.doubled
        ),
    ];
    lines.extend(run.faults.iter().map(|fault| format!("DOES NOT COUNT: {fault}")));
    lines.push("The slope leaves out the first tenth; its interval is that of twenty blocks, wider where neighbours hang together.".to_owned());
    lines.join("\n")
}
