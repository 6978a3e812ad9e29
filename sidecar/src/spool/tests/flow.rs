//! What goes in comes out: reading, paying, rotating, recycling, closing.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::model::*;
use crate::engine::budget::{Kind, BLOCK};
use crate::engine::chunk::Chunk;
use crate::engine::spool::{Entry, Order, Piece, Read, Refused, Want};
use crate::spool::entry::MOST_RUNS;
use crate::spool::{OpenError, Options, Spool, Survives};

fn count(dir: &Path, folder: &str) -> usize {
    fs::read_dir(dir.join(folder)).unwrap().count()
}

#[test]
fn a_spool_is_of_one_process() {
    let dir = folder();
    let bench = Bench::real(dir.path());
    let budget = Arc::clone(&bench.budget);
    let options = Options { dir: dir.path().into(), max_bytes: 1, survives: Survives::ProcessCrash, budget, lanes: 1 };
    let error = Spool::open(options.clone()).unwrap_err();
    assert!(matches!(&error, OpenError::Locked(path) if path == dir.path()), "{error}");
    drop(bench);
    assert!(Spool::open(options).is_ok());
}

#[test]
fn a_read_is_bounded_by_what_pays_for_it() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let entries: Vec<_> = (0..4).map(|n| entry(&bench.budget, n, 1)).collect();
    let bytes: Vec<_> =
        entries.iter().map(|entry| Chunk::paid_for(entry.chunk.data().len(), entry.runs.len())).collect();
    bench.carry_out(&order(entries, 4, None));

    let back = bench.read(0, 4, bytes[0] - 1);
    assert_eq!((back.pieces.len(), back.needs, back.next), (0, Some(bytes[0]), 0));
    assert_eq!(bench.budget.used_for(Kind::Recalled), 0);
    let back = bench.read(0, 4, bytes[0] + bytes[1] + 5);
    assert_eq!((back.pieces.len(), back.needs, back.next), (2, None, 2));
    // What was not needed is given back while the chunks live.
    assert_eq!(bench.budget.used_for(Kind::Recalled), bytes[0] + bytes[1]);
    drop(back);
    assert_eq!(bench.budget.used_for(Kind::Recalled), 0);
    // Whose they are alone costs nothing.
    let payment = bench.budget.claim(Kind::Recalled, 0).unwrap();
    let back = bench.reader.read(Read { lane: 0, from: 1, to: 4, payment, want: Want::Runs }, &destination());
    assert_eq!((back.pieces.len(), back.next), (3, 4));
}

#[test]
fn a_record_larger_than_a_segment_comes_back() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let large = "l".repeat(BLOCK + SEGMENT as usize);
    let chunk = crate::engine::chunk::tests::chunk_of(&bench.budget, &[(5, &large)]);
    let middle = Entry { chunk: Arc::new(chunk), ..entry(&bench.budget, 1, 1) };
    let entries = vec![entry(&bench.budget, 0, 1), middle, entry(&bench.budget, 2, 1)];
    assert_eq!(bench.carry_out(&order(entries, 3, None)).end, 3);
    let Piece::Chunk { chunk, .. } = &bench.read(1, 2, 2 * BLOCK).pieces[0] else { panic!("a chunk") };
    assert_eq!(chunk.iter().next().unwrap().text, large.as_bytes());
}

#[test]
fn an_offset_inside_a_chunk_brings_the_whole_chunk() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let entries = vec![entry(&bench.budget, 0, 5), entry(&bench.budget, 5, 5)];
    bench.carry_out(&order(entries, 10, None));
    let pieces = bench.read_all(7, 10);
    assert!(matches!(&pieces[..], [Piece::Chunk { first: 5, .. }]), "{pieces:?}");
}

#[test]
fn a_tombstone_of_very_many_runs_is_divided() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let records = MOST_RUNS as u32 + 10;
    let mut many = tombstone(&bench.budget, 0, records);
    many.runs = (0..records).map(|_| crate::spool::entry::tests::text_run(1)).collect();
    assert_eq!(bench.carry_out(&order(vec![many], u64::from(records), None)).failure, None);
    let pieces = bench.read_all(0, u64::from(records));
    assert_eq!(pieces.len(), 2);
    assert!(pieces.iter().all(|piece| matches!(piece, Piece::Chunk { ended: true, .. })));
}

#[test]
fn what_has_ended_is_used_again_and_then_goes() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 0, 3)], 3, Some(3));
    bench.carry_out(&append);
    assert!(bench.writer.ticks(), "something has ended and is still there");
    bench.wait(Duration::from_secs(2));
    bench.writer.tick(bench.now);
    assert_eq!((count(dir.path(), "spare"), bench.spool.stats().spare_bytes > 0), (1, true));
    // The next segment takes the spare.
    let next = order(vec![entry(&bench.budget, 3, 1)], 4, None);
    let stored = bench.carry_out(&next);
    assert_eq!((count(dir.path(), "spare"), stored.failure), (0, None));
    let pieces = bench.read_all(3, 4);
    assert!(matches!(&pieces[..], [Piece::Chunk { first: 3, .. }]), "{pieces:?}");
    // Its file is no longer young when that has ended, too.
    bench.wait(Duration::from_secs(20));
    let stored = bench.carry_out(&order(Vec::new(), 4, Some(4)));
    assert_eq!((count(dir.path(), "spare"), stored.failure), (0, None));
    assert_eq!(stored.lane_bytes, bench.spool.stats().spool_bytes, "the cursor alone is left");
    bench.writer.tick(bench.now);
    assert!(!bench.writer.ticks(), "nothing to wait for");
    // And the next process knows where to go on.
    drop(bench);
    let mut bench = Bench::real(dir.path());
    let indexed = bench.index();
    assert_eq!((indexed.next, indexed.cursor.watermark, indexed.cursor.channels[0].admitted), (4, 4, 4));
}

#[test]
fn a_closed_lane_leaves_nothing() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let append = order(vec![entry(&bench.budget, 0, 3)], 3, None);
    bench.carry_out(&append);
    assert_eq!(count(dir.path(), "lanes"), 1);
    let stored = bench.carry_out(&Order { close: true, ..order(Vec::new(), 3, Some(3)) });
    assert_eq!((stored.failure, stored.end, stored.lane_bytes), (None, 3, 0));
    assert_eq!(count(dir.path(), "lanes"), 0);
    // The same destination begins anew.
    let append = order(vec![entry(&bench.budget, 0, 2)], 2, None);
    assert_eq!(bench.carry_out(&append).failure, None);
    assert_eq!(bench.read_all(0, 2).len(), 1);
}

#[test]
fn a_cursor_that_names_what_is_not_on_disk_is_not_written() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    bench.carry_out(&order(vec![entry(&bench.budget, 0, 3)], 3, Some(1)));
    let mut ahead = order(Vec::new(), 3, Some(2));
    ahead.cursor.as_mut().unwrap().ended = vec![5..8];
    bench.carry_out(&ahead);
    drop(bench);
    let indexed = Bench::real(dir.path()).index();
    assert_eq!((indexed.next, indexed.cursor.watermark, indexed.cursor.ended), (3, 1, vec![]));
}

#[test]
fn no_offset_is_given_out_twice() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    // 3 on disk; 5..8 ended before they came there, and all up to 9 was said to be safe.
    let mut append = order(vec![entry(&bench.budget, 0, 3)], 9, Some(1));
    append.cursor.as_mut().unwrap().ended = vec![5..8];
    bench.carry_out(&append);
    drop(bench);
    let mut bench = Bench::real(dir.path());
    let indexed = bench.index();
    assert_eq!((indexed.next, indexed.cursor.ended), (8, vec![3..8]));
    let entry = entry(&bench.budget, 8, 1);
    bench.carry_out(&order(vec![entry], 9, None));
    let pieces = bench.read_all(1, 9);
    assert!(
        matches!(&pieces[..], [Piece::Chunk { first: 0, .. }, Piece::Ended(range), Piece::Chunk { first: 8, .. }] if *range == (3..8))
    );
}

#[test]
fn what_was_refused_is_written_once_or_counted() {
    let dir = folder();
    let mut bench = Bench::real(dir.path());
    let chunk = entry(&bench.budget, 0, 3).chunk;
    let refused = vec![Refused { chunk, records: 0..2, reason: "too_old", at_ms: 5 }];
    let order = || Order { refused: refused.clone(), ..order(Vec::new(), 3, Some(3)) };
    assert_eq!(bench.carry_out(&order()).failure, None);
    assert_eq!(count(dir.path(), "dead-letter"), 1);
    fs::remove_dir_all(dir.path().join("dead-letter")).unwrap();
    fs::write(dir.path().join("dead-letter"), "in the way").unwrap();
    // A dead letter that cannot be written is no reason to repeat the order.
    assert_eq!(bench.carry_out(&order()).failure, None);
    let stats = bench.spool.stats();
    assert_eq!((stats.dead_letters, stats.dead_letters_lost), (2, 2));
}
