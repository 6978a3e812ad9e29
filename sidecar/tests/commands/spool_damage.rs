//! `spool ls` and `spool cat` on what crashes and bad disks leave.

use std::fs;
use std::path::Path;

use splashdam_sidecar::spool::inspect::{lanes, look, visit_records, Seen, State, Which};

use crate::spool_dir::SpoolDir;
use crate::stage::{run, splashdam};

fn cat(spool: &SpoolDir) -> (i32, String, String) {
    run(&mut splashdam(&["spool", "cat", spool.arg()]), b"")
}

fn ls(spool: &SpoolDir) -> String {
    run(&mut splashdam(&["spool", "ls", "--segments", spool.arg()]), b"").1
}

/// The byte in the middle of `text` becomes another one.
fn spoil(file: &Path, text: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text).expect("it is in there");
    bytes[at + text.len() / 2] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_torn_tail_is_told_and_no_loss() {
    let spool = SpoolDir::new();
    let file = spool.lane("app", "pod").segment(0, 7, &[&["one"], &["two"]]);
    let bytes = fs::read(&file).unwrap();
    // Within the last head, and within its records.
    for missing in [40, 1] {
        fs::write(&file, &bytes[..bytes.len() - missing]).unwrap();
        let (code, out, said) = cat(&spool);
        assert_eq!((code, out.as_str()), (0, "one\n"), "{said}");
        assert!(said.contains("app:pod") && said.contains("torn"), "{said}");
        let shown = ls(&spool);
        assert!(shown.contains("waiting") && shown.contains("its last write is torn"), "{shown}");
    }
    // Begun, and nothing got into it.
    fs::write(&file, vec![0; 4_096]).unwrap();
    assert!(cat(&spool).0 == 0 && ls(&spool).contains("empty"), "{}", ls(&spool));
}

#[test]
fn damaged_records_are_lost_and_counted() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod");
    let file = lane.segment(0, 7, &[&["one"], &["two, damaged", "three"], &["four"]]);
    lane.segment(6, 8, &[&["seven"]]);
    spoil(&file, b"damaged");
    let (code, out, said) = cat(&spool);
    assert_eq!((code, out.as_str()), (3, "one\nfour\nseven\n"));
    // Two in the damaged entry, and 4 and 5, of which the next segment's base tells.
    assert!(said.contains("4 records cannot be read") && said.contains(file.to_str().unwrap()), "{said}");
    let shown = ls(&spool);
    assert!(
        shown.contains("damaged, 4 records lost") && shown.contains("lost        4 records cannot be read"),
        "{shown}"
    );
    // Once they have ended nobody misses them.
    lane.cursor(1, 6, vec![]);
    let (code, out, said) = cat(&spool);
    assert_eq!((code, out.as_str()), (0, "seven\n"));
    assert!(said.contains("no record is lost"), "{said}");
}

#[test]
fn a_damaged_header_costs_no_record() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod");
    let file = lane.segment(0, 7, &[&["one"]]);
    spoil(&file, b"SPLASHD1");
    let (code, out, said) = cat(&spool);
    assert_eq!((code, out.as_str()), (0, "one\n"));
    assert!(said.contains("no record is lost"), "{said}");
}

#[test]
fn a_lane_is_known_by_its_segments_too() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod");
    lane.segment(0, 7, &[&["one"]]);
    fs::write(lane.path.join("lane.json"), "{\"form").unwrap();
    assert!(ls(&spool).contains("app:pod"));
    spoil(&lane.path.join("0000000000000000-0000000000000007.segment"), b"SPLASHD1");
    let (code, out, _) = run(splashdam(&["spool", "cat", spool.arg()]).args(["--format", "ndjson"]), b"");
    assert_eq!((code, out.contains("\"group\":null") && out.contains("\"one\"")), (0, true), "{out}");
    fs::write(lane.path.join("lane.json"), "{\"format\":2}").unwrap();
    assert!(ls(&spool).contains(" newer "));
}

#[test]
fn a_file_that_cannot_be_read_is_damage() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod");
    lane.segment(0, 7, &[&["one"]]);
    fs::create_dir(lane.path.join("0000000000000001-0000000000000008.segment")).unwrap();
    lane.segment(3, 9, &[&["four"]]);
    let (code, out, said) = cat(&spool);
    assert_eq!((code, out.as_str()), (3, "one\nfour\n"));
    assert!(said.contains("2 records") && said.contains("not a regular file"), "{said}");
}

#[test]
fn names_that_lie_do_no_harm() {
    const HIGHEST: u64 = 1 << 62;
    let spool = SpoolDir::new();
    for stream in ["a", "b"] {
        let lane = spool.lane("app", stream);
        lane.segment(0, 7, &[&["one"]]);
        // Above all offsets, and the highest of them: nothing in the file agrees with either.
        for base in [u64::MAX, HIGHEST] {
            fs::write(lane.path.join(format!("{base:016x}-{:016x}.segment", 8)), "x").unwrap();
        }
        lane.cursor(1, 1, vec![5..HIGHEST]);
    }
    let (code, out, said) = cat(&spool);
    assert_eq!((code, out.as_str()), (0, ""), "{said}");
    for stream in ["c", "d"] {
        let lane = spool.lane("app", stream);
        lane.segment(HIGHEST - 1, 7, &[&["one"]]);
        // A cursor that no lane can have counts as none.
        lane.cursor(1, 1, vec![5..u64::MAX]);
    }
    assert_eq!(cat(&spool).1, "one\none\n");
}

#[test]
fn whatever_byte_is_wrong_the_rest_is_read() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "pod");
    let texts = ["a", "bb", "ccc", "dddd"];
    let file = lane.segment(0, 0x1122_3344_5566_7788, &[&texts[..2], &texts[2..3], &texts[3..]]);
    lane.segment(4, 9, &[&["last"]]);
    let bytes = fs::read(&file).unwrap();
    for at in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x55;
        fs::write(&file, wrong).unwrap();
        accounted(&spool, at);
        fs::write(&file, &bytes[..at]).unwrap();
        accounted(&spool, at);
    }
}

/// Every record is read or counted as lost, and `ls` says the same.
fn accounted(spool: &SpoolDir, at: usize) {
    let (mut read, mut lost) = (Vec::new(), 0);
    visit_records(&lanes(spool.path()).unwrap().0[0], Which::Left, &mut |seen| {
        match seen {
            Seen::Record(record) => read.push(record.timestamp_ms),
            Seen::Lost(_, records) => lost += records,
            _ => {}
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(read.len() as u64 + lost, 5, "byte {at}");
    assert!(read.is_sorted_by(|a, b| a < b), "byte {at}");
    assert_eq!(read.last(), Some(&(crate::spool_dir::FIRST_MS + 4)), "byte {at}");
    let lane = &look(spool.path()).unwrap().lanes[0];
    assert_eq!((lane.records, lane.lost), (read.len() as u64, lost), "byte {at}");
    assert_eq!(lane.state, State::Damaged, "byte {at}");
}
