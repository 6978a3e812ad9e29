//! Scripts of orders, and the engine's part in them: what failed is asked for again, and what was reported is remembered.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::model::*;
use crate::engine::spool::{Entry, Order};
use crate::spool::disk::Disk;
use crate::spool::lanes::lock;
use crate::spool::Survives;

/// What a script does. Offsets follow one another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// So many chunks of so many records.
    Append(u32, u32),
    /// A tombstone of so many records.
    Tombstone(u32),
    /// So many records ended in memory: they never come to the disk.
    Skip(u64),
    /// The cursor follows to so far behind the end.
    Cursor(u64),
    /// The cursor stays, and says that so many records from the first offset have ended: what lies between others goes.
    Ended(u64, u64),
    /// Both in one order.
    AppendAndCursor(u32, u32, u64),
    Wait(u64),
    Tick,
    Close,
    /// Another process goes on.
    Restart,
}

/// Leaves a segment that another process goes on behind: indexed, and with `power-loss` synced; deleted by that one.
pub(super) const RESTARTS: &[Step] = &[
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
pub(super) const SCRIPT: &[Step] = &[
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

/// Deletes from between others, so that the cursor alone knows of it, and goes on writing cursors; then all ends, so that the
/// cursor alone knows the channels.
pub(super) const GAPS: &[Step] = &[
    Step::Append(1, 2),
    Step::Wait(6),
    Step::Append(1, 3),
    Step::Wait(6),
    Step::Append(1, 2),
    Step::Ended(2, 3),
    Step::Ended(2, 3),
    Step::Ended(2, 3),
    Step::Append(1, 1),
    Step::Ended(2, 3),
    Step::Cursor(0),
    Step::Wait(6),
    Step::Tick,
    Step::Cursor(0),
    Step::Cursor(0),
    Step::Cursor(0),
    Step::Append(1, 1),
];

/// What a process does that takes over: it looks, goes on and tidies up. What was left of a segment is cleared away before the next is
/// begun, and what has ended goes.
pub(super) const RECOVERY: &[Step] =
    &[Step::Append(2, 2), Step::Wait(2), Step::AppendAndCursor(1, 1, 1), Step::Wait(6), Step::Cursor(0), Step::Tick];

/// What the engine knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Reported as durable.
    pub(super) acked: u64,
    /// The same, but for what only ended in memory: offset behind the last entry.
    pub(super) written: u64,
    /// Given to the spool.
    pub(super) asked: u64,
    /// Highest watermark given to the spool.
    pub(super) watermark: u64,
    /// Highest watermark of an order that was done.
    pub(super) cursor: u64,
    /// What ended without records on disk.
    pub(super) ended: Vec<std::ops::Range<u64>>,
    /// What a power loss may have torn: written, and told to nobody as durable, when a process ended.
    pub(super) unsure: Vec<std::ops::Range<u64>>,
    pub(super) closing: bool,
}

/// A script under way.
pub(super) struct Run {
    /// `None` for a moment, and where the disk did not even let us begin.
    pub(super) bench: Option<Bench>,
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    survives: Survives,
    pub(super) known: Known,
    retries: bool,
}

impl Run {
    pub(super) fn new(dir: &Path, disk: Arc<dyn Disk>, survives: Survives, retries: bool) -> Self {
        let mut run = Run { bench: None, dir: dir.to_owned(), disk, survives, known: Known::default(), retries };
        run.open();
        run
    }

    /// Another process in the place of one of which so much is known: what it does until a lane's files are known, and the rest of
    /// [`RECOVERY`].
    pub(super) fn recover(dir: &Path, disk: Arc<dyn Disk>, survives: Survives, known: Known) -> Self {
        let mut run = Run { bench: None, dir: dir.to_owned(), disk, survives, known, retries: false };
        if run.restart() {
            run.script(RECOVERY);
        }
        run
    }

    /// Whether the spool could be opened.
    fn open(&mut self) -> bool {
        for _ in 0..4 {
            let opened = Bench::try_on(&self.dir, Arc::clone(&self.disk), self.survives);
            if let Ok(bench) = opened {
                self.bench = Some(bench);
                return true;
            }
            if !self.retries {
                return false;
            }
        }
        panic!("the failures are over, and another start does not help");
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().unwrap()
    }

    /// Runs the script; ends early where an order fails for good.
    pub(super) fn script(&mut self, script: &[Step]) {
        for step in script {
            if self.bench.is_none() || !self.step(*step) {
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
            Step::Ended(first, records) => {
                let mut order = order(Vec::new(), self.known.asked, Some(self.known.watermark));
                let ended = first..first + records;
                order.cursor.as_mut().unwrap().ended.push(ended.clone());
                self.known.ended.push(ended);
                self.carry_out(order)
            }
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
        self.known.unsure.push(self.known.written..self.known.asked);
        if !self.open() {
            return false;
        }
        for _ in 0..4 {
            let indexed = self.bench().index();
            if indexed.failure.is_none() {
                assert!(self.known.written <= indexed.next && indexed.next <= self.known.asked, "{indexed:?}");
                self.known.asked = indexed.next;
                self.known.acked = indexed.next;
                let files = self.bench().spool.shared.lanes.of(&destination());
                let on_disk = lock(&files).end;
                if on_disk > indexed.cursor.watermark {
                    // The engine tells clients so.
                    self.known.written = self.known.written.max(on_disk);
                }
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
                let cursor = order.cursor.as_ref().map_or(0, |cursor| cursor.watermark);
                self.known.cursor = self.known.cursor.max(cursor);
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
