//! `POST /drain`: the orderly end without a signal, and what a signal does to it.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::support::{until, Remote, Setup, Sidecar, PATIENCE};

/// Asks for the end; says what is answered.
#[track_caller]
fn drain(sidecar: &Sidecar) -> serde_json::Value {
    let (code, body) = sidecar.ask("admin", "POST", "/drain");
    assert_eq!(code, 202, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// A sidecar that has taken in a record and cannot deliver it.
#[track_caller]
fn stuck(remote: &Remote) -> Sidecar {
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar = Sidecar::start(remote, &["--shutdown-deadline", "50s", "--backoff-max", "200ms"]);
    sidecar.feed("one\n");
    until("it is taken in", || sidecar.metric("splashdam_records_received_total", "") == 1);
    sidecar
}

#[test]
fn it_ends_as_after_a_signal_and_says_why() {
    let remote = Remote::strict();
    // The answer must arrive, however soon the end comes after it.
    for _ in 0..5 {
        let sidecar = Sidecar::start(&remote, &[]);
        sidecar.feed("one\n");
        let answer = drain(&sidecar);
        assert_eq!((&answer["drain"], &answer["deadline"]), (&"begun".into(), &"25s".into()));
        assert!(answer["account"]["received"].is_u64(), "{answer}");
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("asked by POST /drain"), "{}", ended.stderr);
        ended.account().all_delivered(1);
    }
}

#[test]
fn asking_twice_changes_nothing() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote);
    assert_eq!(sidecar.status()["state"], "serving");
    assert_eq!(drain(&sidecar)["drain"], "begun");
    assert_eq!(sidecar.status()["state"], "draining", "at once, whoever is still connected");
    for _ in 0..3 {
        assert_eq!(drain(&sidecar)["drain"], "under way");
    }
    remote.clear_faults();
    let ended = sidecar.wait();
    assert_eq!((ended.code, ended.stderr.matches("shutting down").count()), (Some(0), 1), "{}", ended.stderr);
    ended.account().all_delivered(1);
}

#[test]
fn asked_during_an_end_by_signal_it_changes_nothing() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    assert_eq!(drain(&sidecar)["drain"], "under way");
    remote.clear_faults();
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(1);
}

/// An end that no signal began is not made shorter by the first one.
fn goes_on_after_a_signal(remote: &Remote, sidecar: Sidecar) {
    sidecar.signal(Signal::TERM);
    until("the signal is heard", || sidecar.stderr().contains("shutting down already"));
    remote.clear_faults();
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.account().all_delivered(1);
}

#[test]
fn a_pod_that_is_deleted_while_it_drains_loses_nothing() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote);
    drain(&sidecar);
    goes_on_after_a_signal(&remote, sidecar);
}

#[test]
fn the_second_signal_ends_a_drain_at_once() {
    let remote = Remote::strict();
    let mut sidecar = stuck(&remote);
    drain(&sidecar);
    sidecar.signal(Signal::TERM);
    until("the first is heard", || sidecar.stderr().contains("shutting down already"));
    sidecar.insist(Signal::INT);
    let ended = sidecar.wait();
    assert_eq!((ended.code, ended.account().get("in_memory")), (Some(1), 1), "{}", ended.stderr);
}

#[test]
fn a_signal_to_a_job_that_ends_by_itself_loses_nothing() {
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let flags = ["--shutdown-deadline", "50s", "--backoff-max", "200ms", "--exit-after-last-client=0s"];
    let sidecar = Sidecar::start(&remote, &flags);
    sidecar.feed("one\n");
    until("it is shutting down", || sidecar.stderr().contains("the last client has left"));
    goes_on_after_a_signal(&remote, sidecar);
}

#[test]
fn health_has_no_drain_and_admin_takes_it_by_post() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).health().start();
    assert_eq!(sidecar.ask("health", "POST", "/drain").0, 404);
    assert_eq!(sidecar.ask("admin", "GET", "/drain").0, 405);
    assert_eq!(sidecar.ask("admin", "POST", "/drain?timeout=5s").0, 400);
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

#[test]
fn a_web_page_changes_nothing() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let address = sidecar.listens("admin");
    let ask = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "POST {path} HTTP/1.1\r\n{headers}connection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for path in ["/flush?timeout=5s", "/drain"] {
        for headers in [
            format!("host: {address}\r\norigin: https://evil.example.com\r\n"),
            "host: evil.example.com\r\n".to_owned(),
        ] {
            let answer = ask(path, &headers);
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("web pages"), "{answer}");
        }
        assert!(ask(path, "host: localhost\r\n").starts_with("HTTP/1.1 20"), "{path}: by name of this host");
    }
    assert_eq!(sidecar.wait().code, Some(0), "it was asked at last");
}
