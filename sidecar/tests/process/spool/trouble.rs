//! A disk that takes nothing: the sidecar goes on in memory, says so, acknowledges nothing that is not safe, and comes back.

use rustix::process::{prlimit, Resource, Rlimit};
use splashdam::wire::{ClientFrame, FlushStatus, Level};

use super::{down, send, spooled, until_ended};
use crate::support::{until, Remote, Sidecar, Told, Wire};

/// The largest file that this sidecar may write from now on. The limit is looked at by each write, so 0 makes every one fail (and
/// the kernel send SIGXFSZ, which would end a process that does not expect it).
fn limit_files(sidecar: &Sidecar, bytes: Option<u64>) {
    prlimit(Some(sidecar.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Asks, briefly, whether all is durable.
#[track_caller]
fn is_durable(wire: &mut Wire) -> bool {
    wire.send(&ClientFrame::Flush { ticket: 9, level: Level::Durable, timeout_ms: 100 });
    let Told::Flushed(done) = wire.told_but_acks() else { panic!("no answer") };
    done.status == FlushStatus::Reached
}

/// What `/status` says of the disk, if anything is wrong.
fn trouble(sidecar: &Sidecar) -> Option<String> {
    let lanes = sidecar.status()["lanes"].as_array().cloned().unwrap_or_default();
    lanes.iter().find_map(|lane| Some(lane["spool_trouble"].as_str()?.to_owned()))
}

#[track_caller]
fn healthy(sidecar: &Sidecar) {
    // Panics on anything but 200.
    sidecar.admin("/readyz");
    sidecar.admin("/healthz");
}

#[test]
fn without_a_disk_it_goes_on_in_memory_and_comes_back_by_itself() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    send(&mut wire, 1..=100, 100);
    assert_eq!(wire.flush(Level::Durable).status, FlushStatus::Reached);
    assert_eq!((trouble(&sidecar), sidecar.metric("splashdam_spool_lanes_in_trouble", "")), (None, 0));

    down(&remote);
    limit_files(&sidecar, Some(0));
    send(&mut wire, 101..=200, 100);
    wire.until_ack(|ack| ack.admitted_to == 200);
    until("it says what is wrong", || trouble(&sidecar).is_some());
    assert_eq!(sidecar.metric("splashdam_spool_lanes_in_trouble", ""), 1);
    until("the log says so", || sidecar.stderr().contains("File too large"));
    assert!(!is_durable(&mut wire), "neither on disk nor ended");
    let ack = wire.until_ack(|_| true);
    assert!(ack.durable_to <= 100, "{ack:?}");
    healthy(&sidecar);
    sidecar.scrape().adds_up();

    // Delivered from memory; what has ended is as good as durable.
    remote.clear_faults();
    let ack = wire.until_ack(|ack| ack.ended_to == 200);
    assert_eq!((ack.durable_to, ack.delivered), (200, 200));
    assert!(trouble(&sidecar).is_some());

    down(&remote);
    send(&mut wire, 201..=300, 100);
    wire.until_ack(|ack| ack.admitted_to == 300);
    assert!(!is_durable(&mut wire));
    limit_files(&sidecar, None);
    let ack = wire.until_ack(|ack| ack.durable_to == 300);
    assert_eq!(ack.ended_to, 200);
    until("it says that all is well", || {
        trouble(&sidecar).is_none() && sidecar.metric("splashdam_spool_lanes_in_trouble", "") == 0
    });
    sidecar.kill();

    remote.clear_faults();
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    assert_eq!(wire.hello(1, 201).resume, 300);
    until_ended(&sidecar, 100);
    assert_eq!(wire.flush(Level::Ended).delivered, 300);
    drop(wire);
    let account = sidecar.stop();
    account.adds_up();
    let marks = remote.report().marks;
    assert_eq!((marks.unique, account.dropped()), (300, 0), "{account:?}");
    assert!(marks.doubled <= account.possible_duplicates(), "{marks:?}, {account:?}");
    remote.no_violation();
}

#[test]
fn a_disk_that_never_worked_costs_durability_and_nothing_else() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    limit_files(&sidecar, Some(0));
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    send(&mut wire, 1..=5_000, 100);
    let done = wire.flush(Level::Ended);
    assert_eq!((done.status, done.delivered), (FlushStatus::Reached, 5_000));
    sidecar.feed_lines(crate::support::numbered(5_001..10_001, 100));
    remote.until_accepted(10_000);
    healthy(&sidecar);
    drop(wire);
    // Not even the lock's or the cursor's trouble makes the end disorderly.
    sidecar.stop().all_delivered(10_000);
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (10_000, 0));
}

#[test]
fn at_the_deadline_without_a_disk_what_is_left_is_dropped_and_said() {
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&["--shutdown-deadline", "1s"]);
    let sidecar = setup.start();
    limit_files(&sidecar, Some(0));
    sidecar.feed_lines(crate::support::numbered(0..500, 100));
    until("all is taken in", || sidecar.scrape().came() == 500);
    sidecar.signal(rustix::process::Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let account = ended.account();
    assert_eq!((account.dropped(), account.spooled()), (500, 0), "not on disk, so not spooled: {account:?}");
}
