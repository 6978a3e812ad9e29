//! Where a framed client's records go: where it says, if it may.

use splashdam::wire::Level;

use crate::support::{Remote, Sidecar, GROUP, STREAM};

/// Sends a record to a destination; returns whether that was refused.
#[track_caller]
fn send(sidecar: &Sidecar, client: u8, group: &str, stream: &str) -> bool {
    let mut wire = sidecar.wire();
    let refused = wire.hello_to(client, 1, group, stream).destination_refused();
    wire.records(1, [format!("{group} {stream}")]);
    assert_eq!(wire.flush(Level::Ended).delivered, 1, "{group} {stream}");
    refused
}

#[track_caller]
fn texts(remote: &Remote, group: &str, stream: &str) -> Vec<String> {
    remote.events(group, stream).into_iter().map(|event| event.message).collect()
}

#[test]
fn any_stream_of_the_own_group_is_allowed() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    assert!(!send(&sidecar, 1, "", ""));
    assert!(!send(&sidecar, 2, "", "worker-1"));
    assert!(!send(&sidecar, 3, GROUP, "worker-2"));
    assert!(!send(&sidecar, 4, GROUP, ""));
    sidecar.stop().all_delivered(4);
    assert_eq!(texts(&remote, GROUP, "worker-1"), [" worker-1"]);
    assert_eq!(texts(&remote, GROUP, "worker-2"), ["tests worker-2"]);
    assert_eq!(texts(&remote, GROUP, STREAM).len(), 2);
}

#[test]
fn another_group_is_refused_and_its_records_go_to_the_default() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    assert!(send(&sidecar, 1, "foreign", "x"));
    assert!(send(&sidecar, 2, "no such/../name\u{7}", "x"));
    assert!(send(&sidecar, 3, "", "not:a*name"));
    assert!(send(&sidecar, 4, "", &"x".repeat(513)));
    sidecar.stop().all_delivered(4);
    assert_eq!(texts(&remote, GROUP, STREAM).len(), 4);
    assert!(remote.events("foreign", "x").is_empty());
    remote.no_violation();
}

#[test]
fn a_pattern_allows_more() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--allow", "audit:*", "--allow", "jobs/*:run-*"]);
    assert!(!send(&sidecar, 1, "audit", "x"));
    assert!(!send(&sidecar, 2, "jobs/nightly", "run-7"));
    assert!(send(&sidecar, 3, "jobs/nightly", "other"));
    assert!(send(&sidecar, 4, "auditor", "x"));
    sidecar.stop().all_delivered(4);
    assert_eq!(texts(&remote, "audit", "x"), ["audit x"]);
    assert_eq!(texts(&remote, "jobs/nightly", "run-7"), ["jobs/nightly run-7"]);
    assert_eq!(texts(&remote, GROUP, STREAM).len(), 2);
}

#[test]
fn one_client_id_with_two_destinations_is_two_channels() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let (mut one, mut other) = (sidecar.wire(), sidecar.wire());
    one.hello_to(1, 1, "", "one");
    other.hello_to(1, 1, "", "other");
    one.records(1, ["a", "b"]);
    other.records(1, ["c"]);
    assert_eq!(one.flush(Level::Ended).delivered, 2);
    assert_eq!(other.flush(Level::Ended).delivered, 1);
    drop((one, other));
    sidecar.stop().all_delivered(3);
}

#[test]
fn beyond_the_cap_of_lanes_records_go_to_the_default() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--max-lanes", "3"]);
    let mut clients = Vec::new();
    for client in 0..5 {
        let mut wire = sidecar.wire();
        // The default destination's lane is there first: it is the refuge.
        let stream = if client == 0 { STREAM.to_owned() } else { format!("s{client}") };
        let refused = wire.hello_to(client, 1, "", &stream).destination_refused();
        assert_eq!(refused, client > 2, "client {client}");
        wire.records(1, [format!("from {client}")]);
        clients.push(wire);
    }
    for wire in &mut clients {
        assert_eq!(wire.flush(Level::Ended).delivered, 1);
    }
    drop(clients);
    sidecar.stop().all_delivered(5);
    assert_eq!(texts(&remote, GROUP, STREAM), ["from 0", "from 3", "from 4"]);
}
