use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::account::Scrape;
use crate::endpoint::{self, Calls};
use crate::feed;
use crate::host::disk::DeviceCounts;
use crate::host::kernel::IoCounts;
use crate::record::course::Seen;
use crate::record::external::External;
use crate::record::meter::Usage;
use crate::record::options::tests::options;
use crate::record::options::{Options, Rung};
use crate::results::Condition;
use crate::watch;

fn report(unique: u64, doubled: u64) -> endpoint::Report {
    let report = serde_json::json!({
        "calls": { "PutLogEvents": { "total": 40, "answered": 30 }, "CreateLogStream": { "total": 10, "answered": 10 } },
        "batches": { "accepted": 30, "bytes": 1, "mean_fill_events_percent": 1.0, "mean_fill_bytes_percent": 1.0 },
        "body_bytes": 20 << 20,
        "accepts": { "first_seconds": 1.0, "last_seconds": 9.0 },
        "freshness_micros": { "count": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0, "buckets": [[1_000, 99], [2_000, 1]] },
        "marks": { "unique": unique, "doubled": doubled, "first_missing": [], "out_of_range": 0, "unmarked": 0 },
        "cpu": { "user_seconds": 0.5, "system_seconds": 0.25 },
        "violations": { "total": 0, "list": [] }
    });
    serde_json::from_value(report).unwrap()
}

fn account(received: u64, delivered: u64, waiting: u64) -> watch::Seen {
    let text = format!(
        "splashdam_records_received_total {received}\nsplashdam_records_delivered_total {delivered}\n\
         splashdam_in_memory_records {waiting}\nsplashdam_memory_budget_bytes 67108864\n\
         splashdam_read_bytes_total {}\n",
        40 << 20
    );
    watch::Seen { scrapes: 9, most_spool_bytes: 1.0, latest: Scrape::parse(&text), ..watch::Seen::default() }
}

/// Six seconds of 600 a minute with a spool; the remote was away for two, and all arrived within eight.
fn facts(options: &Options) -> Facts<'_> {
    let begin = 1_700_000_000_000_000;
    let feed = feed::Report {
        records: 60,
        due: 60,
        bytes: 60 * 201,
        begin_micros: begin,
        end_micros: begin + 6_000_000,
        cpu_seconds: 0.5,
        ..feed::Report::default()
    };
    let usage = Usage {
        cpu_seconds: 1.0,
        resident_mib: 20.0,
        peak_mib: 33.0,
        io: IoCounts { read: 0, written: 5 << 20 },
        spooled_bytes: 30 << 20,
    };
    Facts {
        options,
        rung: Rung { per_minute: 600, spool: true, condition: Condition::Outage },
        at: "2026-01-02T03:04:05Z".to_owned(),
        seen: Seen {
            feed,
            in_time: 60,
            outage: Some(Duration::from_secs(2)),
            caught_up: Some(Duration::from_millis(500)),
            usage,
            window: Duration::from_secs(10),
            ..Seen::default()
        },
        report: report(60, 0),
        last_accept_micros: Some(begin + 8_000_000),
        account: Some(account(60, 60, 0)),
        kills: 0,
        reached: None,
        limit_mib: None,
        unlimited: None,
        device: Some(DeviceCounts { read_bytes: 0, written_bytes: 80 << 20, operations: 500 }),
        stopped: None,
        machine_seconds: 10.0,
        own_seconds: 0.25,
    }
}

/// A row for other modules' tests: one record was lost.
pub(in crate::record) fn a_run() -> LoadRun {
    let options = options();
    load_run(&Facts { report: report(59, 0), ..facts(&options) })
}

#[test]
fn rates_are_over_the_time_they_belong_to() {
    let options = options();
    let run = load_run(&facts(&options));
    assert_eq!((run.seconds, run.delivered_per_second), (8.0, 7.5));
    assert_eq!((run.cpu_percent, run.cpu_seconds_per_million), (10.0, 1.0 / 60e-6));
    assert_eq!((run.received_mib_per_second, run.sent_mib_per_second), (4.0, 2.0));
    assert_eq!((run.disk_write_mib_per_second, run.disk_operations_per_second), (Some(8.0), Some(50.0)));
    assert_eq!((run.own_write_mib_per_second, run.own_read_mib_per_second), (Some(0.5), Some(0.0)));
    // 3 MiB/s are 253.125 GiB a day.
    assert_eq!((run.spool_mib_per_second, run.spool_gib_per_day), (Some(3.0), Some(253.125)));
    assert_eq!((run.budget_mib, run.peak_mib), (Some(64.0), 33.0));
    assert_eq!((run.success_percent, run.loss_percent, run.call_error_percent), (100.0, 0.0, 20.0));
    assert_eq!((run.outage_seconds, run.caught_up_seconds), (Some(2.0), Some(0.5)));
    // The remote is at 10 ms.
    assert_eq!((run.end_to_end.p50, run.end_to_end.max), (11_000, 12_000));
    // 10 s of the machine, less 1 + 0.5 + 0.75 + 0.25.
    assert_eq!(run.cpu.others_cpus, 0.75);
    assert!(run.faults.is_empty() && run.comment.is_empty(), "{:?} {}", run.faults, run.comment);
}

#[test]
fn what_was_not_written_or_came_too_late_is_no_success() {
    let options = options();
    let mut facts = facts(&options);
    facts.seen.feed.records = 45;
    facts.seen.feed.gave_up = true;
    facts.seen.in_time = 30;
    facts.report = report(45, 0);
    facts.account = Some(account(45, 45, 0));
    let run = load_run(&facts);
    assert_eq!((run.offered, run.written, run.success_percent), (60, 45, 50.0));
    assert_eq!((run.account.emitted, run.account.delivered, run.account.lost), (45, 45, 0));
    assert!(run.comment.contains("15 lines that were due were never written"), "{}", run.comment);
    assert!(run.faults.is_empty(), "{:?}", run.faults);
}

#[test]
fn our_own_loss_is_a_fault_and_anothers_a_figure() {
    let options = options();
    let run = a_run();
    assert_eq!((run.account.lost, run.loss_percent), (1, 100.0 / 60.0));
    assert!(run.faults.iter().any(|fault| fault.starts_with("1 lost")), "{:?}", run.faults);
    assert!(run.faults.iter().any(|fault| fault.contains("the endpoint 59")), "{:?}", run.faults);

    let other = External::parse("some/shipper", "unix:/s", None, Some("1.2")).unwrap();
    let options = Options { shipper: Some(other), ..options };
    let run = load_run(&Facts { report: report(59, 3), account: None, ..facts(&options) });
    assert_eq!((run.shipper.as_str(), run.version.as_str()), ("shipper", "1.2"));
    assert_eq!((run.account.lost, run.account.doubled), (1, 3));
    assert!(run.faults.is_empty(), "{:?}", run.faults);
    assert_eq!(run.budget_mib, None);
    // Without an account of its own, what was written into its socket.
    assert_eq!(run.received_mib_per_second, 60.0 * 201.0 / MIB / 10.0);
}

#[test]
fn what_cannot_be_so_is_a_fault() {
    let options = options();
    let fault = |change: &dyn Fn(&mut Facts<'_>)| {
        let mut facts = facts(&options);
        change(&mut facts);
        load_run(&facts).faults.join("; ")
    };
    assert!(fault(&|facts| facts.report = report(61, 0)).contains("61 records arrived"));
    assert!(fault(&|facts| facts.report = report(60, 2)).contains("2 doubled, 0 allowed"));
    assert!(fault(&|facts| facts.report.marks.out_of_range = 1).contains("numbers that none was given"));
    assert!(fault(&|facts| facts.report.marks.unmarked = 4).contains("4 records without a number"));
    assert!(fault(&|facts| facts.report.violations.total = 1).contains("1 limits violated"));
    assert!(fault(&|facts| facts.account = Some(account(59, 59, 0))).contains("received 59"));
    assert!(fault(&|facts| facts.account = Some(watch::Seen::default())).contains("/metrics never answered"));
    let unused = watch::Seen { most_spool_bytes: 0.0, ..account(60, 60, 0) };
    assert!(fault(&|facts| facts.account = Some(unused.clone())).contains("never used"));
    let wrong = watch::Seen { wrong: 2, ..account(60, 60, 0) };
    assert!(fault(&|facts| facts.account = Some(wrong.clone())).contains("2 scrapes"));
    // What still waits is not lost.
    let waits = |facts: &mut Facts<'_>| (facts.report, facts.account) = (report(50, 0), Some(account(60, 50, 10)));
    assert_eq!(fault(&waits), "");
    let mut facts = facts(&options);
    waits(&mut facts);
    assert!(load_run(&facts).comment.contains("10 records were in memory and 0 in the spool"));
}

#[test]
fn a_kill_at_the_limit_is_a_result() {
    let options = options();
    let mut facts = facts(&options);
    facts.kills = 1;
    facts.limit_mib = Some(104);
    facts.seen.died = Some("ended with signal: 9".to_owned());
    facts.seen.feed.records = 30;
    facts.seen.feed.due = 31;
    facts.seen.in_time = 15;
    facts.report = report(15, 0);
    facts.account = Some(account(28, 12, 16));
    let run = load_run(&facts);
    assert_eq!((run.oom_kills, run.limit_mib, run.account.lost), (1, Some(104.0), 15));
    // What was due when nobody was left counts, too.
    assert_eq!((run.offered, run.written, run.success_percent), (60, 30, 25.0));
    assert!(run.comment.contains("signal: 9"), "{}", run.comment);
    assert!(run.faults.is_empty(), "{:?}", run.faults);
    // Without the kernel's doing it is a crash.
    facts.kills = 0;
    assert!(load_run(&facts).faults[0].contains("the sidecar ended"));
}

#[test]
fn a_run_that_was_cut_short_says_so() {
    let options = options();
    let mut facts = facts(&options);
    facts.seen.interrupted = true;
    facts.seen.feed.due = 20;
    facts.seen.feed.records = 20;
    facts.seen.in_time = 20;
    facts.report = report(20, 0);
    facts.account = Some(account(20, 20, 0));
    let run = load_run(&facts);
    assert_eq!((run.offered, run.success_percent), (20, 100.0));
    assert_eq!(run.comment, "interrupted after 2.0 s");
}

#[test]
fn nothing_at_all_is_no_trouble() {
    let options = options();
    let mut facts = facts(&options);
    facts.seen = Seen::default();
    facts.report = report(0, 0);
    facts.report.calls = BTreeMap::from([("PutLogEvents".to_owned(), Calls { total: 0, answered: 0 })]);
    facts.account = Some(account(0, 0, 0));
    facts.seen.interrupted = true;
    facts.last_accept_micros = None;
    let run = load_run(&facts);
    assert_eq!(
        (run.success_percent, run.delivered_per_second, run.cpu_percent, run.call_error_percent),
        (0.0, 0.0, 0.0, 0.0)
    );
}
