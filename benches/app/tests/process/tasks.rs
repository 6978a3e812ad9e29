//! The task workload in its modes.

use std::io::Read;
use std::os::unix::net::UnixListener;

use crate::app::App;
use crate::remote::{number, Remote};

const SHAPE: [&str; 10] = ["--tasks", "7", "--records", "23", "--requests", "2", "--warm-up", "1", "--workers", "3"];

#[test]
fn sync_and_queue_ship_every_record_once() {
    for mode in ["sync", "queue"] {
        let remote = Remote::start();
        let url = remote.url();
        let ended = App::tasks(&[&SHAPE[..], &["--mode", mode, "--endpoint-url", &url, "--first", "1000"]].concat());
        assert!(ended.status.success(), "{}", ended.stderr);
        let result = &ended.last;
        assert_eq!(
            (&result["emitted"], &result["lost_in_client"], &result["failed"]),
            (&69.into(), &0.into(), &0.into())
        );
        assert_eq!(result["request_seconds"].as_array().unwrap().len(), 2);
        assert_eq!(result["task_micros"].as_array().unwrap().len(), 14, "the warm-up's do not count");
        assert!(result["began_micros"].as_u64().unwrap() < result["ended_micros"].as_u64().unwrap());
        assert!(result["cpu_seconds"].as_f64().unwrap() > 0.0 && result["flush_seconds"].as_f64().unwrap() >= 0.0);
        assert!(result["versions"]["aws-sdk-cloudwatchlogs"].is_string());
        assert_eq!(ended.stdout, "");
        remote.has(1_000..1_069);
    }
}

#[test]
fn a_shipper_gets_every_record_as_a_line_over_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let shipper = std::thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        // Nobody else is waiting to be accepted.
        listener.set_nonblocking(true).unwrap();
        (text, listener.accept().is_ok())
    });
    let flags = ["--mode", "shipper", "--socket", socket.to_str().unwrap(), "--bytes", "64"];
    let ended = App::tasks(&[&SHAPE[..], &flags].concat());
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!((&ended.last["emitted"], &ended.last["lost_in_client"]), (&69.into(), &0.into()));
    let (text, another) = shipper.join().unwrap();
    assert!(!another && text.lines().all(|line| line.len() == 64), "{text}");
    let mut numbers: Vec<_> = text.lines().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..69).collect::<Vec<_>>());
}

#[test]
fn modes_that_ship_nothing_call_nobody() {
    let remote = Remote::start();
    let url = remote.url();
    for (mode, emitted) in [("none", 0), ("null", 69), ("stdout", 69)] {
        let flags = ["--mode", mode, "--endpoint-url", &url, "--bytes", "64"];
        let ended = App::tasks(&[&SHAPE[..], &flags].concat());
        assert!(ended.status.success());
        assert_eq!(ended.last["emitted"], emitted);
        let mut numbers: Vec<_> = ended.stdout.lines().map(number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, if mode == "stdout" { (0..69).collect::<Vec<_>>() } else { Vec::new() });
        assert!(ended.stdout.lines().all(|line| line.len() == 64));
    }
    remote.has([]);
}

#[test]
fn the_wait_is_part_of_each_task() {
    let flags = ["--mode", "none", "--tasks", "4", "--workers", "2", "--requests", "1", "--warm-up", "0"];
    let waited = App::tasks_waiting("20", &flags);
    assert!(waited.status.success());
    let shortest = waited.last["task_micros"].as_array().unwrap().iter().map(|micros| micros.as_u64().unwrap()).min();
    assert!(shortest >= Some(20_000), "{shortest:?}");
    assert!(waited.last["request_seconds"][0].as_f64().unwrap() >= 0.04, "two workers for four tasks");
}
