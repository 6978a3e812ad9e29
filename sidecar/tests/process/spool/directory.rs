//! The directory itself: whose it is, and what if it cannot be had.

use super::{files, spooled, until_ended};
use crate::support::{Remote, Setup};

#[test]
fn a_second_sidecar_on_the_same_directory_is_told_so_and_harms_nothing() {
    let remote = Remote::strict();
    let first_setup = spooled(&remote);
    let first = first_setup.start();
    let spool = first_setup.spool().display().to_string();
    let second = Setup::new(&remote).flags(&["--spool-dir", &spool]).spawn().wait();
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert!(second.stderr.contains(&spool) && second.stderr.contains("in use"), "{}", second.stderr);
    first.feed("one\n");
    remote.until_accepted(1);
    first.stop().all_delivered(1);
    // Free again: the lock goes with its process.
    let sidecar = Setup::new(&remote).flags(&["--spool-dir", &spool]).start();
    sidecar.feed("two\n");
    remote.until_accepted(2);
    sidecar.stop().all_delivered(1);
}

#[test]
fn missing_parents_are_made() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let deep = setup.spool().join("a/b/c");
    let setup = setup.flags(&["--spool-dir", &deep.display().to_string()]);
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    assert!(files(&deep).iter().any(|path| path.ends_with("lock")), "{:?}", files(&deep));
    sidecar.stop().all_delivered(1);
}

#[test]
fn a_directory_that_cannot_be_made_is_said_and_names_itself() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    // Below a file there is no directory, whoever asks: permissions would not stop root.
    std::fs::write(setup.spool(), "a file").unwrap();
    let dir = setup.spool().join("spool").display().to_string();
    let setup = setup.flags(&["--spool-dir", &dir]);
    let ended = setup.spawn().wait();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&dir), "{}", ended.stderr);
}

#[test]
fn what_is_not_ours_is_not_destroyed() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let theirs = ["notes.txt", "lanes/README", "lanes/0123/thing", "quarantine/y", "dead-letter/z"];
    for name in theirs {
        let path = setup.spool().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    let sidecar = setup.start();
    sidecar.feed("one\n");
    until_ended(&sidecar, 1);
    sidecar.stop().all_delivered(1);
    for name in theirs {
        // A folder among the lanes that nobody knows goes to the quarantine as it is.
        let has = |path: &std::path::PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text == name);
        assert!(files(&setup.spool()).iter().any(has), "{name}: {:?}", files(&setup.spool()));
    }
}
