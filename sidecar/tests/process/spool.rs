//! With a spool: what was acknowledged as durable is delivered whatever happens to the sidecar, and nothing that happens to the disk
//! stops the sidecar.

use std::path::{Path, PathBuf};

use splashdam::wire::{FlushStatus, Level};

use crate::support::{numbered, until, Remote, Setup, Sidecar, Wire};

mod damage;
mod directory;
mod end;
mod full;
mod kills;
mod memory;
mod mounts;
mod trouble;

/// A setup with a spool that has not been used.
pub(crate) fn spooled(remote: &Remote) -> Setup {
    Setup::new(remote).spooled().flags(&["--backoff-max", "200ms"])
}

/// Nothing is delivered from now on.
pub(crate) fn down(remote: &Remote) {
    remote.fault("unavailable,operation=PutLogEvents");
}

/// Sends records `first..=last`, each of `length` bytes and marked with its sequence, in frames of a few.
#[track_caller]
fn send(wire: &mut Wire, numbers: std::ops::RangeInclusive<u64>, length: usize) {
    let (mut first, last) = numbers.into_inner();
    while first <= last {
        let end = (first + 200).min(last + 1);
        wire.records(first, numbered(first..end, length));
        first = end;
    }
}

/// Waits until all that the sidecar read before is on disk. Appends are in the order of offsets, so one record that is durable
/// says so for those before it.
#[track_caller]
fn until_durable(sidecar: &Sidecar, number: u64) {
    let mut wire = sidecar.wire();
    let welcome = wire.hello(99, 1);
    assert!(welcome.durable_is_disk(), "{welcome:?}");
    wire.records(1, numbered(number..number + 1, 60));
    assert_eq!(wire.flush(Level::Durable).status, FlushStatus::Reached);
}

/// Waits until nothing is without an outcome, but not before so many records came; the account adds up all the while.
#[track_caller]
fn until_ended(sidecar: &Sidecar, records: u64) {
    until("all has ended", || {
        let scrape = sidecar.scrape();
        scrape.adds_up();
        scrape.came() >= records && scrape.waiting() == 0
    });
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect();
    found.sort();
    found
}

/// The segments that lanes use now, oldest first of each lane.
fn segments(spool: &Path) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "segment");
    files(&spool.join("lanes")).into_iter().filter(is_segment).collect()
}

/// Bytes of all files below a folder.
fn bytes(folder: &Path) -> u64 {
    let length = |path: PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
    files(folder).into_iter().map(length).sum()
}

#[test]
fn text_that_was_written_is_delivered_after_a_kill() {
    const LINES: u64 = 20_000;
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..LINES, 100));
    until("all is taken in", || sidecar.scrape().came() == LINES);
    until_durable(&sidecar, LINES);
    sidecar.kill();

    remote.clear_faults();
    let sidecar = setup.start();
    until_ended(&sidecar, LINES + 1);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.recovered()), (0, LINES + 1), "{account:?}");
    account.all_came_and_were_delivered(LINES + 1);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (LINES + 1, 0));
    remote.no_violation();
}

#[test]
fn what_is_durable_is_known_to_the_next_sidecar() {
    known_to_the_next("process-crash");
}

#[test]
fn what_is_durable_with_power_loss_is_known_to_the_next_sidecar() {
    known_to_the_next("power-loss");
}

#[track_caller]
fn known_to_the_next(survives: &str) {
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&["--spool-survives", survives]);
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    assert!(wire.hello(1, 1).durable_is_disk());
    send(&mut wire, 1..=1_000, 100);
    let durable = wire.flush(Level::Durable);
    assert_eq!((durable.status, durable.delivered), (FlushStatus::Reached, 0));
    sidecar.kill();

    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    let welcome = wire.hello(1, 1);
    assert_eq!((welcome.known_channel(), welcome.resume), (true, 1_000));
    remote.clear_faults();
    // Sent again all the same, and more.
    send(&mut wire, 1..=1_200, 100);
    let done = wire.flush(Level::Ended);
    assert_eq!((done.status, done.delivered, done.pending), (FlushStatus::Reached, 1_200, 0));
    drop(wire);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.recovered()), (200, 1_000), "{account:?}");
    account.all_came_and_were_delivered(1_200);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (1_200, 0));
}

#[test]
fn a_channels_counts_outlive_what_has_ended() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    send(&mut wire, 1..=500, 100);
    assert_eq!(wire.flush(Level::Ended).delivered, 500);
    drop(wire);
    sidecar.stop().all_delivered(500);

    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    let welcome = wire.hello(1, 1);
    assert_eq!((welcome.known_channel(), welcome.resume), (true, 500));
    send(&mut wire, 1..=600, 100);
    assert_eq!(wire.flush(Level::Ended).delivered, 600);
    drop(wire);
    sidecar.stop().all_delivered(100);
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (600, 0));
}

#[test]
fn after_a_healthy_run_hardly_anything_is_left_on_disk() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..50_000, 200));
    remote.until_accepted(50_000);
    until("the segments are gone", || segments(&setup.spool()).is_empty());
    // Whose sequences have to be known later keeps a header, and no more.
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    send(&mut wire, 1..=1, 200);
    drop(wire);
    let scrape = || sidecar.scrape();
    until("all has ended", || scrape().came() > 50_000 && scrape().waiting() == 0);
    until("one header is left", || {
        let left: Vec<_> = segments(&setup.spool());
        left.len() <= 1 && left.iter().all(|path| std::fs::metadata(path).is_ok_and(|data| data.len() < 4_096))
    });
    drop(sidecar);
}

#[test]
fn what_cloudwatch_refused_is_kept_as_dead_letters() {
    let remote = Remote::strict();
    let setup = spooled(&remote);
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    let now = crate::support::now_ms();
    wire.records_at(1, [(now, "fine"), (now - 20 * 86_400_000, "far too old"), (now, "as well")]);
    let done = wire.flush(Level::Ended);
    assert_eq!((done.delivered, done.rejected), (2, 1));
    let path = setup.spool().join("dead-letter/dead-letter.ndjson");
    until("it is written", || std::fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n')));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let letter: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&letter["message"], &letter["reason"]), (&"far too old".into(), &"too_old".into()));
    drop(wire);
    assert_eq!(sidecar.stop().rejected(), 1);
}
