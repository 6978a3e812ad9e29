//! The API in its modes, alone and with services behind it.

use std::thread;
use std::time::{Duration, Instant};

use splashdam_emulator::{Fault, FaultKind};
use tempfile::TempDir;

use crate::app::{self, App};
use crate::remote::{number, Remote};

const SYSCONFIG: &str = "/sysconfig?n=";
const KNOWN: &str = "/concurrent?identity=known&n=";
const UNKNOWN: &str = "/concurrent?identity=unknown&n=";

/// A folder for a database, and the flags that name one in it.
fn database() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.db").to_str().unwrap().to_owned();
    (folder, path)
}

/// Asks each operation once; returns the numbers of the records.
fn ask_all(app: &App) -> Vec<u64> {
    assert_eq!(app.get_well("/noop?n=0"), serde_json::json!({}));
    app.get_well("/sysconfig?n=16");
    assert_eq!(app.get_well("/concurrent?identity=known&n=32")["data"].as_array().unwrap().len(), 31);
    assert_eq!(app.get_well("/concurrent?identity=unknown&n=48")["data"].as_array().unwrap().len(), 0);
    vec![16, 17, 18, 32, 33, 34, 35, 48, 49, 50, 51]
}

#[test]
fn sync_and_queue_ship_every_record_once() {
    let (_folder, database) = database();
    for mode in ["sync", "queue"] {
        let remote = Remote::start();
        let app = App::api(&["--mode", mode, "--endpoint-url", &remote.url(), "--database", &database]);
        let numbers = ask_all(&app);
        let ended = app.stop();
        assert!(ended.status.success(), "{}", ended.stderr);
        assert_eq!(ended.last, serde_json::json!({"emitted": 11, "requests": 4, "failed": 0}));
        // In `sync`, a call for each; in `queue` the end sends what the interval has not.
        assert!(if mode == "sync" { remote.puts() == 11 } else { (1..=11).contains(&remote.puts()) });
        remote.has(numbers);
    }
}

#[test]
fn a_chain_numbers_its_records_apart() {
    let ((_folder, database), remote) = (database(), Remote::start());
    let flags = ["--mode", "queue", "--endpoint-url", &remote.url(), "--database", &database];
    let c = App::api(&flags);
    let b = App::api(&[&flags[..], &["--downstream", &c.url()]].concat());
    let a = App::api(&[&flags[..], &["--downstream", &b.url()]].concat());
    a.get_well(&format!("{SYSCONFIG}0"));
    a.get_well(&format!("{KNOWN}16"));
    a.get_well(&format!("{UNKNOWN}32"));
    for app in [a, b, c] {
        assert_eq!(app.stop().last["requests"], 3);
    }
    remote.has([0, 1, 2, 4, 5, 6, 8, 9, 10].into_iter().chain(16..28).chain(32..44));
}

#[test]
fn a_tree_numbers_its_records_apart() {
    let ((_folder, database), remote) = (database(), Remote::start());
    let flags = ["--mode", "sync", "--endpoint-url", &remote.url(), "--database", &database];
    let leaves = [(); 3].map(|()| App::api(&flags));
    let urls = leaves.each_ref().map(App::url);
    let below: Vec<&str> = urls.iter().flat_map(|url| ["--downstream", url]).collect();
    let root = App::api(&[&flags[..], &below].concat());
    root.get_well(&format!("{KNOWN}160"));
    root.get_well("/noop?n=176");
    for app in [root].into_iter().chain(leaves) {
        assert_eq!(app.stop().last["requests"], 2);
    }
    remote.has(160..176);
}

#[test]
fn modes_that_ship_nothing_call_nobody() {
    let ((_folder, database), remote) = (database(), Remote::start());
    for (mode, emitted) in [("none", 0), ("null", 11), ("stdout", 11)] {
        let app = App::api(&["--mode", mode, "--endpoint-url", &remote.url(), "--database", &database]);
        let numbers = ask_all(&app);
        let ended = app.stop();
        assert!(ended.status.success());
        assert_eq!(ended.last, serde_json::json!({"emitted": emitted, "requests": 4, "failed": 0}));
        let lines: Vec<_> = ended.stdout.lines().collect();
        if mode == "stdout" {
            assert_eq!(lines.iter().map(|line| number(line)).collect::<Vec<_>>(), numbers);
            assert!(lines.iter().all(|line| line.len() == 207));
            assert_eq!(lines.iter().filter(|line| line.contains(" WARNING ")).count(), 1);
        } else {
            assert!(lines.is_empty());
        }
    }
    remote.has([]);
}

#[test]
fn records_that_are_refused_are_counted_and_the_app_lives_on() {
    let (_folder, database) = database();
    for mode in ["sync", "queue"] {
        let remote = Remote::start();
        let app = App::api(&["--mode", mode, "--endpoint-url", &remote.url(), "--database", &database]);
        remote.fault(Fault::new(FaultKind::AccessDenied).on("PutLogEvents"));
        app.get_well(&format!("{SYSCONFIG}0"));
        let ended = app.stop();
        assert!(ended.status.success());
        assert_eq!(ended.last["failed"], 3);
        assert!(
            ended.stderr.contains("failed: 3 records") && ended.stderr.contains("AccessDenied"),
            "{}",
            ended.stderr
        );
        remote.has([]);
    }
}

#[test]
fn throttled_calls_are_retried_by_the_sdk() {
    let (_folder, database) = database();
    let remote = Remote::start();
    let app = App::api(&["--mode", "sync", "--endpoint-url", &remote.url(), "--database", &database]);
    remote.fault(Fault::new(FaultKind::Throttle).on("PutLogEvents").times(1));
    app.get_well(&format!("{SYSCONFIG}0"));
    assert_eq!(app.stop().last["failed"], 0);
    assert_eq!(remote.puts(), 4);
    remote.has([0, 1, 2]);
}

#[test]
fn each_query_takes_as_long_as_the_database_is_away_and_holds_its_connection() {
    let (_folder, database) = database();
    let app = App::api_asking("30", &["--mode", "none", "--database", &database, "--connections", "1"]);
    let began = Instant::now();
    app.get_well(&format!("{KNOWN}0"));
    assert!(began.elapsed() >= Duration::from_millis(5 * 30));
    let began = Instant::now();
    thread::scope(|scope| {
        for n in [16, 32, 48] {
            let app = &app;
            scope.spawn(move || app.get_well(&format!("{SYSCONFIG}{n}")));
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(3 * 30), "three requests and one connection");
    app.stop();
}

#[test]
fn a_request_under_way_is_finished_when_the_end_comes() {
    let ((_folder, database), remote) = (database(), Remote::start());
    let flags = ["--mode", "sync", "--endpoint-url", &remote.url(), "--database", &database];
    let app = App::api_asking("200", &flags);
    thread::scope(|scope| {
        let asked = scope.spawn(|| app.get_well(&format!("{KNOWN}0")));
        // Its first record is there, its five queries are before it.
        while remote.puts() == 0 {
            thread::sleep(Duration::from_millis(2));
        }
        app.terminate();
        asked.join().unwrap();
    });
    let ended = app.stop();
    assert!(ended.status.success());
    assert_eq!(ended.last, serde_json::json!({"emitted": 4, "requests": 1, "failed": 0}));
    remote.has(0..4);
}

#[test]
fn a_record_is_sent_although_its_request_was_left() {
    let ((_folder, database), remote) = (database(), Remote::start());
    let app = App::api(&["--mode", "sync", "--endpoint-url", &remote.url(), "--database", &database]);
    // The first call comes to nothing; the second, which the SDK makes, does not.
    remote.fault(Fault { seconds: Some(0.5), ..Fault::new(FaultKind::Hang).on("PutLogEvents").times(1) });
    app.leave(&format!("{SYSCONFIG}0"), || remote.has_hung());
    let ended = app.stop();
    // The request may have been ended before its second record.
    let emitted = ended.last["emitted"].as_u64().unwrap();
    assert!((1..=3).contains(&emitted) && ended.last["failed"] == 0);
    remote.has(0..emitted);
}

#[test]
fn what_is_not_asked_well_is_not_answered_well() {
    let (_folder, database) = database();
    let gone = App::api(&["--mode", "null", "--database", &database]);
    let nobody = gone.url();
    gone.stop();
    let app = App::api(&["--mode", "null", "--database", &database, "--downstream", &nobody]);
    assert_eq!(app.get("/nowhere").0, 404);
    assert_eq!(app.get("/concurrent?identity=other&n=0").0, 400);
    let (status, body) = app.get("/sysconfig?n=0");
    assert!(status == 502 && body.contains(&nobody), "{status} {body}");
    assert_eq!(app.stop().last["requests"], 0);
}

#[test]
fn without_an_endpoint_there_is_no_start_and_it_says_so() {
    for mode in ["sync", "queue"] {
        let remote = Remote::start();
        let url = remote.url();
        remote.has([]);
        let ended = app::run(&["tasks", "--mode", mode, "--endpoint-url", &url]);
        assert!(!ended.status.success());
        let words = String::from_utf8(ended.stderr).unwrap();
        assert!(words.contains("cannot create the log group") && words.contains(&url), "{words}");
    }
}
