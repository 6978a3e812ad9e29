//! The admin interface over the wire: routes, rude requests, health, who may flush.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use crate::stage::{ask, until, Stage};

fn value(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find(|line| line.starts_with(name)).expect("the metric is there");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_account_is_the_same_everywhere() {
    let stage = Stage::start(&[], &[]);
    let mut client = UnixStream::connect(&stage.socket).unwrap();
    client.write_all(b"a\n\nb\nc\n").unwrap();
    until("three records are in", || stage.get("/status")?.1.contains("\"received\":3").then_some(()));
    let (code, flushed) =
        stage.ask(b"POST /flush?timeout=9s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(code, 200);
    assert!(flushed.contains("\"reached\":true") && flushed.contains("\"delivered\":3"), "{flushed}");
    let (code, metrics) = stage.get("/metrics").unwrap();
    assert_eq!(code, 200);
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(value(&metrics, "splashdam_records_delivered_total{log_group=\"app\"}"), 3);
    assert_eq!(value(&metrics, "splashdam_empty_lines_total"), 1);
    assert_eq!(value(&metrics, "splashdam_connections{kind=\"text\"}"), 1);
}

#[test]
fn a_flush_that_cannot_be_reached_says_so() {
    let stage = Stage::start(&["--fault", "throttle"], &[]);
    UnixStream::connect(&stage.socket).unwrap().write_all(b"a\n").unwrap();
    until("the record is in", || stage.get("/status")?.1.contains("\"received\":1").then_some(()));
    let answer =
        stage.ask(b"POST /flush?timeout=50ms HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert!(answer.0 == 200 && answer.1.contains("\"reached\":false"), "{answer:?}");
}

#[test]
fn rude_requests_are_refused_and_harm_nobody() {
    let stage = Stage::start(&[], &[]);
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let long_head = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
    for request in ["\0\x01\x02garbage\r\n\r\n", "GET\r\n\r\n", &long_path, &long_head, &many] {
        let answer = stage.ask(request.as_bytes());
        assert!(answer.is_none_or(|(code, _)| (400..500).contains(&code)), "{:.40}", request);
    }
    let close = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (line, code) in [
        ("GET /", 404),
        ("DELETE /metrics", 405),
        ("GET /flush", 405),
        ("POST /flush?timeout=2h", 400),
        ("HEAD /metrics", 200),
        ("GET /healthz", 200),
    ] {
        assert_eq!(stage.ask(format!("{line} {close}").as_bytes()).unwrap().0, code, "{line}");
    }
}

#[test]
fn idle_connections_keep_nobody_out() {
    let stage = Stage::start(&[], &[]);
    let idle: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(stage.admin).unwrap()).collect();
    assert_eq!(stage.get("/healthz").unwrap().0, 200);
    // The first had to go, the last is still served.
    let (mut first, mut last) = (&idle[0], &idle[199]);
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0);
    last.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn only_a_loopback_listener_takes_a_flush_or_a_drain() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _stage = Stage::start(&[], &["--admin", &format!("0.0.0.0:{}", port.port())]);
    let get = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    until("the sidecar is ready", || (ask(port, get.as_bytes())?.0 == 200).then_some(()));
    for path in ["/flush", "/drain"] {
        let change = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(ask(port, change.as_bytes()).unwrap().0, 403, "{path}");
    }
    assert_eq!(ask(port, get.as_bytes()).unwrap().0, 200, "it did not drain");
}

#[test]
fn not_ready_once_it_drains_but_healthy() {
    let stage = Stage::start(&["--fault", "throttle"], &["--shutdown-deadline", "5s"]);
    UnixStream::connect(&stage.socket).unwrap().write_all(b"a\n").unwrap();
    until("the record is in", || stage.get("/status")?.1.contains("\"received\":1").then_some(()));
    stage.sidecar.terminate();
    until("it is not ready", || (stage.get("/readyz")?.0 == 503).then_some(()));
    assert_eq!(stage.get("/healthz").unwrap().0, 200);
    assert!(stage.get("/status").unwrap().1.contains("\"state\":\"draining\""));
}
