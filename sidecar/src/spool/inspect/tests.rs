//! Against the spool itself, at work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::time::{Duration, Instant};

use super::*;
use crate::config::Destination;
use crate::engine::budget::Budget;
use crate::engine::chunk::tests::chunk_of;
use crate::engine::spool::{Cursor, DiskRun, Entry, Order};
use crate::spool::{Event, Options, Survives};

const RECORDS: u64 = 10;
const CHUNKS: u64 = 6;
/// Offsets that have not ended yet: a few segments of them.
const LEFT: u64 = 1_000;

fn open(dir: &Path) -> crate::spool::Spool {
    let budget = Budget::new(64 << 20);
    let options =
        Options { dir: dir.to_owned(), max_bytes: 16 << 20, survives: Survives::ProcessCrash, budget, lanes: 4 };
    crate::spool::Spool::open(options).unwrap().0
}

/// Six chunks from `first` on, everything but the last [`LEFT`] offsets having ended.
fn order(budget: &Arc<Budget>, destination: &Destination, first: u64) -> Order {
    let text = "x".repeat(1_000);
    let entry = |index: u64| {
        let first = first + index * RECORDS;
        let records: Vec<(i64, &str)> = (0..RECORDS).map(|n| ((first + n) as i64, text.as_str())).collect();
        let runs =
            vec![DiskRun { client: [0; 16], first_sequence: 0, sequences: RECORDS as u32, records: RECORDS as u32 }];
        Entry { first, chunk: Arc::new(chunk_of(budget, &records)), runs, arrived_ms: 1, ended: false }
    };
    let end = first + CHUNKS * RECORDS;
    let watermark = end.saturating_sub(LEFT);
    Order {
        lane: 0,
        destination: destination.clone(),
        append: (0..CHUNKS).map(entry).collect(),
        end,
        cursor: Some(Cursor { watermark, ..Cursor::default() }),
        refused: Vec::new(),
        close: false,
    }
}

/// Writes until it is told to stop; gives the end.
fn work(spool: &crate::spool::Spool, stop: &AtomicBool) -> u64 {
    let (sender, stored) = mpsc::channel();
    let sink = move |event| {
        if let Event::Stored(stored) = event {
            sender.send(stored).unwrap();
        }
    };
    spool.start(Arc::new(sink)).unwrap();
    let (budget, destination) = (Budget::new(64 << 20), Destination::parse("app", "busy").unwrap());
    let mut end = 0;
    while !stop.load(Ordering::Relaxed) {
        spool.order(Box::new(order(&budget, &destination, end)));
        let stored = stored.recv().unwrap();
        assert_eq!(stored.failure, None);
        end = stored.end;
    }
    assert!(spool.close(Instant::now() + Duration::from_secs(30)));
    end
}

/// Everything is well, and in order; gives how much was read.
fn read(dir: &Path) -> u64 {
    for lane in look(dir).unwrap().lanes {
        assert!(lane.state != State::Damaged && lane.lost == 0, "{lane:?}");
    }
    let mut offsets = Vec::new();
    for lane in lanes(dir).unwrap().0 {
        visit_records(&lane, Which::Left, &mut |seen| {
            match seen {
                Seen::Record(record) => offsets.push(record.timestamp_ms),
                Seen::Torn(_) => {}
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    }
    assert!(offsets.is_sorted_by(|a, b| a < b), "in order, each once");
    offsets.len() as u64
}

#[test]
fn a_spool_at_work_looks_well_and_is_counted_right_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let spool = open(dir);
    let stop = AtomicBool::new(false);
    let end = std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(&spool, &stop));
        // Also where we fail the worker must end.
        let read = std::panic::catch_unwind(|| {
            let began = Instant::now();
            let mut looks = 0;
            // A look before there is enough does not count.
            while looks < 60 {
                looks += u32::from(read(dir) >= LEFT);
                assert!(began.elapsed() < Duration::from_secs(60), "the worker works");
            }
        });
        stop.store(true, Ordering::Relaxed);
        let end = worker.join().unwrap();
        read.expect("all is well");
        end
    });
    assert_eq!(look(dir).unwrap().usage, Usage::InUse);
    drop(spool);
    let left = look(dir).unwrap();
    assert_eq!((left.usage, left.lanes[0].state), (Usage::Free, State::Waiting));
    assert!(end > LEFT, "segments have ended");
    assert_eq!((left.lanes[0].records, read(dir)), (LEFT, LEFT));
    assert_eq!(left.lanes[0].segments.last().unwrap().end, end);
}
