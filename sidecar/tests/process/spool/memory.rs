//! Memory: it grows neither with an outage nor with what an outage left behind.

use super::{down, spooled, until_durable, until_ended};
use crate::support::{numbered, until, Remote, Sidecar};

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 16 * MIB;
/// What a debug build holds beside the budget: its code, stacks, the runtime, tables, the allocator's slack.
const REMAINDER: u64 = 48 * MIB;
const RECORDS: u64 = 120_000;
const LENGTH: usize = 999;

#[track_caller]
fn bounded(sidecar: &Sidecar) {
    let peak = sidecar.peak_rss();
    assert!(peak < BUDGET + REMAINDER, "{} MiB", peak / MIB);
}

#[test]
fn an_outage_grows_on_disk_and_not_in_memory_nor_does_the_start_after_it() {
    let remote = Remote::counting();
    down(&remote);
    let setup = spooled(&remote).flags(&["--memory", "16MiB"]);
    let sidecar = setup.start();
    for part in 0..RECORDS / 1_000 {
        sidecar.feed_lines(numbered(part * 1_000..(part + 1) * 1_000, LENGTH));
    }
    until("all is taken in", || sidecar.scrape().came() == RECORDS);
    until_durable(&sidecar, RECORDS);
    let scrape = sidecar.scrape();
    scrape.adds_up();
    assert_eq!(scrape.get("splashdam_spooled_records", ""), RECORDS + 1);
    assert!(scrape.get("splashdam_queue_bytes", "") <= BUDGET);
    bounded(&sidecar);
    sidecar.kill();

    let sidecar = setup.start();
    until("it has found what was left", || sidecar.scrape().came() == RECORDS + 1);
    bounded(&sidecar);
    remote.clear_faults();
    until_ended(&sidecar, RECORDS + 1);
    bounded(&sidecar);
    sidecar.stop().all_came_and_were_delivered(RECORDS + 1);
    assert_eq!((remote.report().marks.unique, remote.report().marks.doubled), (RECORDS + 1, 0));
}
