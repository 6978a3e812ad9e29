//! The health interface: what a probe from elsewhere sees, and what it can never do.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{prlimit, Resource, Rlimit, Signal};

use crate::support::{numbered, until, Remote, Setup, Sidecar};

const LIVE: [&str; 2] = ["/", "/healthz"];

#[track_caller]
fn is_well(sidecar: &Sidecar) {
    for path in ["/", "/healthz", "/readyz"] {
        assert_eq!(sidecar.ask("health", "GET", path), (200, "ok\n".to_owned()), "{path}");
    }
}

#[test]
fn it_reads_and_changes_nothing() {
    let remote = Remote::strict();
    let mut sidecar = Setup::new(&remote).health().start();
    is_well(&sidecar);
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(sidecar.ask("health", "HEAD", path), (200, String::new()), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(sidecar.ask("health", method, path).0, 405, "{method} {path}");
        }
    }
    for path in ["/status", "/flush", "/drain", "/metrics/", "/healthz/x", "/x"] {
        assert_eq!(sidecar.ask("health", "GET", path).0, 404, "{path}");
        assert_eq!(sidecar.ask("health", "POST", path).0, 404, "{path}");
    }
    sidecar.feed("one\n");
    remote.until_accepted(1);
    let metrics = sidecar.ask("health", "GET", "/metrics").1;
    assert!(metrics.contains("splashdam_records_delivered_total{log_group=\"tests\"} 1\n"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(!sidecar.has_ended(), "nobody could end it");
    sidecar.stop().all_delivered(1);
}

#[test]
fn connections_left_open_keep_no_probe_out() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).health().start();
    let address = sidecar.listens("health");
    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    is_well(&sidecar);
    assert_eq!(sidecar.ask("admin", "GET", "/healthz").0, 200);
    drop(idle);
    sidecar.stop();
}

#[test]
fn it_is_off_where_nobody_asks_for_it() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    assert!(!sidecar.stderr().contains("health interface"), "{}", sidecar.stderr());
    sidecar.stop();
}

#[test]
fn a_taken_address_is_said_with_the_flag_that_mends_it() {
    let remote = Remote::strict();
    let first = Setup::new(&remote).health().start();
    let taken = first.listens("health");
    let second = Setup::new(&remote).flags(&["--health", &taken]).spawn().wait();
    assert_eq!(second.code, Some(1));
    let said = format!("health {taken}: cannot listen");
    assert!(second.stderr.contains(&said) && second.stderr.contains("--health off"), "{}", second.stderr);
    first.stop();
}

#[test]
fn a_remote_that_hangs_a_full_memory_and_a_refusing_disk_are_no_bad_health() {
    let remote = Remote::strict();
    remote.fault("hang,operation=PutLogEvents");
    let setup = Setup::new(&remote).spooled().health();
    let sidecar = setup.flags(&["--memory", "8MiB", "--shutdown-deadline", "1s"]).start();
    // Every write to a file fails from now on.
    prlimit(Some(sidecar.pid()), Resource::Fsize, Rlimit { current: Some(0), maximum: None }).unwrap();
    let mut client = sidecar.text();
    client.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let lines = numbered(0..1_000, 999).join("\n") + "\n";
    while client.write_all(lines.as_bytes()).is_ok() {}
    until("the disk refuses", || sidecar.metric("splashdam_spool_lanes_in_trouble", "") == 1);
    until("the remote hangs", || remote.report().in_flight_max > 0);
    is_well(&sidecar);
    sidecar.signal(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.account().delivered(), 0);
}

#[test]
fn while_it_drains_it_lives_and_is_not_ready() {
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar = Setup::new(&remote).health().flags(&["--shutdown-deadline", "50s"]).start();
    sidecar.feed("one\n");
    until("it is taken in", || sidecar.metric("splashdam_records_received_total", "") == 1);
    sidecar.signal(Signal::TERM);
    until("it is not ready", || sidecar.ask("health", "GET", "/readyz").0 == 503);
    for path in LIVE {
        assert_eq!(sidecar.ask("health", "GET", path).0, 200, "{path}");
    }
    let (code, text) = sidecar.ask("health", "GET", "/readyz");
    assert!(code == 503 && text.starts_with("draining"), "{text}");
    remote.clear_faults();
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(1);
}
