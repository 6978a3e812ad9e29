//! Bytes that rot: a flipped byte costs the chunk it is in, and nothing else.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::leftover::{lane, segments};
use super::model::*;
use crate::engine::chunk::tests::chunk_of;
use crate::engine::spool::{DiskRun, Entry, Piece};
use crate::spool::cursor;
use crate::spool::entry::tests::encoded;
use crate::spool::entry::Head;
use crate::spool::inspect;
use crate::spool::name::{CURSOR, LANE_FILE};

/// Three chunks in one segment, the second of which holds a forged entry as its text, and one chunk in the next.
fn written(dir: &Path) -> Vec<u8> {
    let mut bench = Bench::real(dir);
    let run = DiskRun { client: [0; 16], first_sequence: 0, sequences: 9, records: 9 };
    let head = Head { records: 9, after: 4, first: 4, runs: vec![run], ..Head::default() };
    // What is not UTF-8 cannot be a text, so the forged salt and sums are chosen to be.
    let salts = (0..u64::MAX).map(|n| 0x4142_4344_4546_4748 ^ n);
    let forged = salts.map(|salt| encoded(&head, salt, b"")).find_map(|bytes| String::from_utf8(bytes).ok()).unwrap();
    let mut middle = entry(&bench.budget, 2, 1);
    middle.chunk = Arc::new(chunk_of(&bench.budget, &[(5, &forged)]));
    let entries: Vec<Entry> = vec![entry(&bench.budget, 0, 2), middle, entry(&bench.budget, 3, 1)];
    assert_eq!(bench.carry_out(&order(entries, 4, None)).failure, None);
    bench.wait(Duration::from_secs(6));
    let last = entry(&bench.budget, 4, 1);
    assert_eq!(bench.carry_out(&order(vec![last], 5, None)).failure, None);
    let paths = segments(dir);
    assert_eq!(paths.len(), 2);
    fs::read(&paths[0]).unwrap()
}

/// First offsets of the chunks that come back, and the offsets that are lost.
fn read(dir: &Path) -> (Vec<u64>, Vec<std::ops::Range<u64>>) {
    read_of(&mut Bench::real(dir))
}

fn read_of(bench: &mut Bench) -> (Vec<u64>, Vec<std::ops::Range<u64>>) {
    let indexed = bench.index();
    let (mut chunks, mut lost) = (Vec::new(), Vec::new());
    for piece in bench.read_all(indexed.cursor.watermark, indexed.next) {
        match piece {
            Piece::Chunk { first, chunk, runs, .. } => {
                if first != 2 {
                    assert_genuine(first, &chunk, &runs);
                }
                chunks.push(first);
            }
            Piece::Corrupt { offsets, .. } => lost.push(offsets),
            Piece::Ended(range) => panic!("{range:?} had not ended"),
        }
    }
    (chunks, lost)
}

#[test]
fn a_flipped_byte_costs_the_touched_chunk_alone() {
    let left = folder();
    let whole = written(left.path());
    assert_eq!(read(left.path()), (vec![0, 2, 3, 4], vec![]));
    let mut costs = [0; 4];
    for at in 0..whole.len() {
        let dir = copy(left.path());
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(segments(dir.path()).remove(0), flipped).unwrap();
        let mut bench = Bench::real(dir.path());
        let (chunks, lost) = read_of(&mut bench);
        // When all has ended it is kept for people, and nothing else is.
        assert_eq!(bench.carry_out(&order(Vec::new(), 5, Some(5))).failure, None);
        assert_eq!((bench.spool.stats().quarantined, segments(dir.path()).len()), (1, 0), "byte {at}");
        let seen = match (&chunks[..], &lost[..]) {
            ([0, 2, 3, 4], []) => 0,
            ([2, 3, 4], [range]) if *range == (0..2) => 1,
            ([0, 3, 4], [range]) if *range == (2..3) => 2,
            ([0, 2, 4], [range]) if *range == (3..4) => 3,
            other => panic!("byte {at}: {other:?}"),
        };
        costs[seen] += 1;
    }
    // Each byte of each chunk was touched, and each of the header.
    assert!(costs.iter().all(|touched| *touched > 50), "{costs:?}");
}

#[test]
fn a_flipped_byte_of_the_cursor_costs_what_ended_since_the_other_slot() {
    let left = folder();
    let mut bench = Bench::real(left.path());
    let entries: Vec<Entry> = (0..4).map(|n| entry(&bench.budget, n, 1)).collect();
    assert_eq!(bench.carry_out(&order(entries, 4, Some(1))).failure, None);
    assert_eq!(bench.carry_out(&order(Vec::new(), 4, Some(3))).failure, None);
    drop(bench);
    let whole = fs::read(lane(left.path()).join(CURSOR)).unwrap();
    let (older, newer) = (cursor::place(1) as usize, cursor::place(2) as usize);
    let mut costs = [0; 2];
    for start in [older, newer] {
        let length = u32::from_le_bytes(whole[start + 8..start + 12].try_into().unwrap()) as usize;
        for at in start..start + length {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            fs::write(lane(left.path()).join(CURSOR), flipped).unwrap();
            let mut bench = Bench::real(left.path());
            let indexed = bench.index();
            let expected = if start == newer { 1 } else { 3 };
            assert_eq!((indexed.failure, indexed.next, indexed.cursor.watermark), (None, 4, expected), "byte {at}");
            let firsts: Vec<_> = bench.read_all(expected, 4).iter().map(|piece| offsets(piece).start).collect();
            assert_eq!(firsts, (expected..4).collect::<Vec<_>>(), "byte {at}");
            costs[usize::from(start == newer)] += 1;
        }
    }
    assert!(costs.iter().all(|touched| *touched > 50), "{costs:?}");
}

#[test]
fn a_flipped_byte_of_the_lane_file_sends_no_record_elsewhere() {
    let left = folder();
    written(left.path());
    let whole = fs::read(lane(left.path()).join(LANE_FILE)).unwrap();
    let mut set_aside = 0;
    for at in 0..whole.len() {
        let dir = copy(left.path());
        let mut flipped = whole.clone();
        flipped[at] ^= 0x02;
        fs::write(lane(dir.path()).join(LANE_FILE), flipped).unwrap();
        let seen = inspect::look(dir.path()).unwrap().lanes.remove(0).place.destination;
        let mut bench = Bench::real(dir.path());
        if bench.found.is_empty() {
            // It says that a newer splashdam wrote it: all of it is kept for that one.
            set_aside += 1;
            assert!(lane(dir.path()).with_extension("newer").is_dir(), "byte {at}");
            assert_eq!(bench.spool.stats().left_out, 1);
            continue;
        }
        assert_eq!((&bench.found[0].destination, seen), (&destination(), Ok(destination())), "byte {at}");
        assert_eq!(read_of(&mut bench), (vec![0, 2, 3, 4], vec![]), "byte {at}");
    }
    assert_eq!(set_aside, 1, "the number of the format alone");
}

#[test]
fn a_lane_survives_without_its_lane_file_or_its_first_segment() {
    let dir = folder();
    written(dir.path());
    fs::write(lane(dir.path()).join(LANE_FILE), "{").unwrap();
    assert_eq!(read(dir.path()).0, [0, 2, 3, 4]);
    fs::remove_file(segments(dir.path()).remove(0)).unwrap();
    // What lies before the first segment has ended as far as anybody can know.
    assert_eq!(read(dir.path()), (vec![4], vec![]));
}

#[test]
fn what_nobody_can_tell_is_put_aside_and_what_is_newer_is_kept() {
    let dir = folder();
    for (name, contents) in [("a", "{"), ("b", r#"{"format":2}"#)] {
        let folder = dir.path().join("lanes").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(LANE_FILE), contents).unwrap();
        fs::write(folder.join("cursor"), "what").unwrap();
    }
    for _ in 0..2 {
        assert_eq!(Bench::real(dir.path()).found, []);
        assert!(dir.path().join("quarantine/a").is_dir());
        assert!(dir.path().join("lanes/b.newer/cursor").is_file());
    }
}

#[test]
fn a_damaged_segment_goes_to_the_quarantine() {
    let dir = folder();
    let mut bytes = written(dir.path());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(segments(dir.path()).remove(0), bytes).unwrap();
    let mut bench = Bench::real(dir.path());
    bench.index();
    bench.read_all(0, 5);
    let stored = bench.carry_out(&order(Vec::new(), 5, Some(4)));
    assert_eq!((stored.failure, bench.spool.stats().quarantined), (None, 1));
    assert_eq!(fs::read_dir(dir.path().join("quarantine")).unwrap().count(), 1);
    assert_eq!(segments(dir.path()).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_on_disk_makes_anything_panic(
        segment in proptest::collection::vec(any::<u8>(), 0..900),
        cursor in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..1_200,
    ) {
        let dir = folder();
        let mut whole = written(dir.path());
        let at = at.min(whole.len());
        let end = whole.len().min(at + segment.len());
        whole[at..end].copy_from_slice(&segment[..end - at]);
        fs::write(segments(dir.path()).remove(0), &whole).unwrap();
        fs::write(lane(dir.path()).join("cursor"), cursor).unwrap();
        read(dir.path());
    }
}
