//! No room on disk: its bound is kept, and the overflow policy decides, as it does without a spool.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{bytes, down, spooled};
use crate::bounds::overflow;
use crate::support::{numbered, until, Remote, Setup, Sidecar};

const MIB: u64 = 1 << 20;
/// The least that is taken.
const MAX: u64 = 16 * MIB;
const FLAGS: [&str; 2] = ["--spool-max", "16MiB"];
/// Of 500 bytes each: far more than disk and memory hold together.
const RECORDS: u64 = 80_000;
/// Cursors and what else is not records: two slots of 128 KiB a lane, a name or two.
const BESIDE: u64 = MIB;

#[track_caller]
fn bounded(setup: &Setup) {
    let used = bytes(&setup.spool());
    assert!(used <= MAX + BESIDE, "{used} bytes on disk, {MAX} allowed");
}

#[track_caller]
fn full(setup: &Setup, sidecar: &Sidecar) {
    bounded(setup);
    let scrape = sidecar.scrape();
    scrape.adds_up();
    assert!(scrape.get("splashdam_spooled_records", "") > 0, "something is on disk");
    assert!(scrape.get("splashdam_spool_used_bytes", "") <= MAX + BESIDE);
    assert!(bytes(&setup.spool()) > MAX / 4, "a spool that is full is not nearly empty");
}

#[test]
fn drop_newest_keeps_the_oldest_with_a_spool_too() {
    let kept = overflow("drop-newest", RECORDS, |setup| setup.spooled().flags(&FLAGS), full);
    assert_eq!(kept[0], 0);
    assert!(*kept.last().unwrap() < RECORDS - 1);
}

#[test]
fn drop_oldest_keeps_the_newest_with_a_spool_too() {
    let kept = overflow("drop-oldest", RECORDS, |setup| setup.spooled().flags(&FLAGS), full);
    assert_eq!(*kept.last().unwrap(), RECORDS - 1);
}

#[test]
fn block_makes_writers_wait_and_loses_nothing() {
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote).flags(&FLAGS).flags(&["--memory", "8MiB"]);
    let sidecar = setup.start();
    let all_written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut client = sidecar.text();
            for part in 0..RECORDS / 100 {
                let lines = numbered(part * 100..(part + 1) * 100, 499).join("\n") + "\n";
                std::io::Write::write_all(&mut client, lines.as_bytes()).unwrap();
            }
            all_written.store(true, Ordering::Relaxed);
        });
        // No more comes although there is more: it has filled up. Far more is written than memory and disk could ever hold.
        let (mut came, mut same) = (0, 0);
        until("nothing more is taken in", || {
            bounded(&setup);
            let scrape = sidecar.scrape();
            scrape.adds_up();
            same = if scrape.came() == came && came > 0 { same + 1 } else { 0 };
            came = scrape.came();
            same > 100 && bytes(&setup.spool()) > MAX / 2
        });
        assert!(!all_written.load(Ordering::Relaxed), "it should wait: {came} taken in");
        full(&setup, &sidecar);
        remote.clear_faults();
        until("the writer is done", || {
            bounded(&setup);
            sidecar.scrape().adds_up();
            writer.is_finished()
        });
    });
    remote.until_accepted(RECORDS);
    sidecar.stop().all_delivered(RECORDS);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (RECORDS, 0));
    remote.no_violation();
}
