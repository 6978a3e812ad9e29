//! Groups and streams come into being when they are missed, and only then.

use crate::support::{until, Proxy, Remote, Setup, Sidecar, GROUP};

#[test]
fn what_is_missing_is_created_with_what_is_configured() {
    let remote = Remote::strict();
    let proxy = Proxy::start(remote.url(), |_| None);
    let setup = Setup::at(proxy.url()).flags(&["--retention-days", "30", "--tags", "team=logs", "--tags", "env=test"]);
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
    let expected =
        ["PutLogEvents", "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy", "CreateLogStream", "PutLogEvents"];
    assert_eq!(proxy.operations(), expected, "put first");
    let group: serde_json::Value = serde_json::from_str(&proxy.calls()[2].body).unwrap();
    let tags = serde_json::json!({ "team": "logs", "env": "test" });
    assert_eq!((&group["logGroupName"], &group["tags"]), (&GROUP.into(), &tags));
    let policy: serde_json::Value = serde_json::from_str(&proxy.calls()[3].body).unwrap();
    assert_eq!(policy["retentionInDays"], 30);
    remote.no_violation();
}

#[test]
fn what_exists_is_left_alone() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    for round in 1..=2 {
        let sidecar = setup.start();
        sidecar.feed("one\n");
        remote.until_accepted(round);
        sidecar.stop().all_delivered(1);
    }
    let calls = ["CreateLogGroup", "CreateLogStream", "PutRetentionPolicy"].map(|operation| remote.calls(operation));
    assert_eq!(calls, [1, 2, 0], "by the first alone");
    assert_eq!(remote.calls("PutLogEvents"), 3);
}

#[test]
fn a_forbidden_create_group_does_not_stop_a_group_that_exists() {
    let remote = Remote::strict();
    let first = Sidecar::start(&remote, &[]);
    first.feed("one\n");
    remote.until_accepted(1);
    first.stop().all_delivered(1);
    remote.fault("access_denied,operation=CreateLogGroup");
    let second = Sidecar::start(&remote, &["--max-record", "1024"]);
    let mut wire = second.wire();
    wire.hello_to(1, 1, "", "another");
    wire.records(1, ["two"]);
    remote.until_accepted(2);
    drop(wire);
    second.stop().all_delivered(1);
    assert_eq!(remote.texts_of("another"), ["two"]);
}

#[test]
fn a_destination_that_may_not_be_created_stops_no_other_and_waits() {
    let remote = Remote::strict();
    remote.fault("access_denied,operation=CreateLogGroup,group=forbidden");
    let sidecar = Sidecar::start(&remote, &["--allow", "forbidden:*", "--shutdown-deadline", "2s"]);
    let mut wire = sidecar.wire();
    assert!(!wire.hello_to(1, 1, "forbidden", "x").destination_refused());
    wire.records(1, ["nowhere to go"]);
    until("it was forbidden", || sidecar.admin("/status").contains("AccessDenied"));
    sidecar.feed("one\ntwo\n");
    remote.until_accepted(2);
    drop(wire);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.delivered(), account.dropped()), (3, 2, 1));
}

#[test]
fn nothing_is_created_where_that_is_switched_off() {
    let remote = Remote::strict();
    let flags = ["--create-group=false", "--create-stream=false", "--shutdown-deadline", "1s"];
    let sidecar = Sidecar::start(&remote, &flags);
    sidecar.feed("one\n");
    until("it was tried", || remote.calls("PutLogEvents") > 0);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.dropped()), (1, 1));
    assert_eq!((remote.calls("CreateLogGroup"), remote.calls("CreateLogStream")), (0, 0));
}

#[test]
fn many_lanes_that_miss_one_group_cause_one_creation() {
    let remote = Remote::strict();
    remote.fault("latency,operation=CreateLogGroup,latency=200");
    let sidecar = Sidecar::start(&remote, &["--create-rate", "100"]);
    let mut clients = Vec::new();
    for client in 0..10 {
        let mut wire = sidecar.wire();
        wire.hello_to(client, 1, "", &format!("s{client}"));
        wire.records(1, ["x"]);
        clients.push(wire);
    }
    remote.until_accepted(10);
    drop(clients);
    sidecar.stop().all_delivered(10);
    assert_eq!(remote.calls("CreateLogGroup"), 1);
}
