//! Looking into a spool in use: nothing that ended under our eyes is called damaged.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use splashdam_sidecar::spool::inspect::{lanes, look, visit_records, Seen, State, Which};
use splashdam_sidecar::spool::name::SegmentName;

use crate::spool_dir::{entry, LaneDir, SpoolDir};

/// Records of an entry, entries of a segment, and segments that are left before they go.
const RECORDS: u64 = 5;
const ENTRIES: u64 = 8;
const KEPT: u64 = 3;

/// As a sidecar works: appends, moves the cursor on, and uses ended segments again for the next ones.
fn write(spool: &SpoolDir, lane: &LaneDir, stop: &AtomicBool) {
    let text = "x".repeat(3_000);
    let texts = [text.as_str(); RECORDS as usize];
    let spare = spool.path().join("spare/one");
    let base = |number: u64| number * RECORDS * ENTRIES;
    let name = |number: u64| SegmentName { base: base(number), salt: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let path = lane.path.join(name(number).to_string());
        if spare.exists() && number % 2 == 0 {
            // First the name, then the contents.
            fs::rename(&spare, &path).unwrap();
        }
        let target = if number % 2 == 0 { &path } else { &spare };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(target).unwrap();
        let header = lane.header(name(number));
        file.write_all_at(&header, 0).unwrap();
        if number % 2 == 1 {
            fs::rename(&spare, &path).unwrap();
        }
        let mut place = header.len() as u64;
        for index in 0..ENTRIES {
            let bytes = entry(name(number).salt, base(number) + index * RECORDS, &texts);
            file.write_all_at(&bytes, place).unwrap();
            place += bytes.len() as u64;
        }
        if let Some(ended) = number.checked_sub(KEPT) {
            cursor(lane, number, base(ended + 1));
            fs::rename(lane.path.join(name(ended).to_string()), &spare).unwrap();
        }
    }
}

/// In place, as the sidecar does it.
fn cursor(lane: &LaneDir, number: u64, watermark: u64) {
    use splashdam_sidecar::engine::spool::Cursor;
    use splashdam_sidecar::spool::cursor::{encode, place};
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(lane.path.join("cursor")).unwrap();
    let slot = encode(number, &Cursor { watermark, ..Cursor::default() });
    file.write_all_at(&slot, place(number)).unwrap();
}

fn read(spool: &SpoolDir) -> u64 {
    let spooled = look(spool.path()).unwrap();
    for lane in &spooled.lanes {
        assert!(matches!(lane.state, State::Empty | State::Waiting), "{lane:?}");
        assert_eq!(lane.lost, 0, "{lane:?}");
    }
    let mut times = Vec::new();
    for lane in lanes(spool.path()).unwrap().0 {
        visit_records(&lane, Which::Left, &mut |seen| {
            match seen {
                Seen::Record(record) => times.push(record.timestamp_ms),
                Seen::Torn(_) => {}
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    }
    assert!(times.is_sorted_by(|a, b| a < b), "in order, each once");
    times.len() as u64
}

#[test]
fn what_ends_meanwhile_is_no_damage() {
    let spool = SpoolDir::new();
    let lane = spool.lane("app", "busy");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write(&spool, &lane, &stop));
        // Also where the reader fails the writer must end.
        let seen =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..200).map(|_| read(&spool)).sum::<u64>()));
        stop.store(true, Ordering::Relaxed);
        assert!(seen.expect("nothing is damaged") > 0, "there was something to see");
    });
}

#[test]
fn a_lane_that_goes_is_no_error() {
    let spool = SpoolDir::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let lane = spool.lane("app", "short");
                let path = lane.segment(0, 1, &[&["one"]]);
                OpenOptions::new().append(true).open(&path).unwrap().write_all(&entry(1, 1, &["two"])).unwrap();
                fs::remove_dir_all(&lane.path).unwrap();
            }
        });
        let seen =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..500).map(|_| read(&spool)).sum::<u64>()));
        stop.store(true, Ordering::Relaxed);
        seen.expect("nothing is damaged");
    });
}
