//! `splashdam-bench http` as a process of its own, against a server that does as it is told.

// Helpers stand outside of test functions, where clippy cannot see that they are for tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use server::{Answer, Server};

const STALL: Duration = Duration::from_millis(500);

fn bench(url: &str, flags: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splashdam-bench"));
    command.args(["http", "--url", url]).args(flags.split_ascii_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The report of a run that ends by itself, and its exit status.
fn run(url: &str, flags: &str) -> (Value, i32) {
    let output = bench(url, &format!("{flags} --json -")).output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// How many latencies of a report are at least so long.
fn at_least(report: &Value, length: Duration) -> u64 {
    let buckets = report["latency"]["buckets"].as_array().unwrap();
    let long = buckets.iter().filter(|bucket| u128::from(bucket[0].as_u64().unwrap()) >= length.as_micros());
    long.map(|bucket| bucket[1].as_u64().unwrap()).sum()
}

fn count(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("{field} in {report}"))
}

fn errors(report: &Value, kind: &str) -> u64 {
    let errors = report["errors"].as_object().unwrap();
    errors.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, count)| count.as_u64().unwrap()).sum()
}

fn stall_once(request: u64) -> Answer {
    if request == 20 {
        Answer::Stall(STALL)
    } else {
        Answer::Status(200)
    }
}

fn fine(_: u64) -> Answer {
    Answer::Status(200)
}

/// At 200/s, 100 requests are due while the server stalls for half a second; half of those wait at least a quarter second.
#[test]
fn a_stall_is_seen_by_all_that_were_due_in_it() {
    for connections in [256, 1] {
        let server = Server::start(stall_once);
        let (report, status) = run(&server.url("/"), &format!("--rate 200 --seconds 2 --connections {connections}"));
        assert_eq!(status, 0);
        let waited = at_least(&report, STALL / 2);
        assert!(waited >= 48, "{connections} connections: {waited} of {report}");
        assert_eq!(count(&report, "offered"), 400);
        assert_eq!(count(&report, "requests") + errors(&report, ""), 400);
    }
}

#[test]
fn a_closed_loop_sees_a_stall_once_a_thread() {
    let server = Server::start(stall_once);
    let (report, status) = run(&server.url("/"), "--threads 1 --loops 200");
    assert_eq!((status, count(&report, "requests"), server.connections()), (0, 200, 1));
    assert_eq!(at_least(&report, STALL), 1);
    assert!(report["service"].is_null() && report["rate"].is_null());
}

#[test]
fn servers_that_keep_no_connection_are_no_error() {
    let server = Server::start(|_| Answer::Last);
    let (report, _) = run(&server.url("/"), "--threads 2 --loops 50");
    assert_eq!((count(&report, "requests"), errors(&report, ""), server.connections()), (100, 0, 100));
    assert_eq!(count(&report, "body_bytes"), 500);
}

#[test]
fn a_waiting_request_has_a_short_service_and_a_long_latency() {
    let server = Server::start(stall_once);
    let (report, _) = run(&server.url("/"), "--rate 200 --seconds 2 --connections 1");
    let service = report["service"]["buckets"].as_array().unwrap();
    let long = service.iter().filter(|bucket| u128::from(bucket[0].as_u64().unwrap()) >= STALL.as_micros());
    assert_eq!(long.map(|bucket| bucket[1].as_u64().unwrap()).sum::<u64>(), 1);
}

#[test]
fn what_could_not_be_sent_is_counted() {
    let server = Server::start(|_| Answer::Silence);
    let (report, status) =
        run(&server.url("/"), "--rate 100 --seconds 1 --connections 3 --timeout 1500ms --max-requests 50");
    // Sending ends after half a second, so no time-out can make a connection free before.
    assert_eq!((status, count(&report, "requests"), count(&report, "offered")), (1, 0, 50));
    assert_eq!((errors(&report, "unsent"), errors(&report, "")), (47, 50));
    assert_eq!(count(&report, "sent"), 3);
}

#[test]
fn errors_are_counted_by_kind() {
    let server = Server::start(|request| match request % 4 {
        0 => Answer::Status(503),
        1 => Answer::Status(404),
        2 => Answer::Status(301),
        _ => Answer::Status(200),
    });
    let (report, status) = run(&server.url("/"), "--threads 1 --loops 40");
    assert_eq!((status, errors(&report, "status 503"), errors(&report, "status 404")), (0, 10, 10));
    assert_eq!((count(&report, "requests"), count(&report, "redirects"), count(&report, "offered")), (20, 10, 40));
    assert_eq!(count(&report, "body_bytes"), 100);
    assert_eq!(count(&report["latency"], "count"), 20);

    let closes = Server::start(|_| Answer::Close);
    let (report, status) = run(&closes.url("/"), "--threads 1 --loops 3");
    assert_eq!((status, errors(&report, ""), count(&report, "requests")), (1, 3, 0));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (report, status) = run(&format!("http://{nobody}/"), "--threads 2 --loops 2");
    assert_eq!((status, errors(&report, "connect: connection refused")), (1, 4));
}

#[test]
fn numbers_are_consecutive_and_all_were_sent_once() {
    let server = Server::start(fine);
    let (report, _) = run(&server.url("/x?a=b"), "--rate 300 --warm-up 0.5 --seconds 0.5 --numbers 1000,16");
    let mut numbers = server.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).map(|request| 1_000 + 16 * request).collect::<Vec<_>>());
    assert_eq!(count(&report, "numbers_used"), 1_000 + 16 * 300);
    assert_eq!((count(&report, "warm_up_requests"), count(&report, "requests")), (150, 150));
    assert_eq!((count(&report, "sent"), count(&report, "answered")), (300, 300));

    let server = Server::start(fine);
    let url = format!("http://localhost:{}/x", server.address.port());
    let (report, _) = run(&url, "--threads 3 --seconds 60 --numbers 5 --max-requests 100");
    let mut numbers = server.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (5..105).collect::<Vec<_>>());
    assert_eq!(count(&report, "numbers_used"), 105);
    // Whose connection another took while its own was being made needs one more, so there is no exact number.
    assert!(server.connections() < 34, "{} connections for 100 requests of 3 threads", server.connections());
}

#[test]
fn method_headers_and_body_are_sent() {
    let server = Server::start(fine);
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body");
    std::fs::write(&body, "seventeen letters").unwrap();
    let mut command = bench(&server.url("/p"), "--threads 1 --loops 1 --method POST --json -");
    command.arg("--body").arg(&body).args(["--header", "X-One: two words"]);
    assert!(command.output().unwrap().status.success());
    let request = server.requests().pop().unwrap();
    assert!(request.starts_with("POST /p HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-one: two words\r\n") && request.ends_with("\r\n\r\nseventeen letters"), "{request}");
}

/// Reads standard error up to a line.
fn wait_for(child: &mut Child, line: &str) -> impl Read {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.lines().any(|one| one == line) {
        assert_ne!(stderr.read_line(&mut seen).unwrap(), 0, "ended without {line:?}: {seen}");
    }
    stderr
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn an_interrupted_run_reports_what_there_is() {
    for flags in ["--rate 100 --seconds 3600", "--threads 2 --seconds 3600", "--threads 1 --loops 1000000000"] {
        let server = Server::start(fine);
        let mut child = bench(&server.url("/"), &format!("{flags} --json -")).spawn().unwrap();
        let stderr = wait_for(&mut child, "measuring");
        while server.requests().len() < 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        drop(stderr);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{flags}");
        assert_eq!(report["interrupted"], true);
        assert!(count(&report, "requests") >= 19, "{flags}: {report}");
        assert_eq!(count(&report, "requests"), server.requests().len() as u64);
        assert!(report["seconds"].as_f64().unwrap() < 3_600.0);
    }
}

#[test]
fn a_person_gets_a_table() {
    let server = Server::start(fine);
    let output = bench(&server.url("/"), "--rate 50 --seconds 0.5").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in ["25 offered, 25 answered well, 0 not", "p99.9", "latency", "service", "late"] {
        assert!(table.contains(part), "{part:?} in {table}");
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "measuring\nmeasured\n");
}
