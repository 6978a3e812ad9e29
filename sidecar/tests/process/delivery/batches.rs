//! How records are put together: few calls, full ones, none that CloudWatch would refuse.

use splashdam::wire::Level;
use splashdam_emulator::report::Report;

use crate::support::{now_ms, numbered, Remote, Sidecar};

/// The mean of all batches but the last, which holds what was left.
fn fullness(report: &Report, mean: f64) -> f64 {
    let batches = report.batches.accepted as f64;
    mean * batches / (batches - 1.0)
}

#[test]
fn batches_are_full_where_there_is_enough() {
    const RECORDS: u64 = 100_000;
    let remote = Remote::counting();
    // Only fullness sends, and the end: nothing depends on how fast this machine writes.
    let sidecar = Sidecar::start(&remote, &["--linger", "60s", "--linger-quiet", "60s"]);
    for part in 0..10 {
        sidecar.feed_lines(numbered(part * 10_000..(part + 1) * 10_000, 500));
    }
    sidecar.stop().all_delivered(RECORDS);
    let report = remote.report();
    assert_eq!((report.marks.unique, report.marks.doubled), (RECORDS, 0));
    let fill = fullness(&report, report.batches.mean_fill_bytes_percent);
    assert!(fill >= 93.0, "{fill} {:?}", report.batches);
}

#[test]
fn short_records_fill_a_batch_by_their_number() {
    const RECORDS: u64 = 200_000;
    let remote = Remote::counting();
    let sidecar = Sidecar::start(&remote, &["--linger", "60s", "--linger-quiet", "60s"]);
    for part in 0..10 {
        sidecar.feed_lines(numbered(part * 20_000..(part + 1) * 20_000, 20));
    }
    sidecar.stop().all_delivered(RECORDS);
    let report = remote.report();
    assert_eq!((report.marks.unique, report.marks.doubled), (RECORDS, 0));
    let fill = fullness(&report, report.batches.mean_fill_events_percent);
    assert!(fill >= 93.0, "{fill} {:?}", report.batches);
}

#[test]
fn batches_are_as_small_as_they_were_told_to_be() {
    const RECORDS: u64 = 20_000;
    let remote = Remote::counting();
    let patient = ["--linger", "60s", "--linger-quiet", "60s"];
    let sidecar = Sidecar::start(&remote, &[&patient[..], &["--batch-max-events", "100"]].concat());
    sidecar.feed_lines(numbered(0..RECORDS, 200));
    sidecar.stop().all_delivered(RECORDS);
    let report = remote.report();
    assert_eq!((report.marks.unique, report.marks.doubled), (RECORDS, 0));
    assert!(report.batches.accepted >= RECORDS / 100, "{:?}", report.batches);
    assert!(report.batches.mean_events >= 93.0, "{:?}", report.batches);
}

#[test]
fn a_full_batch_of_what_grows_is_within_the_limits() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    // Each control byte becomes six in the body; each quote two.
    let lines: Vec<_> = (0..4_000).map(|n| format!("n={n:010} {}", "\u{1}\"\\".repeat(300))).collect();
    sidecar.feed_lines(&lines);
    remote.until_accepted(4_000);
    sidecar.stop().all_delivered(4_000);
    let mut arrived = remote.texts();
    arrived.sort_unstable();
    assert!(arrived == lines, "verbatim");
    remote.no_violation();
}

#[test]
fn a_lone_record_does_not_wait_for_company() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--linger", "1h"]);
    sidecar.feed("alone\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

#[test]
fn times_apart_are_all_delivered_in_few_calls() {
    const HOUR: i64 = 3_600_000;
    const EACH: u64 = 5_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--linger", "60s", "--linger-quiet", "60s"]);
    let mut clients: Vec<_> = [-30 * HOUR, 0, HOUR]
        .into_iter()
        .zip(0_u8..)
        .map(|(offset, n)| {
            let mut wire = sidecar.wire();
            wire.hello(n, 1);
            (wire, offset, u64::from(n))
        })
        .collect();
    // Interleaved, so that chunks hold them side by side.
    for round in 0..EACH / 100 {
        for (wire, offset, n) in &mut clients {
            let (first, now) = (round * 100, now_ms());
            let texts = numbered(*n * EACH + first..*n * EACH + first + 100, 200);
            wire.records_at(first + 1, texts.into_iter().map(|text| (now + *offset, text)));
        }
    }
    for (wire, _, _) in &mut clients {
        assert_eq!(wire.flush(Level::Ended).delivered, EACH);
    }
    drop(clients);
    sidecar.stop().all_delivered(3 * EACH);
    let report = remote.report();
    assert_eq!((report.marks.unique, report.marks.doubled), (3 * EACH, 0));
    // 15,000 records of 226 bytes are 3.3 MB: two batches of the past, at least three of the rest, one more where a flush
    // did not wait for a full one, and the refused first.
    let calls = report.calls["PutLogEvents"].total;
    assert!(calls <= 12, "{calls} calls");
    remote.no_violation();
}
