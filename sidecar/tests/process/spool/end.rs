//! The end with a spool: what has no outcome stays on disk, and the next sidecar goes on from there.

use std::io::Write;
use std::os::unix::net::UnixStream;

use rustix::process::{kill_process, Pid, Signal};

use super::{down, spooled, until_ended};
use crate::support::{numbered, until, Remote};

#[test]
fn at_the_deadline_the_rest_stays_spooled_and_the_next_one_delivers_it() {
    const LINES: u64 = 5_000;
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&["--shutdown-deadline", "1s", "--fail-on-loss"]);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..LINES, 100));
    until("all is taken in", || sidecar.scrape().came() == LINES);
    sidecar.signal(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "nothing is lost: {}", ended.stderr);
    let account = ended.account();
    assert_eq!((account.spooled(), account.dropped(), account.get("in_memory")), (LINES, 0, 0), "{account:?}");

    remote.clear_faults();
    let sidecar = setup.start();
    until_ended(&sidecar, LINES);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.recovered()), (0, LINES), "{account:?}");
    account.all_came_and_were_delivered(LINES);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (LINES, 0));
}

#[test]
fn an_orderly_end_with_all_delivered_leaves_nothing_to_recover() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..20_000, 200));
    remote.until_accepted(20_000);
    sidecar.stop().all_delivered(20_000);
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(20_001);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.recovered()), (1, 0), "{account:?}");
    assert_eq!(account.possible_duplicates(), 0, "{account:?}");
}

#[test]
fn a_second_signal_loses_nothing_that_was_durable() {
    const LINES: u64 = 5_000;
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&["--shutdown-deadline", "50s"]);
    let mut sidecar = setup.start();
    sidecar.feed_lines(numbered(0..LINES, 100));
    super::until_durable(&sidecar, LINES);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    sidecar.insist(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let account = ended.account();
    assert_eq!((account.spooled(), account.dropped()), (LINES + 1, 0), "{account:?}");

    remote.clear_faults();
    let sidecar = setup.start();
    until_ended(&sidecar, LINES + 1);
    sidecar.stop().all_came_and_were_delivered(LINES + 1);
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (LINES + 1, 0));
}

#[test]
fn what_is_left_can_be_printed_and_stays_all_the_same() {
    let remote = Remote::strict();
    down(&remote);
    let flags = ["--shutdown-deadline", "1s", "--spool-remainder", "stderr"];
    let setup = spooled(&remote).flags(&flags);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..50, 60));
    until("all is taken in", || sidecar.scrape().came() == 50);
    sidecar.signal(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!((ended.code, ended.account().spooled()), (Some(0), 50), "{}", ended.stderr);
    for text in numbered(0..50, 60) {
        assert!(ended.stderr.contains(text.trim_end()), "{text} is missing in: {}", ended.stderr);
    }
    remote.clear_faults();
    let sidecar = setup.start();
    until_ended(&sidecar, 50);
    sidecar.stop().all_came_and_were_delivered(50);
}

#[test]
fn a_remainder_that_nobody_reads_does_not_hold_up_the_end() {
    let remote = Remote::strict();
    down(&remote);
    let flags = ["--shutdown-deadline", "1s", "--spool-remainder", "stderr"];
    let setup = spooled(&remote).flags(&flags);
    // Its stderr is a pipe that is never read: much less than what is to be printed fits.
    let mut child = setup.command().spawn().unwrap();
    until("it listens", || UnixStream::connect(setup.socket()).is_ok());
    let mut client = UnixStream::connect(setup.socket()).unwrap();
    for line in numbered(0..20_000, 200) {
        writeln!(client, "{line}").unwrap();
    }
    drop(client);
    let pid = Pid::from_child(&child);
    let segments = || super::segments(&setup.spool());
    until("a part is on disk", || !segments().is_empty());
    kill_process(pid, Signal::TERM).unwrap();
    until("it has ended", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!segments().is_empty(), "all of it stays");
}
