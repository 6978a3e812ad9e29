//! What an earlier process left: nobody writes or deletes over it before it was looked at, and a failed deletion is made good.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::faulty::{Faulty, Hit};
use super::model::*;
use crate::engine::spool::{Order, Piece};
use crate::spool::disk::RealDisk;
use crate::spool::name::{lane_folder, SEGMENT as SUFFIX};
use crate::spool::Survives;

pub(super) fn lane(dir: &Path) -> PathBuf {
    dir.join("lanes").join(lane_folder(&destination(), 0))
}

pub(super) fn segments(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(lane(dir)).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names.filter(|path| path.to_string_lossy().ends_with(SUFFIX)).collect();
    names.sort();
    names
}

/// A process that wrote so many records and ended.
pub(super) fn left(dir: &Path, records: u32, watermark: Option<u64>) {
    let mut bench = Bench::real(dir);
    let append = vec![entry(&bench.budget, 0, records)];
    assert_eq!(bench.carry_out(&order(append, u64::from(records), watermark)).failure, None);
}

pub(super) fn closing(end: u64) -> Order {
    Order { close: true, ..order(Vec::new(), end, None) }
}

#[test]
fn nobody_writes_or_deletes_over_what_was_not_looked_at() {
    let dir = folder();
    left(dir.path(), 5, Some(2));
    let before = segments(dir.path());
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 7, 1)], 8, None);
    for order in [append, order(Vec::new(), 5, Some(5)), closing(5)] {
        let failure = bench.carry_out(&order).failure.unwrap();
        assert!(failure.contains("was not looked at"), "{failure}");
        assert_eq!(segments(dir.path()), before);
    }
    assert!(bench.read(2, 5, 20_000).failure.unwrap().contains("was not looked at"));
    // Nothing of that keeps the engine from taking it over.
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next, indexed.cursor.watermark), (None, 5, 2));
    assert_eq!(bench.read_all(2, 5).len(), 1);
    assert_eq!(bench.carry_out(&closing(5)).failure, None);
    assert!(!lane(dir.path()).exists());
}

#[test]
fn where_all_has_ended_nobody_needs_to_look() {
    let dir = folder();
    left(dir.path(), 5, Some(5));
    let mut bench = Bench::real(dir.path());
    let append = vec![entry(&bench.budget, 5, 1)];
    assert_eq!(bench.carry_out(&order(append, 6, Some(5))).failure, None);
    assert_eq!(segments(dir.path()).len(), 1);
    drop(bench);
    let mut bench = Bench::real(dir.path());
    assert_eq!((bench.index().next, bench.read_all(5, 6).len()), (6, 1));
}

#[test]
fn a_lane_with_another_number_goes_on_with_its_cursor() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 0, 5)], 5, Some(1));
    bench.carry_out(&append);
    bench.carry_out(&order(Vec::new(), 5, Some(2)));
    let renumbered = Order { lane: 9, ..order(Vec::new(), 5, Some(3)) };
    assert_eq!(bench.carry_out(&renumbered).failure, None);
    drop(bench);
    assert_eq!(Bench::real(dir.path()).index().cursor.watermark, 3);
}

/// The lane of this destination that comes next begins with offset 0, as the engine does, and what is written is all there is.
fn assert_reborn(dir: &Path, bench: Bench, what: &str) {
    let mut bench = bench;
    let mut append = order(vec![entry(&bench.budget, 0, 2)], 2, Some(0));
    let stored = (0..3).map(|_| bench.carry_out(&append)).find(|stored| stored.failure.is_none());
    assert_eq!(stored.map(|stored| stored.end), Some(2), "{what}");
    append = order(Vec::new(), 2, Some(1));
    assert_eq!(bench.carry_out(&append).failure, None, "{what}");
    drop(bench);
    let mut bench = Bench::real(dir);
    let indexed = bench.index();
    assert_eq!((indexed.next, indexed.cursor.watermark), (2, 1), "{what}");
    assert!(matches!(&bench.read_all(0, 2)[..], [Piece::Chunk { first: 0, .. }]), "{what}");
}

#[test]
fn a_failed_deletion_is_made_good_before_the_destination_is_used_again() {
    let script = |bench: &mut Bench| {
        let entries = (0..9).map(|n| entry(&bench.budget, n * 3, 3)).collect();
        assert_eq!(bench.carry_out(&order(entries, 27, Some(13))).failure, None);
    };
    for survives in [Survives::ProcessCrash, Survives::PowerLoss] {
        let dir = folder();
        let whole = Arc::new(Faulty::default());
        let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&whole), survives);
        script(&mut bench);
        let from = whole.operations();
        assert_eq!(bench.carry_out(&closing(27)).failure, None);
        for at in from..whole.operations() {
            for hit in [Hit::Before, Hit::After] {
                let dir = folder();
                let mut bench = Bench::on(dir.path(), Arc::new(Faulty::fails_at(at, hit, 3)), survives);
                script(&mut bench);
                let failed = bench.carry_out(&closing(27)).failure.is_some();
                assert_reborn(dir.path(), bench, &format!("{survives:?} {hit:?} {at}, failed: {failed}"));
            }
        }
    }
}

#[test]
fn a_half_closed_lane_may_be_looked_at() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 0, 5)], 5, Some(5));
    bench.carry_out(&append);
    let cursor = lane(dir.path()).join("cursor");
    fs::remove_file(&cursor).unwrap();
    fs::create_dir(&cursor).unwrap();
    assert!(bench.carry_out(&closing(5)).failure.is_some());
    fs::remove_dir(&cursor).unwrap();
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next), (None, 0));
    let append = order(vec![entry(&bench.budget, 0, 2)], 2, None);
    assert_eq!(bench.carry_out(&append).failure, None);
    assert_eq!(bench.read_all(0, 2).len(), 1);
}

#[test]
fn what_an_index_calls_durable_survives_a_power_loss() {
    for names in [false, true] {
        let dir = folder();
        // The process before asked for no syncs.
        left(dir.path(), 5, None);
        let disk = Arc::new(Faulty::default());
        let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&disk), Survives::PowerLoss);
        assert_eq!(bench.index().next, 5);
        drop(bench);
        disk.lose_power(&dir.path().join("lanes"), names);
        let mut bench = Bench::real(dir.path());
        assert_eq!((bench.index().next, bench.read_all(0, 5).len()), (5, 1));
    }
}

#[test]
fn what_ended_between_two_segments_is_known_after_a_power_loss() {
    let dir = folder();
    let disk = Arc::new(Faulty::default());
    let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&disk), Survives::PowerLoss);
    for n in 0..3 {
        let append = order(vec![entry(&bench.budget, n, 1)], n + 1, None);
        bench.carry_out(&append);
        bench.wait(Duration::from_secs(6));
    }
    let mut middle = order(Vec::new(), 3, Some(0));
    middle.cursor.as_mut().unwrap().ended = vec![1..2];
    assert_eq!(bench.carry_out(&middle).failure, None);
    assert_eq!(segments(dir.path()).len(), 2);
    drop(bench);
    disk.lose_power(&dir.path().join("lanes"), false);
    let mut bench = Bench::on(dir.path(), Arc::new(RealDisk), Survives::PowerLoss);
    assert_eq!(bench.index().cursor.ended, [1..2]);
    let pieces = bench.read_all(0, 3);
    assert!(matches!(&pieces[1], Piece::Ended(range) if *range == (1..2)), "{pieces:?}");
}

#[test]
fn a_quiet_lane_holds_no_file_open() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 0, 5)], 5, Some(2));
    bench.carry_out(&append);
    let open = || {
        let fds = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
        fds.filter(|path| path.starts_with(lane(dir.path()))).count()
    };
    assert_eq!(open(), 2);
    bench.writer.tick(bench.now);
    assert_eq!((open(), bench.writer.ticks()), (2, true));
    bench.wait(Duration::from_secs(6));
    bench.writer.tick(bench.now);
    assert_eq!((open(), bench.writer.ticks()), (0, false));
    // The cursor alone is not held open either.
    bench.carry_out(&order(Vec::new(), 5, Some(3)));
    bench.writer.tick(bench.now);
    assert_eq!((open(), bench.writer.ticks()), (0, false));
    assert_eq!(bench.read_all(0, 5).len(), 1);
}
