//! What should not be there: two segments of one base, names without contents, folders and FIFOs with our names, folders gone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{mknodat, FileType, Mode, CWD};
use rustix::io::Errno;

use super::faulty::Faulty;
use super::leftover::{closing, lane, left, segments};
use super::model::*;
use crate::engine::spool::Piece;
use crate::spool::header::Header;
use crate::spool::inspect;
use crate::spool::name::SegmentName;
use crate::spool::Survives;

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

fn header(name: SegmentName) -> Vec<u8> {
    Header { name, created_ms: 1, destination: destination(), channels: Vec::new() }.encode()
}

fn quarantined(dir: &Path) -> usize {
    fs::read_dir(dir.join("quarantine")).unwrap().count()
}

/// The lane has five records in one chunk, and goes on behind them.
fn assert_goes_on(dir: &Path) {
    let mut bench = Bench::real(dir);
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next, indexed.cursor.watermark), (None, 5, 0));
    let append = order(vec![entry(&bench.budget, 5, 1)], 6, Some(0));
    assert_eq!(bench.carry_out(&append).failure, None);
    let pieces = bench.read_all(0, 6);
    assert!(matches!(&pieces[..], [Piece::Chunk { first: 0, .. }, Piece::Chunk { first: 5, .. }]), "{pieces:?}");
    drop(bench);
    let mut bench = Bench::real(dir);
    assert_eq!((bench.index().next, bench.read_all(0, 6).len()), (6, 2));
}

#[test]
fn of_two_segments_with_one_base_the_one_with_entries_counts() {
    for salt in [0, u64::MAX] {
        let dir = folder();
        left(dir.path(), 5, None);
        let name = SegmentName { base: 0, salt };
        fs::write(lane(dir.path()).join(name.to_string()), header(name)).unwrap();
        assert_goes_on(dir.path());
        assert_eq!((segments(dir.path()).len(), quarantined(dir.path())), (2, 0));
    }
}

#[test]
fn of_two_with_entries_the_one_that_goes_further_counts_and_the_other_is_kept_for_people() {
    let (dir, other) = (folder(), folder());
    left(dir.path(), 5, None);
    left(other.path(), 2, None);
    let shorter = segments(other.path()).remove(0);
    fs::copy(&shorter, lane(dir.path()).join(shorter.file_name().unwrap())).unwrap();
    assert_goes_on(dir.path());
    assert_eq!((segments(dir.path()).len(), quarantined(dir.path())), (2, 1));
}

#[test]
fn one_that_was_only_just_begun_goes_silently() {
    let name = SegmentName { base: 5, salt: 77 };
    for contents in [Vec::new(), vec![9; 3_000], header(name)] {
        let dir = folder();
        left(dir.path(), 5, None);
        fs::write(lane(dir.path()).join(name.to_string()), contents).unwrap();
        assert_goes_on(dir.path());
        assert_eq!((segments(dir.path()).len(), quarantined(dir.path())), (2, 0));
    }
}

#[test]
fn a_name_alone_does_not_say_where_the_lane_ends() {
    type Put = fn(&Path);
    let put: [Put; 4] = [
        |path| fs::write(path, vec![9; 3_000]).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        fifo,
        |path| symlink(path, path).unwrap(),
    ];
    for put in put {
        let dir = folder();
        left(dir.path(), 5, None);
        put(&lane(dir.path()).join("00000000ffffffff-0000000000000002.segment"));
        let seen = &inspect::look(dir.path()).unwrap().lanes[0];
        assert_eq!((seen.records, seen.lost), (5, 0));
        assert_goes_on(dir.path());
        assert_eq!((segments(dir.path()).len(), quarantined(dir.path())), (2, 1));
    }
    // Not even of ours is one that no offset can be in.
    let dir = folder();
    left(dir.path(), 5, None);
    fs::write(lane(dir.path()).join("ffffffffffffffff-0000000000000002.segment"), "").unwrap();
    assert_goes_on(dir.path());
}

#[test]
fn a_header_says_where_the_lane_ends() {
    let dir = folder();
    left(dir.path(), 5, None);
    let name = SegmentName { base: 9, salt: 3 };
    fs::write(lane(dir.path()).join(name.to_string()), header(name)).unwrap();
    let mut bench = Bench::real(dir.path());
    assert_eq!(bench.index().next, 9);
    let pieces = bench.read_all(0, 9);
    assert!(matches!(&pieces[1], Piece::Corrupt { offsets, .. } if *offsets == (5..9)), "{pieces:?}");
}

#[test]
fn a_folder_among_the_segments_costs_what_lies_there_alone() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    for n in 0..3 {
        let append = order(vec![entry(&bench.budget, n, 1)], n + 1, None);
        bench.carry_out(&append);
        bench.wait(Duration::from_secs(6));
    }
    drop(bench);
    let middle = segments(dir.path()).remove(1);
    fs::remove_file(&middle).unwrap();
    fs::create_dir(&middle).unwrap();
    let mut bench = Bench::real(dir.path());
    assert_eq!((bench.index().failure, bench.index().next), (None, 3));
    let pieces = bench.read_all(0, 3);
    assert!(matches!(&pieces[1], Piece::Corrupt { offsets, .. } if *offsets == (1..2)), "{pieces:?}");
    let stored = bench.carry_out(&order(Vec::new(), 3, Some(2)));
    assert_eq!((stored.failure, quarantined(dir.path()), segments(dir.path()).len()), (None, 1, 1));
}

#[test]
fn a_cursor_that_cannot_be_read_is_set_aside() {
    type Put = fn(&Path);
    let put: [Put; 3] = [|path| fs::create_dir(path).unwrap(), fifo, |path| symlink(path, path).unwrap()];
    for put in put {
        let dir = folder();
        left(dir.path(), 5, None);
        put(&lane(dir.path()).join("cursor"));
        assert_eq!(inspect::look(dir.path()).unwrap().lanes[0].records, 5);
        assert_goes_on(dir.path());
        assert_eq!(quarantined(dir.path()), 1);
    }
}

#[test]
fn what_the_disk_refuses_is_done_without_and_what_it_refuses_for_a_moment_is_waited_for() {
    let (io, many) = (Errno::IO.raw_os_error(), Errno::MFILE.raw_os_error());
    let dir = folder();
    left(dir.path(), 5, Some(3));
    let disk = Arc::new(Faulty::default());
    let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&disk), Survives::ProcessCrash);
    // All of them: too many files are open, or somebody keeps us from them. Nothing is touched.
    for refused in [("", many), ("cursor", many), (".segment", many), (".segment", io)] {
        disk.refuse(Some(refused));
        assert!(bench.index().failure.is_some(), "{refused:?}");
        assert_eq!((segments(dir.path()).len(), quarantined(dir.path())), (1, 0));
    }
    disk.refuse(None);
    assert_eq!((bench.index().next, bench.index().cursor.watermark), (5, 3));
    drop(bench);
    // The cursor alone.
    let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&disk), Survives::ProcessCrash);
    disk.refuse(Some(("cursor", io)));
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next, indexed.cursor.watermark), (None, 5, 0));
    assert_eq!(quarantined(dir.path()), 1);
    // The last segment alone.
    let append = order(vec![entry(&bench.budget, 5, 2)], 7, None);
    bench.carry_out(&append);
    drop(bench);
    let last = segments(dir.path()).remove(1).file_name().unwrap().to_str().unwrap().to_owned();
    disk.refuse(Some((&last, io)));
    let mut bench = Bench::on(dir.path(), Arc::<Faulty>::clone(&disk), Survives::ProcessCrash);
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next), (None, 5));
}

#[test]
fn a_lane_file_that_is_none_is_no_harm_and_one_that_cannot_be_read_is_left_alone() {
    let dir = folder();
    left(dir.path(), 5, None);
    let file = lane(dir.path()).join("lane.json");
    fs::remove_file(&file).unwrap();
    fifo(&file);
    // The segment tells.
    let mut bench = Bench::real(dir.path());
    assert_eq!((bench.found.len(), bench.index().next), (1, 5));
    drop(bench);
    // Nothing tells, and not because it is damaged.
    fs::remove_file(&file).unwrap();
    symlink(&file, &file).unwrap();
    fs::write(segments(dir.path()).remove(0), "").unwrap();
    let mut bench = Bench::real(dir.path());
    assert_eq!((bench.found.len(), quarantined(dir.path())), (0, 0));
    // Its name is taken.
    let append = order(vec![entry(&bench.budget, 0, 1)], 1, None);
    assert_eq!(bench.carry_out(&append).failure, None);
    assert_eq!(fs::read_dir(dir.path().join("lanes")).unwrap().count(), 2);
}

#[test]
fn a_newer_segment_sets_the_lane_aside() {
    let dir = folder();
    left(dir.path(), 5, None);
    let newest = lane(dir.path()).join(SegmentName { base: 5, salt: 3 }.to_string());
    fs::write(newest, b"SPLASHD2 and what we do not know").unwrap();
    assert_eq!(Bench::real(dir.path()).found, []);
    let aside = lane(dir.path()).with_extension("newer");
    assert_eq!(fs::read_dir(aside).unwrap().count(), 3);
}

#[test]
fn folders_in_the_quarantine_count() {
    let dir = folder();
    let before = Bench::real(dir.path()).spool.stats().spool_bytes;
    let folder = dir.path().join("quarantine/lane");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("what"), vec![1; 20_000]).unwrap();
    assert!(Bench::real(dir.path()).spool.stats().spool_bytes >= before + 20_480);
}

#[test]
fn without_the_folder_of_the_spares_segments_go_for_good() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    fs::remove_dir(dir.path().join("spare")).unwrap();
    for n in 0..5 {
        let append = order(vec![entry(&bench.budget, n, 1)], n + 1, Some(n + 1));
        assert_eq!(bench.carry_out(&append).failure, None);
        bench.wait(Duration::from_secs(2));
        let stored = bench.carry_out(&order(Vec::new(), n + 1, Some(n + 1)));
        assert_eq!((stored.failure, segments(dir.path()).len(), stored.spool_bytes), (None, 0, stored.lane_bytes));
    }
    // The same where a spare is gone.
    fs::create_dir(dir.path().join("spare")).unwrap();
    let append = order(vec![entry(&bench.budget, 5, 1)], 6, Some(6));
    bench.carry_out(&append);
    bench.wait(Duration::from_secs(2));
    bench.carry_out(&order(Vec::new(), 6, Some(6)));
    assert!(bench.spool.stats().spare_bytes > 0);
    fs::remove_dir_all(dir.path().join("spare")).unwrap();
    let append = order(vec![entry(&bench.budget, 6, 1)], 7, Some(6));
    let stored = bench.carry_out(&append);
    assert_eq!((stored.failure, stored.spool_bytes), (None, stored.lane_bytes));
}

#[test]
fn the_quarantine_is_made_again() {
    let dir = folder();
    left(dir.path(), 5, None);
    fs::write(segments(dir.path()).remove(0), header(SegmentName { base: 0, salt: 1 })).unwrap();
    fs::write(lane(dir.path()).join(SegmentName { base: 9, salt: 1 }.to_string()), "nonsense").unwrap();
    let mut bench = Bench::real(dir.path());
    bench.index();
    fs::remove_dir(dir.path().join("quarantine")).unwrap();
    assert_eq!(bench.carry_out(&closing(0)).failure, None);
    assert_eq!((quarantined(dir.path()), bench.spool.stats().quarantined), (1, 1));
}

#[test]
fn a_last_segment_without_a_good_entry_costs_itself_alone() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    for n in 0..6 {
        let append = order(vec![entry(&bench.budget, n, 1)], n + 1, None);
        bench.carry_out(&append);
        bench.wait(Duration::from_secs(6));
    }
    drop(bench);
    let last = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&last, bytes).unwrap();
    let mut bench = Bench::real(dir.path());
    let indexed = bench.index();
    assert_eq!((indexed.failure, indexed.next, indexed.cursor.watermark), (None, 5, 0));
    let append = order(vec![entry(&bench.budget, 5, 1)], 6, Some(0));
    assert_eq!(bench.carry_out(&append).failure, None);
    let pieces = bench.read_all(0, 6);
    assert!(pieces.iter().all(|piece| matches!(piece, Piece::Chunk { .. })), "{pieces:?}");
    // What was handed over may end while the rest is still there.
    for watermark in 1..6 {
        assert_eq!(bench.carry_out(&order(Vec::new(), 6, Some(watermark))).failure, None);
        let pieces = bench.read_all(watermark, 6);
        assert!(pieces.iter().all(|piece| matches!(piece, Piece::Chunk { .. })), "{pieces:?}");
        assert_eq!(segments(dir.path()).len() as u64, 6 - watermark);
    }
}
