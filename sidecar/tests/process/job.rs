//! A Job's sidecar: it ends by itself after its last client, not before, and loses nothing by it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use splashdam::wire::ClientFrame;

use crate::support::{numbered, until, Remote, Setup, Sidecar};

const AT_ONCE: &str = "--exit-after-last-client=0s";

#[test]
fn one_that_comes_within_the_grace_is_waited_for_and_has_its_own() {
    // Long enough for the second to write within it on a slow machine.
    const GRACE: Duration = Duration::from_secs(10);
    let remote = Remote::strict();
    let mut sidecar = Sidecar::start(&remote, &["--exit-after-last-client=10s"]);
    let mut second = sidecar.text();
    sidecar.feed("first\n");
    remote.until_accepted(1);
    // By now the first may have left. Silent until now, the second was no client.
    second.write_all(b"second\n").unwrap();
    remote.until_accepted(2);
    let began = Instant::now();
    until("the first one's grace is over", || began.elapsed() > GRACE + Duration::from_millis(500));
    assert!(!sidecar.has_ended(), "the second is still here");
    second.write_all(b"more\n").unwrap();
    drop(second);
    let left = Instant::now();
    let ended = sidecar.wait();
    assert!(left.elapsed() >= GRACE, "{:?}", left.elapsed());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_delivered(3);
}

#[test]
fn the_grace_alone_keeps_it_for_the_next_client() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--exit-after-last-client=1m"]);
    // A Job of several commands, one after the other: nobody is here in between.
    for n in 1..=3 {
        sidecar.feed("a line\n");
        remote.until_accepted(n);
        until("it has left", || sidecar.metric("splashdam_connections", "") == 0);
    }
    sidecar.stop().all_delivered(3);
}

#[test]
fn who_sends_no_byte_is_no_client() {
    let remote = Remote::strict();
    let mut sidecar = Sidecar::start(&remote, &[AT_ONCE, "--shutdown-quiet", "100ms"]);
    for _ in 0..10 {
        drop(sidecar.text());
    }
    until("all were seen", || sidecar.status()["connections"]["accepted"] == 10);
    // Had they been clients, it would end within a look, 20 ms. It has nobody to wait for yet.
    let began = Instant::now();
    until("it would have ended", || began.elapsed() > Duration::from_millis(500));
    assert!(!sidecar.has_ended() && !sidecar.stderr().contains("shutting down"));
    let silent = sidecar.text();
    sidecar.feed("one\n");
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the last client has left"), "{}", ended.stderr);
    ended.account().all_delivered(1);
    drop(silent);
}

#[test]
fn a_killed_client_has_left() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[AT_ONCE]);
    let mut client = Command::new(env!("CARGO_BIN_EXE_splashdam"));
    client.arg("send").arg("--socket").arg(sidecar.socket()).env_clear();
    let mut client = client.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"before the kill\n").unwrap();
    remote.until_accepted(1);
    // SIGKILL: it says goodbye to nobody.
    client.kill().unwrap();
    client.wait().unwrap();
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_delivered(1);
}

#[test]
fn all_that_many_text_clients_wrote_is_delivered_first() {
    const EACH: u64 = 500;
    let remote = Remote::strict();
    remote.fault("latency,operation=PutLogEvents,latency=100");
    let sidecar = Sidecar::start(&remote, &[AT_ONCE]);
    let mut clients: Vec<_> = (0..8).map(|_| sidecar.text()).collect();
    for (n, client) in (0..).zip(&mut clients) {
        client.write_all((numbered(n * EACH..(n + 1) * EACH, 60).join("\n") + "\n").as_bytes()).unwrap();
    }
    until("all have been seen", || sidecar.metric("splashdam_connections", "kind=\"text\"") == 8);
    drop(clients);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_delivered(8 * EACH);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (8 * EACH, 0));
}

#[test]
fn a_framed_client_that_says_goodbye_has_left() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[AT_ONCE]);
    let mut framed = sidecar.wire();
    framed.hello(1, 1);
    framed.records(1, ["one", "two"]);
    framed.send(&ClientFrame::Bye);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_delivered(2);
}

#[test]
fn in_an_outage_the_deadline_ends_it_and_what_is_left_is_counted() {
    for (flag, code) in [("--fail-on-loss=false", 0), ("--fail-on-loss", 3)] {
        let remote = Remote::strict();
        remote.fault("unavailable,operation=PutLogEvents");
        let sidecar = Sidecar::start(&remote, &[AT_ONCE, "--shutdown-deadline", "1s", flag]);
        sidecar.feed_lines(numbered(0..100, 60));
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let account = ended.account();
        assert_eq!((account.received(), account.dropped()), (100, 100));
    }
}

#[test]
fn in_an_outage_a_spool_keeps_what_is_left_for_the_next_start() {
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let setup = Setup::new(&remote).spooled().flags(&[AT_ONCE, "--fail-on-loss"]);
    let setup = setup.flags(&["--shutdown-deadline", "1s", "--exit-if-no-client", "1m"]);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..100, 60));
    let ended = sidecar.wait();
    assert_eq!((ended.code, ended.account().spooled()), (Some(0), 100), "nothing is lost: {}", ended.stderr);
    remote.clear_faults();
    // The container starts again, and one more client comes.
    let sidecar = setup.start();
    sidecar.feed("101\n");
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_came_and_were_delivered(101);
}
