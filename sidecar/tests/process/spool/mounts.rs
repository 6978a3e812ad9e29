//! Real file systems that are full or can only be read: mounted for the sidecar alone, which takes root.

use super::{bytes, down, files, send, spooled, until_durable, until_ended};
use crate::support::{numbered, until, Remote, Setup, Sidecar};
use splashdam::wire::{FlushStatus, Level};

const READ_ONLY: &str = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\"";

/// What `/status` says of the disk, if anything is wrong.
fn trouble(sidecar: &Sidecar) -> Option<String> {
    let lanes = sidecar.status()["lanes"].as_array().cloned().unwrap_or_default();
    lanes.iter().find_map(|lane| Some(lane["spool_trouble"].as_str()?.to_owned()))
}

/// Memory full, the disk full, the head of the lane on it: nothing can be written, so nothing can leave memory but by being delivered,
/// and what comes first has to be read back.
#[test]
fn a_disk_that_is_really_full_empties_itself_once_the_remote_answers() {
    const RECORDS: u64 = 24_000;
    if !Setup::may_mount("a_disk_that_is_really_full_empties_itself_once_the_remote_answers") {
        return;
    }
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&["--memory", "8MiB"]).mounted("mount -t tmpfs -o size=3m none \"$0\"");
    let sidecar = setup.start();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| sidecar.feed_lines(numbered(0..RECORDS, 499)));
        until("the disk is full", || trouble(&sidecar).is_some_and(|text| text.contains("No space left on device")));
        let (mut came, mut same) = (0, 0);
        until("nothing more is taken in", || {
            let scrape = sidecar.scrape();
            scrape.adds_up();
            same = if scrape.came() == came { same + 1 } else { 0 };
            came = scrape.came();
            same > 50
        });
        let scrape = sidecar.scrape();
        assert!(came < RECORDS && scrape.get("splashdam_spooled_records", "") > 1_000, "{came} taken in");
        sidecar.admin("/readyz");
        sidecar.admin("/healthz");
        remote.clear_faults();
        until("the writer is done", || {
            sidecar.scrape().adds_up();
            writer.is_finished()
        });
    });
    until_ended(&sidecar, RECORDS);
    sidecar.feed("one more\n");
    until("the disk takes records again", || trouble(&sidecar).is_none());
    remote.until_accepted(RECORDS + 1);
    sidecar.stop().all_delivered(RECORDS + 1);
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (RECORDS, 0));
    remote.no_violation();
}

/// A disk that went read-only: the sidecar does not refuse to start for it, ships from memory, promises no more than that, and leaves
/// what is in the spool to the next start.
#[test]
fn a_spool_that_can_only_be_read_at_the_start_costs_durability_and_nothing_else() {
    if !Setup::may_mount("a_spool_that_can_only_be_read_at_the_start_costs_durability_and_nothing_else") {
        return;
    }
    let remote = Remote::strict();
    down(&remote);
    let writable = spooled(&remote);
    let sidecar = writable.start();
    sidecar.feed_lines(numbered(1_000..1_100, 100));
    until_durable(&sidecar, 1_100);
    sidecar.kill();
    let before = bytes(&writable.spool());

    remote.clear_faults();
    let setup = writable.mounted(READ_ONLY);
    let sidecar = setup.start();
    until("it says why", || sidecar.stderr().contains("records are in memory only until the next start"));
    assert!(sidecar.stderr().contains("Read-only file system"), "{}", sidecar.stderr());
    assert_eq!(sidecar.metric("splashdam_spool_refused", ""), 1, "also before the first client");
    let mut wire = sidecar.wire();
    assert!(!wire.hello(1, 1).durable_is_disk(), "it must not promise what it has not");
    send(&mut wire, 1..=500, 100);
    let done = wire.flush(Level::Durable);
    assert_eq!((done.status, done.delivered), (FlushStatus::Reached, 500));
    sidecar.admin("/readyz");
    sidecar.admin("/healthz");
    assert!(trouble(&sidecar).is_some_and(|text| text.contains("Read-only file system")));
    assert_eq!(sidecar.metric("splashdam_spool_lanes_in_trouble", ""), 1);
    drop(wire);
    sidecar.stop().all_delivered(500);
    assert_eq!(bytes(&setup.spool()), before, "{:?}", files(&setup.spool()));

    // Mended: what was left is delivered.
    let sidecar = setup.mounted("true").start();
    until_ended(&sidecar, 101);
    let account = sidecar.stop();
    assert_eq!((account.received(), account.recovered()), (0, 101), "{account:?}");
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (601, 0));
}
