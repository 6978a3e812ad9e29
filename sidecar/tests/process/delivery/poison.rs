//! Records that the endpoint refuses together with the whole batch they are in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::support::{numbered, until, Call, Proxy, Remote, Setup};

fn is_poisoned(call: &Call) -> Option<&'static str> {
    call.body.contains("POISON").then_some("InvalidParameterException")
}

#[test]
fn one_poison_record_costs_itself_only() {
    const RECORDS: u64 = 10_000;
    let remote = Remote::strict();
    let proxy = Proxy::start(remote.url(), is_poisoned);
    // All in one batch, however slowly they come: only its fullness sends it.
    let sidecar = Setup::at(proxy.url()).flags(&["--linger", "60s", "--linger-quiet", "60s"]).start();
    let mut lines = numbered(0..RECORDS, 60);
    lines[6_789].push_str(" POISON");
    sidecar.feed_lines(lines);
    until("all but one are delivered", || remote.report().marks.unique == RECORDS - 1);
    let invalid = || sidecar.metric("splashdam_records_rejected_total", "reason=\"invalid\"");
    until("the one is rejected", || invalid() == 1);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.rejected(), account.dropped()), (RECORDS, 1, 0));
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (RECORDS - 1, 0));
    let poisoned = proxy.calls().into_iter().find(|call| is_poisoned(call).is_some()).unwrap();
    assert_eq!(poisoned.body.matches("\"timestamp\"").count() as u64, RECORDS);
    let puts = proxy.operations().iter().filter(|operation| *operation == "PutLogEvents").count();
    assert!(puts < 60, "{puts} calls");
    remote.no_violation();
}

#[test]
fn several_poison_records_cost_themselves_only() {
    const RECORDS: u64 = 2_000;
    let remote = Remote::strict();
    let proxy = Proxy::start(remote.url(), is_poisoned);
    let sidecar = Setup::at(proxy.url()).start();
    let mut lines = numbered(0..RECORDS, 60);
    for poisoned in [0, 1, 777, 1_999] {
        lines[poisoned].push_str(" POISON");
    }
    sidecar.feed_lines(lines);
    until("the four are rejected", || sidecar.metric("splashdam_records_rejected_total", "") == 4);
    until("the others are delivered", || remote.report().marks.unique == RECORDS - 4);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.rejected(), account.dropped()), (RECORDS, 4, 0));
    assert_eq!(remote.report().marks.doubled, 0);
}

#[test]
fn where_everything_is_refused_nothing_is_rejected() {
    let remote = Remote::strict();
    let refusing = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&refusing);
    let proxy = Proxy::start(remote.url(), move |call| {
        let put = call.operation == "PutLogEvents" && refuses.load(Ordering::SeqCst);
        put.then_some("InvalidParameterException")
    });
    let sidecar = Setup::at(proxy.url()).start();
    sidecar.feed_lines(numbered(0..50, 60));
    until("the lane is at fault", || sidecar.admin("/status").contains("every record is refused"));
    assert_eq!(sidecar.metric("splashdam_records_rejected_total", ""), 0);
    refusing.store(false, Ordering::SeqCst);
    remote.until_accepted(50);
    sidecar.stop().all_delivered(50);
}
