//! `status`, with and without a sidecar.

use crate::stage::{run, splashdam, Stage};

#[test]
fn shows_the_account_and_the_lanes() {
    let stage = Stage::start(&[], &[]);
    assert_eq!(stage.send(&[], b"one\ntwo\n").0, 0);
    let (code, out, said) = run(&mut splashdam(&["status", "--admin", &stage.admin.to_string()]), b"");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("received 2, delivered 2, rejected 0, dropped 0"), "{out}");
    assert!(out.contains("app:test"), "{out}");
}

#[test]
fn without_a_sidecar_it_is_1_and_says_what_to_do() {
    // Nothing can listen on port 1 of this address without root, and nothing does.
    let (code, out, said) = run(&mut splashdam(&["status", "--admin", "127.0.0.9:1"]), b"");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.contains("127.0.0.9:1") && said.contains("--admin"), "{said}");
}
