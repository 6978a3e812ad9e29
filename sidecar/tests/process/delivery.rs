//! What the remote end may answer, and that every record is delivered or counted all the same.

use std::time::{Duration, Instant};

use splashdam::wire::Level;

use crate::support::{now_ms, numbered, Account, Remote, Sidecar, GROUP};

mod batches;
mod creation;
mod poison;

const RECORDS: u64 = 200;

/// Ships some records past these faults, each of which ends by itself.
#[track_caller]
fn past(faults: &[&str], flags: &[&str]) -> (Remote, Account) {
    let remote = Remote::strict();
    for fault in faults {
        remote.fault(fault);
    }
    let sidecar = Sidecar::start(&remote, flags);
    sidecar.feed_lines(numbered(0..RECORDS, 60));
    let delivered = || sidecar.metric("splashdam_records_delivered_total", "");
    crate::support::until("all is delivered", || delivered() == RECORDS);
    let account = sidecar.stop();
    account.all_delivered(RECORDS);
    let report = remote.report();
    assert_eq!(report.marks.unique, RECORDS);
    assert_eq!(report.events.accepted, RECORDS + report.marks.doubled);
    assert!(report.marks.doubled <= account.possible_duplicates(), "{account:?} {:?}", report.marks);
    assert!(faults.iter().all(|fault| hits(&remote, fault) > 0), "{:?}", report.faults);
    remote.no_violation();
    (remote, account)
}

fn hits(remote: &Remote, fault: &str) -> u64 {
    let kind = fault.parse::<splashdam_emulator::Fault>().unwrap().kind;
    remote.report().faults.get(&kind).copied().unwrap_or(0)
}

#[test]
fn throttling_is_waited_out_as_long_as_the_answer_asks() {
    let began = Instant::now();
    let (_, account) = past(&["throttle,operation=PutLogEvents,count=2,retry_after_seconds=1"], &[]);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(account.possible_duplicates(), 0);
}

#[test]
fn throttled_creations_are_tried_again() {
    past(&["throttle,operation=CreateLogStream,count=2"], &[]);
    past(&["throttle,operation=CreateLogGroup,count=2"], &[]);
}

#[test]
fn what_says_it_did_nothing_makes_no_possible_duplicate() {
    for fault in ["unavailable,operation=PutLogEvents,count=3", "expired_credentials,operation=PutLogEvents,count=2"] {
        let (remote, account) = past(&[fault], &[]);
        assert_eq!((remote.report().marks.doubled, account.possible_duplicates()), (0, 0), "{fault}");
    }
}

#[test]
fn a_retry_after_of_a_503_is_kept() {
    let began = Instant::now();
    past(&["unavailable,operation=PutLogEvents,count=1,retry_after_seconds=2"], &[]);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn a_500_is_tried_again() {
    let (remote, account) = past(&["server_error,operation=PutLogEvents,skip=1,count=3"], &[]);
    assert_eq!(remote.report().marks.doubled, 0);
    assert!(account.possible_duplicates() > 0, "who knows");
}

#[test]
fn resets_before_and_within_the_body_are_tried_again() {
    for fault in ["reset_before_body,count=3", "reset_mid_body,count=3"] {
        let (remote, _) = past(&[fault], &[]);
        assert_eq!(remote.report().marks.doubled, 0, "{fault}");
    }
}

#[test]
fn what_was_committed_and_not_answered_is_doubled_and_counted() {
    for fault in [
        "commit_then_drop,operation=PutLogEvents,skip=1,count=1",
        "reset_mid_answer,operation=PutLogEvents,skip=1,count=1",
        "no_request_id,operation=PutLogEvents,skip=1,count=1,commit=true",
        "empty_body,operation=PutLogEvents,skip=1,count=1,commit=true",
    ] {
        let (remote, account) = past(&[fault], &[]);
        let doubled = remote.report().marks.doubled;
        assert!(doubled > 0, "{fault}");
        assert_eq!(account.possible_duplicates(), doubled, "{fault}");
    }
}

#[test]
fn a_200_that_proves_nothing_is_no_delivery() {
    for fault in
        ["no_request_id,operation=PutLogEvents,skip=1,count=2", "empty_body,operation=PutLogEvents,skip=1,count=2"]
    {
        let (remote, account) = past(&[fault], &[]);
        assert_eq!(remote.report().marks.doubled, 0, "{fault}");
        assert!(account.possible_duplicates() > 0, "{fault}");
    }
}

#[test]
fn an_attempt_that_hangs_is_given_up_and_tried_again() {
    let (_, account) = past(&["hang,operation=PutLogEvents,skip=1,count=2"], &["--attempt-timeout", "300ms"]);
    assert!(account.possible_duplicates() > 0);
}

#[test]
fn where_we_may_not_write_records_wait_for_the_permission() {
    let (_, account) = past(&["access_denied,operation=PutLogEvents,count=1"], &[]);
    assert_eq!(account.possible_duplicates(), 0);
}

#[test]
fn an_outage_at_the_start_is_waited_out() {
    let remote = Remote::strict();
    remote.outage(Duration::from_secs(2));
    let sidecar = Sidecar::start(&remote, &[]);
    sidecar.feed_lines(numbered(0..RECORDS, 60));
    remote.until_accepted(RECORDS);
    let account = sidecar.stop();
    account.all_delivered(RECORDS);
    assert_eq!(account.possible_duplicates(), 0, "nothing was ever sent");
    remote.no_violation();
}

#[test]
fn an_outage_in_between_is_waited_out() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    sidecar.feed_lines(numbered(0..RECORDS, 60));
    remote.until_accepted(RECORDS);
    remote.outage(Duration::from_secs(1));
    sidecar.feed_lines(numbered(RECORDS..2 * RECORDS, 60));
    crate::support::until("all is delivered", || remote.report().marks.unique == 2 * RECORDS);
    sidecar.stop().all_delivered(2 * RECORDS);
    remote.no_violation();
}

#[test]
fn a_rough_remote_loses_nothing() {
    let remote = Remote::strict();
    for fault in [
        "latency,latency=uniform:1..20",
        "throttle,operation=PutLogEvents,probability=0.2",
        "unavailable,operation=PutLogEvents,probability=0.1",
        "reset_mid_body,probability=0.1",
        "no_request_id,operation=PutLogEvents,probability=0.1",
        "commit_then_drop,operation=PutLogEvents,probability=0.1",
    ] {
        remote.fault(fault);
    }
    let sidecar = Sidecar::start(&remote, &["--linger", "50ms"]);
    sidecar.feed_lines(numbered(0..20_000, 200));
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    for batch in 0..10 {
        wire.records(batch * 500 + 1, numbered(20_000 + batch * 500..20_500 + batch * 500, 200));
    }
    assert_eq!(wire.flush(Level::Ended).delivered, 5_000);
    drop(wire);
    crate::support::until("all has arrived", || remote.report().marks.unique == 25_000);
    let account = sidecar.stop();
    account.all_delivered(25_000);
    assert!(remote.report().marks.doubled <= account.possible_duplicates());
    remote.no_violation();
}

#[test]
fn what_cloudwatch_rejects_is_counted_with_its_reason() {
    const HOUR: i64 = 3_600_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--retention-days", "7"]);
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    let now = now_ms();
    let records = [
        (-15 * 24 * HOUR, "too old"),
        (-15 * 24 * HOUR + 1, "too old as well"),
        (-8 * 24 * HOUR, "expired"),
        (-6 * 24 * HOUR, "old"),
        (-1, "now"),
        (0, "and now"),
        (HOUR, "soon"),
        (3 * HOUR, "too new"),
        (3 * HOUR, "too new"),
        (3 * HOUR, "too new"),
    ];
    wire.records_at(1, records.map(|(offset, text)| (now + offset, text)));
    let done = wire.flush(Level::Ended);
    assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (4, 6, 0, 0));
    for (reason, count) in [("too_old", 2), ("expired", 1), ("too_new", 3), ("invalid", 0)] {
        let counted = sidecar.metric("splashdam_records_rejected_total", &format!("reason=\"{reason}\""));
        assert_eq!(counted, count, "{reason}");
    }
    drop(wire);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.delivered(), account.rejected()), (10, 4 + account.generated(), 6));
    let events = remote.report().events;
    assert_eq!((events.rejected_too_old, events.rejected_expired, events.rejected_too_new), (2, 1, 3));
    assert_eq!(remote.texts()[..4], ["old", "now", "and now", "soon"]);
    remote.no_violation();
    assert!(!remote.events(GROUP, "sidecar").is_empty());
}
