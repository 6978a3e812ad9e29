//! The recoveries as text.

use std::fmt::Write;

use super::crash::BUDGET_MIB;
use crate::results::{RecoveryRun, Skipped};

pub(super) fn render(runs: &[RecoveryRun], skipped: &[Skipped]) -> String {
    let mut text = format!(
        "\nA sidecar was killed with this in its spool; seconds from the start of the next, budget {BUDGET_MIB:.0} MiB.\n\n\
         {:>5} {:>9} {:>11} {:>13} {:>11} {:>14} {:>15} {:>9} {:>8} {:>8}\n",
        "round", "spool GiB", "records", "first record", "first send", "all delivered", "MiB until sent", "peak MiB", "missing", "doubled"
    );
    for run in runs {
        row(&mut text, run);
    }
    for Skipped { what, why } in skipped {
        let _ = writeln!(text, "NOT MEASURED: {what}: {why}");
    }
    text.push_str(
        "For comparison, the WAL document: 25 minutes after a crash at a million samples a second, in so much memory that it could fail to rise.",
    );
    text
}

fn row(text: &mut String, run: &RecoveryRun) {
    let _ = writeln!(
        text,
        "{:>5} {:>9.2} {:>11} {:>11.3} s {:>9.3} s {:>12.2} s {:>15.1} {:>9.1} {:>8} {:>8}",
        run.round,
        run.spool_gib,
        run.records,
        run.first_record_seconds,
        run.first_send_seconds,
        run.all_delivered_seconds,
        run.peak_until_first_send_mib,
        run.peak_mib,
        run.account.lost,
        run.account.doubled,
    );
    for fault in &run.faults {
        let _ = writeln!(text, "      DOES NOT COUNT: {fault}");
    }
}
