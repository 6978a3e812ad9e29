//! `send`: its text rules and its exit codes.

use crate::stage::{run, splashdam, Stage};

#[test]
fn all_delivered_is_0_and_told_in_one_line() {
    let stage = Stage::start(&[], &[]);
    let mut text: String = (0..1_000).map(|number| format!("line {number}\r\n\n")).collect();
    text += "the last one has no end";
    let (code, said) = stage.send(&[], text.as_bytes());
    assert_eq!((code, said.as_str()), (0, "splashdam: 1,001 records: 1,001 delivered\n"));
    assert_eq!(stage.send(&["--stream", "other"], b""), (0, "splashdam: 0 records: 0 delivered\n".to_owned()));
}

#[test]
fn more_than_any_queue_holds_is_delivered_all_the_same() {
    let stage = Stage::start(&["--latency", "5"], &["--memory", "8MiB"]);
    let text: String = (0..200_000).map(|number| format!("n={number:010} {}\n", "x".repeat(100))).collect();
    let (code, said) = stage.send(&[], text.as_bytes());
    assert_eq!((code, said.as_str()), (0, "splashdam: 200,000 records: 200,000 delivered\n"));
}

#[test]
fn what_was_not_delivered_is_3() {
    let stage = Stage::start(&[], &["--enabled=false"]);
    let (code, said) = stage.send(&[], b"a\nb\n");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("2 dropped by the sidecar"), "{said}");
}

#[test]
fn time_that_ran_out_is_4() {
    let stage = Stage::start(&["--fault", "throttle"], &[]);
    let (code, said) = stage.send(&["--flush-timeout", "300ms"], b"a\nb\n");
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("2 without outcome after 300ms"), "{said}");
}

#[test]
fn no_sidecar_is_1_and_says_what_to_do() {
    let (code, _, said) = run(&mut splashdam(&["send", "--socket", "/nowhere/s", "--flush-timeout", "200ms"]), b"a\n");
    assert_eq!(code, 1);
    assert!(said.contains("/nowhere/s") && said.contains("splashdam run"), "{said}");
}
