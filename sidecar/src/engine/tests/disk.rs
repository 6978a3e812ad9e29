//! A disk that a test can play: it keeps what it was told, refuses when it is told to, and outlives the engine.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::*;
pub(super) use crate::engine::budget::Kind;
use crate::engine::chunk::{Chunk, ChunkBuilder};
use crate::engine::spool::{ChannelMark, Cursor, DiskRun, Indexed, Order, Piece, Read, ReadBack, Stored, Want};

/// One entry as it stands on disk.
#[derive(Clone, Debug)]
struct OnDisk {
    after: u64,
    count: u32,
    records: Vec<(i64, String)>,
    runs: Vec<DiskRun>,
    arrived_ms: i64,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct DiskLane {
    entries: BTreeMap<u64, OnDisk>,
    end: u64,
    cursor: Cursor,
    admitted: HashMap<[u8; 16], u64>,
}

/// The disk, and what was asked of it and is not done.
#[derive(Debug, Default)]
pub(super) struct Disk {
    lanes: HashMap<Destination, DiskLane>,
    pub(super) orders: VecDeque<Order>,
    pub(super) reads: VecDeque<(Destination, Read)>,
    pub(super) indexes: VecDeque<(LaneId, Destination)>,
    /// It refuses orders and looks.
    pub(super) failing: bool,
    /// It refuses reads.
    pub(super) failing_reads: bool,
    /// Only done when a test says so.
    pub(super) by_hand: bool,
    /// Somebody has asked for what cannot be read to be skipped.
    pub(super) skipping: bool,
    /// Records that were refused for good.
    pub(super) dead: u64,
}

impl Disk {
    fn bytes(&self) -> u64 {
        self.lanes.values().flat_map(|lane| lane.entries.values()).map(|entry| entry.bytes).sum()
    }

    pub(super) fn is_bare(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Every text that stands there.
    pub(super) fn texts(&self) -> HashSet<String> {
        let mut texts = HashSet::new();
        for (destination, lane) in &self.lanes {
            let records = lane.entries.values().flat_map(|entry| &entry.records);
            texts.extend(records.map(|(_, text)| format!("{} {text}", destination.stream())));
        }
        texts
    }

    /// Everything that was asked and not done is forgotten: the process is gone.
    fn crash(&mut self) -> Vec<Destination> {
        (self.orders, self.reads, self.indexes) = Default::default();
        self.lanes.keys().cloned().collect()
    }

    /// As if an earlier process had ended these, in the only lane.
    pub(super) fn end_before(&mut self, offsets: std::ops::Range<u64>) {
        self.lanes.values_mut().for_each(|lane| lane.cursor.ended = vec![offsets.clone()]);
    }

    /// Loses every entry that says only that its records had ended.
    pub(super) fn damage_tombstones(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.entries.retain(|_, entry| !entry.records.is_empty()));
    }

    pub(super) fn damage(&mut self, nth: usize) {
        for lane in self.lanes.values_mut() {
            if let Some(first) = lane.entries.keys().nth(nth).copied() {
                lane.entries.remove(&first);
            }
        }
    }

    /// Does the oldest order. `part`: how many of its entries, where it fails.
    pub(super) fn do_order(&mut self, part: usize) -> Option<Stored> {
        let order = self.orders.pop_front()?;
        if order.close && !self.failing {
            self.lanes.remove(&order.destination);
            return Some(Stored { lane: order.lane, end: 0, spool_bytes: self.bytes(), ..Stored::default() });
        }
        let lane = self.lanes.entry(order.destination.clone()).or_default();
        let take = if self.failing { part } else { usize::MAX };
        for entry in order.append.iter().take(take) {
            assert!(entry.first >= lane.end, "appended out of order: {} after {}", entry.first, lane.end);
            let records = entry.chunk.iter().map(|r| (r.timestamp_ms, String::from_utf8_lossy(r.text).into_owned()));
            let records: Vec<_> = if entry.ended { Vec::new() } else { records.collect() };
            assert_eq!(entry.runs.iter().map(|run| run.records).sum::<u32>(), entry.chunk.records);
            let bytes = if entry.ended { 0 } else { entry.chunk.data().len() as u64 };
            let (count, runs) = (entry.chunk.records, entry.runs.clone());
            for run in &runs {
                let admitted = lane.admitted.entry(run.client).or_default();
                *admitted = (*admitted).max((run.first_sequence + u64::from(run.sequences)).saturating_sub(1));
            }
            let entry_on_disk = OnDisk { after: lane.end, count, records, runs, arrived_ms: entry.arrived_ms, bytes };
            lane.entries.insert(entry.first, entry_on_disk);
            lane.end = entry.first + u64::from(count);
        }
        if self.failing {
            let (end, spool_bytes) = (lane.end, self.bytes());
            let failure = Some("played".to_owned());
            return Some(Stored {
                lane: order.lane,
                end,
                lane_bytes: spool_bytes,
                spool_bytes,
                failure,
                look_first: false,
            });
        }
        if let Some(cursor) = order.cursor {
            assert!(cursor.watermark <= order.end, "the cursor runs ahead: {} of {}", cursor.watermark, order.end);
            assert!(cursor.ended.iter().all(|range| !range.is_empty()), "{:?}", cursor.ended);
            let gone = |first: &u64, entry: &OnDisk| {
                let end = first + u64::from(entry.count);
                let is_named = || cursor.ended.iter().any(|range| range.start <= *first && end <= range.end);
                end <= cursor.watermark || !entry.records.is_empty() && is_named()
            };
            lane.entries.retain(|first, entry| !gone(first, entry));
            lane.cursor = cursor;
        }
        self.dead +=
            order.refused.iter().map(|refused| u64::from(refused.records.end - refused.records.start)).sum::<u64>();
        let lane_bytes = lane.entries.values().map(|entry| entry.bytes).sum();
        Some(Stored { lane: order.lane, end: order.end, lane_bytes, spool_bytes: self.bytes(), ..Stored::default() })
    }

    pub(super) fn do_read(&mut self, budget: &Arc<Budget>) -> Option<ReadBack> {
        let (destination, mut read) = self.reads.pop_front()?;
        self.skipping |= read.want == Want::RecordsOrSkip;
        let lane = self.lanes.get(&destination).cloned().unwrap_or_default();
        let mut back = ReadBack { lane: read.lane, pieces: Vec::new(), next: read.from, needs: None, failure: None };
        if self.failing_reads {
            back.failure = Some("played".to_owned());
            return Some(back);
        }
        for (first, entry) in lane.entries.range(read.from..read.to) {
            let paid = Chunk::paid_for(entry.bytes as usize, entry.runs.len());
            let payment = if entry.records.is_empty() || read.want == Want::Runs {
                read.payment.split(0)
            } else {
                read.payment.split(paid)
            };
            let Some(payment) = payment else {
                back.needs = back.pieces.is_empty().then_some(paid);
                return Some(back);
            };
            if entry.after > back.next {
                back.pieces.push(Piece::Corrupt { offsets: back.next..entry.after, runs: Vec::new() });
            }
            if *first > entry.after.max(back.next) {
                back.pieces.push(Piece::Ended(entry.after.max(back.next)..*first));
            }
            let ended = entry.records.is_empty();
            let chunk = if ended || read.want == Want::Runs {
                Chunk::empty(budget, entry.count)
            } else {
                let mut builder = ChunkBuilder::new(budget, payment, entry.bytes as usize, Duration::ZERO);
                entry.records.iter().for_each(|(stamp, text)| builder.push(*stamp, text.as_bytes()));
                builder.seal()
            };
            let (runs, arrived_ms) = (entry.runs.clone(), entry.arrived_ms);
            back.next = first + u64::from(entry.count);
            back.pieces.push(Piece::Chunk { first: *first, chunk, runs, arrived_ms, ended });
        }
        if back.next < read.to {
            back.pieces.push(Piece::Corrupt { offsets: back.next..read.to, runs: Vec::new() });
            back.next = read.to;
        }
        Some(back)
    }

    pub(super) fn do_index(&mut self) -> Option<Indexed> {
        let (id, destination) = self.indexes.pop_front()?;
        if self.failing {
            return Some(Indexed { lane: id, failure: Some("played".to_owned()), ..Indexed::default() });
        }
        let lane = self.lanes.get(&destination).cloned().unwrap_or_default();
        let mut cursor = lane.cursor;
        let next = lane.end.max(cursor.watermark);
        for (client, admitted) in lane.admitted.iter().filter(|(client, _)| **client != [0; 16]) {
            match cursor.channels.iter_mut().find(|mark| mark.client == *client) {
                Some(mark) => mark.admitted = mark.admitted.max(*admitted),
                None => {
                    cursor.channels.push(ChannelMark { client: *client, admitted: *admitted, ..ChannelMark::default() })
                }
            }
        }
        let lane_bytes = lane.entries.values().map(|entry| entry.bytes).sum();
        Some(Indexed { lane: id, cursor, next, lane_bytes, spool_bytes: self.bytes(), failure: None })
    }
}

impl World {
    pub(super) fn with_disk(settings: Settings, memory: usize, max: u64) -> Self {
        let settings = Settings { spool: Some(SpoolSettings { max }), ..settings };
        World { disk: Some(Disk::default()), ..World::new(settings, memory) }
    }

    pub(super) fn disk(&mut self) -> &mut Disk {
        self.disk.as_mut().unwrap()
    }

    /// Does what was asked of the disk; true if there was anything.
    pub(super) fn do_disk(&mut self) -> bool {
        self.do_disk_of(Kind::Chunk)
    }

    /// The same, reads first where `first` is what reads pay for: nothing says which of two threads is quicker.
    pub(super) fn do_disk_of(&mut self, first: Kind) -> bool {
        let now = self.now();
        let Some(disk) = &mut self.disk else { return false };
        let reads_first = first == Kind::Recalled && !disk.reads.is_empty();
        if !disk.orders.is_empty() && !reads_first {
            // By hand it fails half way, which is the worst.
            if let Some(stored) = disk.do_order(usize::from(disk.by_hand)) {
                self.engine.stored(stored, now);
            }
        } else if !disk.reads.is_empty() {
            if let Some(back) = disk.do_read(&self.budget) {
                self.engine.read_back(back, now);
            }
        } else if let Some(found) = disk.do_index() {
            self.engine.indexed(found, now);
        } else {
            return false;
        }
        true
    }

    /// `kill -9` and a new process on the same disk.
    pub(super) fn crash(&mut self) {
        self.crash_leaving(0);
    }

    /// The same, with so many lanes more than may be.
    pub(super) fn crash_leaving(&mut self, left: usize) {
        let settings = self.engine.settings.clone();
        let budget = Budget::new(self.budget.total());
        self.attempts.clear();
        self.creates.clear();
        self.did = books::Did::default();
        self.engine = Engine::new(settings, Arc::clone(&budget));
        self.budget = budget;
        let now = self.now();
        let found = self.disk().crash();
        let not_open = found.iter().filter(|destination| !self.engine.found(destination, now)).count();
        assert_eq!(not_open, left);
        self.settle();
    }

    /// Feeds and crashes: what a test wants to have had written.
    pub(super) fn left_behind(&mut self, lane: LaneId, count: u32) {
        assert_eq!(self.feed(lane, count, 1_000, 0), count);
        self.crash();
    }
}

/// What pays for nothing.
pub(super) fn nothing(budget: &Arc<Budget>) -> usize {
    budget.used_for(Kind::Recalled)
}
