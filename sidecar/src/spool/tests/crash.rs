//! Every crash point, and every failure: a script of orders is ended (or hit once) at each operation on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::faulty::{Faulty, Hit};
use super::model::*;
use crate::engine::spool::{Entry, Order, Piece};
use crate::spool::Survives;

/// What a script does. Offsets follow one another.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many chunks of so many records.
    Append(u32, u32),
    /// A tombstone of so many records.
    Tombstone(u32),
    /// So many records ended in memory: they never come to the disk.
    Skip(u64),
    /// The cursor follows to so far behind the end.
    Cursor(u64),
    /// Both in one order.
    AppendAndCursor(u32, u32, u64),
    Wait(u64),
    Tick,
    Close,
    /// Another process goes on.
    Restart,
}

/// Leaves a segment that another process goes on behind: indexed, and with `power-loss` synced; deleted by that one.
const RESTARTS: &[Step] = &[
    Step::Append(9, 3),
    Step::Cursor(20),
    Step::Restart,
    Step::AppendAndCursor(3, 2, 9),
    Step::Restart,
    Step::Cursor(3),
    Step::Append(9, 2),
    Step::Wait(6),
    Step::Tick,
    Step::Cursor(0),
    Step::Restart,
    Step::Append(2, 1),
];

/// Appends, rotates by size and age, recycles, deletes, goes on in a recycled file, and closes.
const SCRIPT: &[Step] = &[
    Step::Append(2, 3),
    Step::Append(9, 3),
    Step::Cursor(10),
    Step::Skip(4),
    Step::AppendAndCursor(2, 2, 3),
    Step::Wait(6),
    Step::Append(1, 2),
    Step::Tombstone(5),
    Step::AppendAndCursor(8, 3, 2),
    Step::Cursor(0),
    Step::Wait(2),
    Step::Tick,
    Step::Append(1, 40),
    Step::AppendAndCursor(1, 1, 1),
    Step::Wait(20),
    Step::AppendAndCursor(9, 2, 0),
    Step::Tick,
    Step::Append(2, 2),
    // All of it ends at once, and with it the last segment.
    Step::Wait(2),
    Step::Cursor(0),
    Step::Append(1, 1),
];

#[derive(Debug, Default)]
struct Known {
    /// Reported as durable.
    acked: u64,
    /// The same, but for what only ended in memory: offset behind the last entry.
    written: u64,
    /// Given to the spool.
    asked: u64,
    /// Highest watermark given to the spool.
    watermark: u64,
    /// Highest watermark of an order that was done.
    cursor: u64,
    /// What ended without records on disk.
    ended: Vec<std::ops::Range<u64>>,
    closing: bool,
}

struct Run {
    /// `None` for a moment.
    bench: Option<Bench>,
    dir: PathBuf,
    disk: Arc<Faulty>,
    survives: Survives,
    known: Known,
    retries: bool,
}

impl Run {
    fn new(dir: &Path, disk: Arc<Faulty>, survives: Survives, retries: bool) -> Self {
        let bench = Some(Bench::on(dir, Arc::<Faulty>::clone(&disk), survives));
        Run { bench, dir: dir.to_owned(), disk, survives, known: Known::default(), retries }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().unwrap()
    }

    /// Runs the script; ends early where an order fails for good.
    fn script(&mut self, script: &[Step]) {
        for step in script {
            if !self.step(*step) {
                return;
            }
        }
    }

    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Append(chunks, records) => self.append(chunks, records, None),
            Step::AppendAndCursor(chunks, records, behind) => self.append(chunks, records, Some(behind)),
            Step::Tombstone(records) => {
                let first = self.known.asked;
                let end = first + u64::from(records);
                self.known.ended.push(first..end);
                let append = vec![tombstone(&self.bench().budget, first, records)];
                self.send(append, end, None)
            }
            Step::Skip(records) => {
                self.known.ended.push(self.known.asked..self.known.asked + records);
                let end = self.known.asked + records;
                self.send(Vec::new(), end, None)
            }
            Step::Cursor(behind) => self.send(Vec::new(), self.known.asked, Some(behind)),
            Step::Wait(seconds) => {
                self.bench().wait(Duration::from_secs(seconds));
                true
            }
            Step::Tick => {
                let bench = self.bench();
                bench.writer.tick(bench.now);
                true
            }
            Step::Close => {
                self.known.closing = true;
                let order = Order { close: true, ..order(Vec::new(), self.known.asked, Some(self.known.asked)) };
                self.known.watermark = self.known.asked;
                self.carry_out(order)
            }
            Step::Restart => self.restart(),
        }
    }

    fn restart(&mut self) -> bool {
        self.bench = None;
        self.bench = Some(Bench::on(&self.dir, Arc::<Faulty>::clone(&self.disk), self.survives));
        for _ in 0..4 {
            let indexed = self.bench().index();
            if indexed.failure.is_none() {
                assert!(self.known.acked <= indexed.next && indexed.next <= self.known.asked, "{indexed:?}");
                self.known.asked = indexed.next;
                return true;
            }
            if !self.retries {
                return false;
            }
        }
        panic!("the failures are over, and another index does not help");
    }

    fn append(&mut self, chunks: u32, records: u32, behind: Option<u64>) -> bool {
        let budget = Arc::clone(&self.bench().budget);
        let firsts = (0..chunks).map(|n| self.known.asked + u64::from(n * records));
        let entries: Vec<_> = firsts.map(|first| entry(&budget, first, records)).collect();
        let end = self.known.asked + u64::from(chunks * records);
        self.send(entries, end, behind)
    }

    fn send(&mut self, append: Vec<Entry>, end: u64, behind: Option<u64>) -> bool {
        self.known.asked = end;
        let watermark = behind.map(|behind| end - behind);
        self.known.watermark = self.known.watermark.max(watermark.unwrap_or(0));
        self.carry_out(order(append, end, watermark))
    }

    /// As the engine: what failed is asked for again, from where it is not durable.
    fn carry_out(&mut self, mut order: Order) -> bool {
        for _ in 0..4 {
            let stored = self.bench().carry_out(&order);
            if order.close {
                return stored.failure.is_none();
            }
            assert!(stored.end >= self.known.acked && stored.end <= order.end, "{stored:?}");
            self.known.acked = stored.end;
            let ends = order.append.iter().map(|entry| entry.first + u64::from(entry.chunk.records));
            self.known.written = ends.filter(|end| *end <= stored.end).max().unwrap_or(0).max(self.known.written);
            if stored.failure.is_none() {
                self.known.cursor = self.known.watermark;
                assert_eq!(stored.end, order.end);
                return true;
            }
            if !self.retries {
                return false;
            }
            order.append.retain(|entry| entry.first >= stored.end);
        }
        panic!("the failures are over, and a retry does not help");
    }
}

/// Opens what is left, and asserts that it is what it must be.
fn assert_recovers(dir: &Path, known: &Known, keeps_cursor: bool, what: &str) {
    let mut bench = Bench::real(dir);
    if known.closing && bench.found.is_empty() {
        return;
    }
    let indexed = bench.index();
    assert_eq!(indexed.failure, None, "{what}");
    assert!(known.written <= indexed.next && indexed.next <= known.asked, "{what}: {indexed:?} {known:?}");
    let watermark = indexed.cursor.watermark;
    // A cursor is not synced: all that a power loss leaves of it is a lower bound.
    let least = if keeps_cursor && !known.closing { known.cursor } else { 0 };
    assert!(least <= watermark && watermark <= known.watermark, "{what}: {indexed:?} {known:?}");
    // A sequence is an offset plus 1. What was acknowledged is admitted, and what was never given is not.
    let admitted = indexed.cursor.channels.first().map_or(0, |channel| channel.admitted);
    let acked = if known.closing { 0 } else { known.written };
    assert!(acked <= admitted && admitted <= known.asked, "{what}: {admitted} {known:?}");
    assert_pieces(&mut bench, indexed.cursor.watermark, indexed.next, known, what);

    // The lane goes on where it was, and the next process finds that, too.
    let next = indexed.next;
    let stored = bench.carry_out(&order(vec![entry(&bench.budget, next, 3)], next + 3, None));
    assert_eq!((stored.failure, stored.end), (None, next + 3), "{what}");
    assert_pieces(&mut bench, indexed.cursor.watermark, next + 3, known, what);
    drop(bench);
    let mut bench = Bench::real(dir);
    let again = bench.index();
    assert_eq!((again.next, again.cursor.watermark), (next + 3, indexed.cursor.watermark), "{what}");
    assert_pieces(&mut bench, again.cursor.watermark, next + 3, known, what);
}

fn assert_pieces(bench: &mut Bench, from: u64, to: u64, known: &Known, what: &str) {
    for piece in bench.read_all(from, to) {
        match piece {
            Piece::Chunk { first, chunk, runs, ended: false, .. } => assert_genuine(first, &chunk, &runs),
            Piece::Chunk { ended: true, .. } | Piece::Ended(_) => {
                let offsets = offsets(&piece);
                let within = |range: &std::ops::Range<u64>| range.start <= offsets.start && offsets.end <= range.end;
                assert!(known.ended.iter().any(within), "{what}: {offsets:?} had not ended");
            }
            Piece::Corrupt { offsets, .. } => panic!("{what}: {offsets:?} is lost"),
        }
    }
}

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The process ends; the kernel keeps what was written.
    Crash,
    /// The machine ends; what was not synced is gone, names of files included or not.
    PowerLoss { names: bool },
    /// So many operations fail, and what failed is asked for again.
    Failure { times: usize },
}

fn visit_all(script: &[Step], survives: Survives, what: What) {
    let dir = tempfile::tempdir().unwrap();
    let whole = Arc::new(Faulty::default());
    Run::new(dir.path(), Arc::clone(&whole), survives, false).script(script);
    let operations = whole.operations();
    assert!(operations > 30, "the script does something: {operations}");
    for hit in [Hit::Before, Hit::Torn, Hit::After] {
        let mut visited = 0;
        for at in 0..operations {
            let dir = tempfile::tempdir().unwrap();
            let (disk, retries) = match what {
                What::Failure { times } => (Faulty::fails_at(at, hit, times), true),
                _ => (Faulty::ends_at(at, hit), false),
            };
            let disk = Arc::new(disk);
            let mut run = Run::new(dir.path(), Arc::clone(&disk), survives, retries);
            run.script(script);
            visited += usize::from(disk.was_hit());
            let known = run.known;
            drop(run.bench);
            if let What::PowerLoss { names } = what {
                disk.lose_power(&dir.path().join("lanes"), names);
            }
            let keeps_cursor = !matches!(what, What::PowerLoss { .. });
            let what = format!("{survives:?}, {what:?}, {hit:?} {at} of {operations}");
            assert_recovers(dir.path(), &known, keeps_cursor, &what);
        }
        assert_eq!(visited, operations);
    }
}

#[test]
fn no_crash_loses_or_invents_anything() {
    visit_all(SCRIPT, Survives::ProcessCrash, What::Crash);
    visit_all(SCRIPT, Survives::PowerLoss, What::Crash);
    visit_all(RESTARTS, Survives::ProcessCrash, What::Crash);
}

#[test]
fn no_power_loss_loses_or_invents_anything() {
    visit_all(SCRIPT, Survives::PowerLoss, What::PowerLoss { names: false });
    visit_all(SCRIPT, Survives::PowerLoss, What::PowerLoss { names: true });
    visit_all(RESTARTS, Survives::PowerLoss, What::PowerLoss { names: false });
    visit_all(RESTARTS, Survives::PowerLoss, What::PowerLoss { names: true });
}

#[test]
fn no_failure_loses_or_invents_anything() {
    for times in [1, 2] {
        visit_all(SCRIPT, Survives::ProcessCrash, What::Failure { times });
        visit_all(SCRIPT, Survives::PowerLoss, What::Failure { times });
        visit_all(RESTARTS, Survives::ProcessCrash, What::Failure { times });
        visit_all(RESTARTS, Survives::PowerLoss, What::Failure { times });
    }
}

#[test]
fn a_crash_while_a_lane_is_closed_leaves_no_records() {
    let script = [&SCRIPT[..8], &[Step::Close]].concat();
    visit_all(&script, Survives::PowerLoss, What::Crash);
}
