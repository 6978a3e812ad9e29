//! More clients than there are file descriptors.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rustix::process::{getrlimit, prlimit, Resource, Rlimit};

use crate::support::{until, Remote, Setup, Sidecar};

/// Text clients that have each said half a line and stay.
fn flood(sidecar: &Sidecar, clients: usize) -> Vec<UnixStream> {
    let connect = |_| {
        let mut stream = UnixStream::connect(sidecar.socket()).unwrap();
        // Whoever is refused may have been told already.
        let _ = stream.write_all(b"half a li");
        stream
    };
    (0..clients).map(connect).collect()
}

#[test]
fn a_flood_of_connections_leaves_descriptors_for_delivery_and_health() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).files(64).start();
    assert!(sidecar.stderr().contains("connections=32 max_connections=4096 open_files=64"), "{}", sidecar.stderr());
    let mut good = sidecar.text();
    good.write_all(b"before\n").unwrap();
    remote.until_accepted(1);
    let flood = flood(&sidecar, 100);
    until("the rest is turned away", || sidecar.status()["connections"]["turned_away"] == 69);
    until("it says so", || sidecar.stderr().contains("connection refused: the limit is reached"));
    // The connection to CloudWatch breaks, and breaks again: the next one needs a descriptor.
    remote.fault("reset_before_body,operation=PutLogEvents,count=3");
    good.write_all(b"after\n").unwrap();
    remote.until_accepted(2);
    drop(flood);
    remote.until_accepted(2 + 31);
    until("they have left", || sidecar.metric("splashdam_connections", "kind=\"text\"") == 1);
    sidecar.feed("later\n");
    remote.until_accepted(2 + 31 + 1);
    drop(good);
    sidecar.stop().all_delivered(34);
}

/// Descriptors may run out all the same, by a limit that falls or a system that has none left.
#[test]
fn without_a_descriptor_accepting_pauses_says_so_and_goes_on_by_itself() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut good = sidecar.text();
    good.write_all(b"before\n").unwrap();
    remote.until_accepted(1);
    // What is open stays open; nothing new may be.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let before = prlimit(Some(sidecar.pid()), Resource::Nofile, Rlimit { current: Some(3), maximum }).unwrap();
    let mut waiting = sidecar.text();
    waiting.write_all(b"from one who waits\n").unwrap();
    until("it says so", || {
        sidecar.stderr().contains("cannot accept a connection, will try again error=Too many open files")
    });
    // Who is connected is served meanwhile.
    good.write_all(b"meanwhile\n").unwrap();
    remote.until_accepted(2);
    prlimit(Some(sidecar.pid()), Resource::Nofile, before).unwrap();
    remote.until_accepted(3);
    waiting.set_nonblocking(true).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "it was not closed");
    drop((good, waiting));
    sidecar.stop().all_delivered(3);
    assert_eq!(remote.texts(), ["before", "meanwhile", "from one who waits"]);
}
