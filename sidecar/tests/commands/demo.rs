//! `demo`: comes to its end by itself, and nothing is lost.

use crate::stage::{run, splashdam};

#[test]
fn everything_arrives() {
    let (code, out, said) = run(&mut splashdam(&["demo", "--seconds", "1", "--rate", "2000"]), b"");
    assert_eq!(code, 0, "{out}{said}");
    assert!(out.contains("app logged     2,000 records") && out.contains("endpoint has   2,000 different"), "{out}");
    assert!(out.contains("received=2000") && out.contains("nothing lost"), "{out}");
    assert!(!out.contains('\u{1b}'), "no terminal, no escapes");
}
