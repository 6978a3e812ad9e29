//! `spool ls` and `spool cat` on a spool that is as it should be.

use std::fs;
use std::process::Stdio;

use rustix::fs::{flock, FlockOperation};
use serde_json::Value;

use crate::spool_dir::SpoolDir;
use crate::stage::{run, splashdam};

/// Two lanes: of the first `a` has ended, and `d`, and so has all of the second.
fn spool() -> SpoolDir {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod/1");
    lane.segment(0, 7, &[&["a", "b"], &["two\nlines"]]);
    lane.segment(3, 8, &[&["d", "é"]]);
    lane.cursor(4, 0, vec![]);
    lane.cursor(5, 1, vec![3..4]);
    let ended = spool.lane("jobs", "nightly");
    ended.segment(10, 9, &[&["x"]]);
    ended.cursor(1, 11, vec![]);
    spool
}

fn ls(spool: &SpoolDir, flags: &[&str]) -> String {
    let (code, out, said) = run(splashdam(&["spool", "ls", spool.arg()]).args(flags), b"");
    assert_eq!((code, said.as_str()), (0, ""));
    out
}

fn cat(spool: &SpoolDir, flags: &[&str]) -> (i32, String, String) {
    run(splashdam(&["spool", "cat", spool.arg()]).args(flags), b"")
}

#[test]
fn ls_shows_lanes_and_what_else_there_is() {
    let spool = spool();
    let out = ls(&spool, &[]);
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(out.starts_with(&format!("spool {}: not in use\n", spool.arg())), "{out}");
    assert_eq!(lines[2], ["lane", "state", "records", "bytes", "segments", "oldest"]);
    assert_eq!(lines[3][..3], ["app:pod/1", "waiting", "3"], "{out}");
    assert_eq!(lines[3][5..7], ["2", "1m"], "{out}");
    assert_eq!(lines[4][..3], ["jobs:nightly", "empty", "0"], "{out}");
    assert_eq!(lines[4][5..], ["1", "-"], "{out}");
    assert_eq!(lines[5][..3], ["2", "lanes", "3"], "{out}");
    assert_eq!(lines.len(), 6, "nothing is said of what is not there: {out}");

    fs::write(spool.path().join("dead-letter/dead-letter.ndjson"), "{}\n").unwrap();
    fs::create_dir(spool.path().join("lanes/00ff.newer")).unwrap();
    fs::create_dir(spool.path().join("lanes/lost+found")).unwrap();
    let out = ls(&spool, &["--segments"]);
    assert!(out.contains("0000000000000003-0000000000000008.segment: offsets 3 to 5, 1 record left"), "{out}");
    assert!(out.contains("refused     1 file (3 B) of dead letters"), "{out}");
    assert!(out.contains("set aside   00ff.newer") && !out.contains("quarantine") && !out.contains("lost"), "{out}");
}

#[test]
fn ls_for_scripts() {
    let shown: Value = serde_json::from_str(&ls(&spool(), &["--json"])).unwrap();
    let lane = &shown["lanes"][0];
    assert_eq!((&lane["group"], &lane["stream"]), (&"app".into(), &"pod/1".into()));
    assert_eq!((&lane["state"], &lane["records"], &lane["lost"]), (&"waiting".into(), &3.into(), &0.into()));
    assert_eq!((&lane["watermark"], &lane["clean"]), (&1.into(), &false.into()));
    let segment = &lane["segments"][0];
    assert_eq!((&segment["base"], &segment["end"], &segment["entries"]), (&0.into(), &3.into(), &2.into()));
    assert_eq!(segment["condition"], "good");
    assert!((60.0..600.0).contains(&lane["oldest_seconds"].as_f64().unwrap()), "{lane}");
    assert_eq!(shown["total"]["segments"], 3);
    assert_eq!(shown["in_use"], false);
}

#[test]
fn ls_knows_whether_it_is_in_use_and_keeps_nobody_out() {
    let spool = spool();
    let lock = fs::File::open(spool.path().join("lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(ls(&spool, &[]).contains(": in use by a sidecar\n"));
    drop(lock);
    assert!(ls(&spool, &[]).contains(": not in use\n"));
    fs::remove_file(spool.path().join("lock")).unwrap();
    assert!(ls(&spool, &[]).contains(": not in use\n"));
    assert!(!spool.path().join("lock").exists(), "nothing was made");
}

#[test]
fn cat_prints_what_has_not_ended_in_order() {
    let spool = spool();
    assert_eq!(cat(&spool, &[]), (0, "b\ntwo\nlines\né\n".to_owned(), String::new()));
    assert_eq!(cat(&spool, &["--all"]).1, "a\nb\ntwo\nlines\nd\né\nx\n");
    assert_eq!(cat(&spool, &["--all", "--lane", "nightly"]).1, "x\n");
    assert_eq!(cat(&spool, &["--all", "--lane", "jobs:nightly", "--lane", "app"]).1.lines().count(), 7);
    let (_, out, _) = cat(&spool, &["--format", "ndjson"]);
    let line = r#"{"timestamp":1741478400002,"group":"app","stream":"pod/1","message":"two\nlines"}"#;
    assert_eq!(out.lines().nth(1), Some(line));
}

#[test]
fn the_directory_may_be_named_as_for_run() {
    let spool = spool();
    let (code, out, _) = run(splashdam(&["spool", "cat"]).env("SPLASHDAM_SPOOL_DIR", spool.arg()), b"");
    assert_eq!((code, out.lines().count()), (0, 4));
    let (code, _, said) = run(&mut splashdam(&["spool", "ls"]), b"");
    assert!(code == 2 && said.contains("SPLASHDAM_SPOOL_DIR"), "{said}");
}

#[test]
fn what_is_not_there_is_told() {
    let spool = spool();
    for command in ["ls", "cat"] {
        let (code, out, said) = run(&mut splashdam(&["spool", command, "/nowhere"]), b"");
        assert!(code == 1 && out.is_empty() && said.contains("cannot read the spool /nowhere"), "{said}");
        let other = spool.path().join("spare");
        let (code, _, said) = run(splashdam(&["spool", command]).arg(&other), b"");
        assert!(code == 1 && said.contains("holds no spool") && said.contains("--spool-dir"), "{said}");
    }
    let (code, _, said) = cat(&spool, &["--lane", "o"]);
    assert!(code == 2 && said.contains("app:pod/1, jobs:nightly"), "{said}");
    assert_eq!(cat(&spool, &["--lane", "nobody"]).0, 2);
    assert_eq!(cat(&spool, &["--format", "xml"]).0, 2);
}

#[test]
fn a_spool_without_lanes_is_empty() {
    let spool = SpoolDir::new();
    assert!(ls(&spool, &[]).contains("no lanes"));
    fs::remove_dir(spool.path().join("lanes")).unwrap();
    assert!(ls(&spool, &[]).contains("no lanes"));
    assert_eq!(cat(&spool, &[]), (0, String::new(), String::new()));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let spool = SpoolDir::new();
    let text = "x".repeat(60_000);
    let one = [text.as_str()];
    spool.lane("app", "much").segment(0, 1, &[&one[..]; 60]);
    let mut child =
        splashdam(&["spool", "cat", spool.arg()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Far more than a pipe holds: it is still writing.
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}
