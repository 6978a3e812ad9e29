//! The client crate against the real sidecar.

use std::time::Duration;

use splashdam::{Client, Level, Overflow};

use crate::support::{numbered, until, Remote, Setup, Sidecar, PATIENCE};

fn log(client: &Client, numbers: std::ops::Range<u64>) {
    for text in numbered(numbers, 100) {
        client.log(&text);
    }
}

#[test]
fn a_flush_reports_what_became_of_everything() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let client = sidecar.client();
    log(&client, 0..10_000);
    let report = client.flush(Level::Ended, PATIENCE);
    assert!(report.all_delivered(), "{report:?}");
    assert_eq!(report.delivered, 10_000);
    log(&client, 10_000..10_010);
    let report = client.close(PATIENCE);
    assert!(report.all_delivered() && report.delivered == 10_010, "{report:?}");
    assert!(client.stats().adds_up());
    sidecar.stop().all_delivered(10_010);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (10_010, 0));
    remote.no_violation();
}

#[test]
fn rejected_and_dropped_records_are_reported() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let client = sidecar.client();
    client.log("fine");
    client.log_at(crate::support::now_ms() - 20 * 86_400_000, "too old");
    client.log("");
    let report = client.flush(Level::Ended, PATIENCE);
    assert_eq!((report.delivered, report.rejected, report.dropped, report.pending), (1, 1, 1, 0));
    assert!(report.reached && !report.all_delivered());
    client.close(PATIENCE);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.rejected(), account.dropped()), (3, 1, 1));
}

#[test]
fn a_sidecar_that_comes_late_gets_everything() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let client = Client::builder(setup.socket()).build();
    log(&client, 0..5_000);
    assert!(client.flush(Level::Ended, Duration::from_millis(100)).timed_out);
    let sidecar = setup.start();
    let report = client.close(PATIENCE);
    assert!(report.all_delivered() && report.delivered == 5_000, "{report:?}");
    sidecar.stop().all_delivered(5_000);
    assert_eq!(remote.report().marks.unique, 5_000);
}

#[test]
fn a_restart_in_between_loses_nothing() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let first = setup.start();
    let client = first.client();
    log(&client, 0..3_000);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    log(&client, 3_000..6_000);
    first.signal(rustix::process::Signal::TERM);
    log(&client, 6_000..9_000);
    let first = first.wait();
    let account = first.account();
    account.all_delivered(account.received());
    let second = setup.start();
    log(&client, 9_000..12_000);
    let report = client.close(PATIENCE);
    assert!(report.reached && report.lost_in_client == 0, "{report:?}");
    let other = second.stop();
    other.all_delivered(other.received());
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (12_000, 0), "an orderly end doubles nothing");
}

#[test]
fn a_kill_in_between_loses_nothing_and_doubles_only_what_was_not_acknowledged() {
    let remote = Remote::strict();
    remote.fault("latency,operation=PutLogEvents,latency=50");
    let setup = Setup::new(&remote);
    let mut killed_with_work = 0;
    let mut sidecar = setup.start();
    let client = sidecar.client();
    let mut doubled_at_most = 0;
    for round in 0..5 {
        log(&client, round * 3_000..(round + 1) * 3_000);
        until("something has arrived", || remote.report().marks.unique > round * 3_000);
        // What had no outcome then is sent again, and no more than that.
        let unended = client.stats().unended;
        killed_with_work += u64::from(unended > 0);
        doubled_at_most += unended;
        sidecar.kill();
        sidecar = setup.start();
    }
    let report = client.close(PATIENCE);
    assert!(report.reached && report.lost_in_client == 0, "{report:?}");
    let marks = remote.report().marks;
    assert_eq!(marks.unique, 15_000, "{marks:?}");
    assert!(marks.doubled <= doubled_at_most, "{marks:?}");
    assert!(killed_with_work > 0, "else the kills prove nothing");
    let account = sidecar.stop();
    account.all_delivered(account.received());
    remote.no_violation();
}

#[test]
fn what_the_client_had_to_drop_is_told_in_the_stream() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let client = Client::builder(setup.socket()).overflow(Overflow::DropNewest).queue_records(100).build();
    // Nobody is there to take them.
    log(&client, 0..1_000);
    let kept = 1_000 - client.stats().dropped_total();
    assert!(kept < 1_000);
    let sidecar = setup.start();
    let report = client.close(PATIENCE);
    assert_eq!((report.delivered, report.lost_in_client), (kept, 1_000 - kept), "{report:?}");
    until("the marker has arrived", || remote.texts().len() as u64 == kept + 1);
    let account = sidecar.stop();
    assert_eq!((account.get("lost_by_clients"), account.generated()), (1_000 - kept, 1));
    let texts = remote.texts();
    let marker = texts.iter().find(|text| text.starts_with('{')).unwrap();
    let marker: serde_json::Value = serde_json::from_str(marker).unwrap();
    assert_eq!(marker["count"], 1_000 - kept);
    assert_eq!(remote.report().marks.unique, kept);
}

#[test]
fn clients_of_several_threads_and_streams() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let sidecar = &sidecar;
            scope.spawn(move || {
                let client = Client::builder(sidecar.socket()).stream(format!("worker-{}", worker % 3)).build();
                log(&client, worker * 2_000..(worker + 1) * 2_000);
                let report = client.close(PATIENCE);
                assert!(report.all_delivered() && report.delivered == 2_000, "{report:?}");
            });
        }
    });
    sidecar.stop().all_delivered(12_000);
    for stream in ["worker-0", "worker-1", "worker-2"] {
        assert_eq!(remote.texts_of(stream).len(), 4_000, "{stream}");
    }
    assert_eq!(remote.report().marks.doubled, 0);
    remote.no_violation();
}
