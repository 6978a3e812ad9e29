//! Events from the spool: what was found, what is written, what has come back. What is asked of it is `disk_use`'s to say.
//!
//! A lane has one order and one read under way at most. While the disk refuses, a lane goes on in memory; what it holds is
//! written, in order, when the disk takes things again, or ends first.

use std::time::Duration;

use super::account::Dropped;
use super::chunk::Chunk;
use super::command::Command;
use super::lane::disk::{Disk, Known, Recalled};
use super::lane::LaneId;
use super::marker::Loss;
use super::spool::{Indexed, Order, Piece, ReadBack, Stored, Want};
use super::time::Now;
use super::{Engine, Phase};
use crate::config::Destination;

/// Waits after the disk has refused.
const RETRY_LEAST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(5);

/// Looks at a lane's files that failed before the lane goes on without them.
const INDEX_TRIES: u32 = 5;

/// The spool as the engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Bytes that all lanes' files may take.
    pub max: u64,
}

/// The disk space all lanes share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Space {
    /// Bytes of all files, as last reported.
    pub(super) used: u64,
    /// Bytes under way.
    pub(super) ordered: u64,
}

impl Engine {
    /// A lane has left records on disk in an earlier process: it is looked at before anything is taken in for it. False if
    /// there are as many lanes as may be.
    pub fn found(&mut self, destination: &Destination, now: Now) -> bool {
        self.left.insert(destination.clone());
        // As long as it is among those that are left, opening it has it looked at.
        self.lanes.len() < self.settings.lanes && self.open_lane(destination, now).is_some()
    }

    /// Lanes that were left on disk because there were too many are taken up as others go.
    pub(super) fn take_up_left(&mut self, now: Now) {
        while self.lanes.len() < self.settings.lanes {
            let Some(destination) = self.left.iter().next().cloned() else { return };
            if self.open_lane(&destination, now).is_none() {
                return;
            }
        }
    }

    /// The part on disk of a lane that is being opened: what an earlier process left there is looked at first.
    pub(super) fn open_disk(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let left = self.left.remove(&lane.destination);
        lane.disk = Some(Box::new(Disk::new(if left { Known::NotYet } else { Known::All })));
        if left {
            self.look_at(id);
        }
    }

    fn look_at(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        if let Some(disk) = &mut lane.disk {
            (disk.known, disk.ordering) = (Known::NotYet, true);
        }
        self.commands.push(Command::Index { lane: id, destination: lane.destination.clone() });
    }

    /// A lane's files have been looked at.
    pub fn indexed(&mut self, found: Indexed, now: Now) {
        let (id, reach) = (found.lane, self.settings.most_reach());
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(disk) = lane.disk.as_mut().filter(|disk| disk.known == Known::NotYet) else { return };
        disk.ordering = false;
        if let Some(failure) = found.failure {
            disk.failures += 1;
            disk.trouble = Some(failure);
            disk.not_before = now.at + wait(disk.failures);
            let at = disk.not_before;
            if disk.failures >= INDEX_TRIES {
                // What is there stays there; clients that waited for ever would be worse.
                disk.known = Known::Unreadable;
                self.commands.push(Command::Resume(id));
            }
            self.set_timer(id, at);
            self.tell_if_drained();
            return;
        }
        self.space.used = found.spool_bytes;
        if !lane.queue.is_empty() {
            // It has gone on in memory and cannot be renumbered now: once more when it is empty.
            disk.known = Known::Unreadable;
            self.set_timer(id, now.at + RETRY_MOST);
            return;
        }
        lane.indexed(found, reach, now);
        self.commands.push(Command::Resume(id));
        self.set_timer(id, now.at + super::LANE_IDLE);
        self.use_disk(id, now);
        self.mark(id);
        self.pump(now);
        self.tell_if_drained();
    }

    /// An order has been done, or has failed on the way.
    pub fn stored(&mut self, stored: Stored, now: Now) {
        let id = stored.lane;
        self.space.used = stored.spool_bytes;
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(disk) = lane.disk.as_mut().filter(|disk| disk.ordering) else { return };
        self.space.ordered = self.space.ordered.saturating_sub(std::mem::take(&mut disk.ordered_bytes));
        let failed = stored.failure.is_some();
        if stored.look_first {
            disk.known = Known::Unreadable;
        }
        let closed = std::mem::take(&mut disk.closing) && !failed;
        disk.used &= !closed;
        // The next files begin where the lane stands, and only their cursor can say so.
        disk.dirty |= closed;
        let news = lane.stored(&stored);
        if let Some(disk) = lane.disk.as_mut().filter(|_| failed) {
            disk.not_before = now.at + wait(disk.failures);
            let at = disk.not_before;
            self.set_timer(id, at);
        }
        for channel in news {
            self.acknowledge(id, channel);
        }
        self.answer_flushes(id);
        if closed && self.lanes.get(id).is_some_and(|lane| lane.may_go() && lane.channels.is_empty()) {
            self.retire(id);
        } else {
            self.settle_tail(id);
            self.use_disk(id, now);
        }
        self.use_freed_space(now);
        self.feed_hungry(now);
        self.wake_waiting();
        self.mark(id);
        self.pump(now);
        self.tell_if_drained();
    }

    /// Records have come back from disk.
    pub fn read_back(&mut self, back: ReadBack, now: Now) {
        let id = back.lane;
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(disk) = &mut lane.disk else { return };
        let Some(reading) = disk.reading.take() else { return };
        disk.needs = back.needs;
        disk.read_failures = if back.failure.is_some() { disk.read_failures + 1 } else { 0 };
        let still_first = disk.away.start == reading.from;
        if let Some(failure) = back.failure {
            disk.trouble = Some(failure);
            let at = now.at + wait(disk.read_failures);
            disk.read_not_before = at;
            self.set_timer(id, at);
        }
        let mut lost = (0, 0);
        for piece in back.pieces.into_iter().filter(|_| still_first) {
            let (dropped, corrupt) = self.take_piece(id, piece, reading.want, now);
            lost = (lost.0 + dropped, lost.1 + corrupt);
        }
        for (count, reason) in [(lost.0, Dropped::Overflow), (lost.1, Dropped::Corrupt)] {
            self.note_loss(id, Loss::ours(reason, count, now.wall_ms), now);
        }
        self.settle_tail(id);
        self.after_end(id, now);
        self.mark(id);
        self.pump(now);
    }

    /// Returns how many records were dropped for want of room, and how many because they cannot be read.
    fn take_piece(&mut self, id: LaneId, piece: Piece, want: Want, now: Now) -> (u64, u64) {
        let budget = &self.budget;
        let Some(lane) = self.lanes.get_mut(id) else { return (0, 0) };
        match piece {
            Piece::Chunk { first, chunk, runs, arrived_ms, ended } => {
                debug_assert_eq!(Some(first), lane.disk.as_ref().map(|disk| disk.away.start), "pieces are contiguous");
                let age = u64::try_from(now.wall_ms.saturating_sub(arrived_ms)).unwrap_or_default();
                let arrived = now.at.saturating_sub(Duration::from_millis(age));
                lane.recall(chunk, &runs, if ended { Recalled::Ended } else { Recalled::Chunk }, arrived);
                (if want == Want::Runs { lane.drop_last(Dropped::Overflow) } else { 0 }, 0)
            }
            Piece::Ended(offsets) => {
                for count in pieces(offsets.end - offsets.start) {
                    lane.recall(Chunk::empty(budget, count), &[], Recalled::Ended, now.at);
                    lane.bury_last();
                }
                (0, 0)
            }
            Piece::Corrupt { offsets, runs } => {
                let mut lost = 0;
                for count in pieces(offsets.end - offsets.start) {
                    lane.recall(Chunk::empty(budget, count), &runs, Recalled::Lost, now.at);
                    lost += lane.drop_last(Dropped::Corrupt);
                }
                (0, lost)
            }
        }
    }

    /// The disk's timers of a lane have run out.
    pub(super) fn retry_disk(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get(id) else { return };
        let Some(disk) = &lane.disk else { return };
        let (later, read_later) = (disk.not_before, disk.read_not_before);
        let next = [later, read_later].into_iter().filter(|at| *at > now.at).min();
        if let Some(at) = next {
            // The lane's one timer stood for something earlier, and is spent.
            self.set_timer(id, at);
        }
        let Some(lane) = self.lanes.get(id) else { return };
        let Some(disk) = &lane.disk else { return };
        if later > now.at {
            // Not yet.
        } else if disk.known != Known::All && !disk.ordering {
            let empty = lane.is_empty() && self.phase == Phase::Serving;
            if disk.known == Known::NotYet || empty {
                self.look_at(id);
            } else {
                self.set_timer(id, now.at + RETRY_MOST);
            }
        }
        self.use_disk(id, now);
    }

    /// Has the files of a lane deleted that nobody needs; it goes when that is done. False where it has none.
    pub(super) fn close_files(&mut self, id: LaneId) -> bool {
        let Some(lane) = self.lanes.get_mut(id) else { return false };
        let Some(disk) = lane.disk.as_mut().filter(|disk| disk.used && disk.known == Known::All) else { return false };
        (disk.ordering, disk.closing) = (true, true);
        let (end, destination) = (disk.written, lane.destination.clone());
        let (append, refused) = (Vec::new(), Vec::new());
        let order = Order { lane: id, destination, append, end, cursor: None, refused, close: true };
        self.commands.push(Command::Order(Box::new(order)));
        true
    }

    /// The end: what each lane's disk is to remember.
    pub fn last_orders(&mut self) {
        for id in self.lanes.ids() {
            let Some(lane) = self.lanes.get_mut(id) else { continue };
            let Some(disk) = lane.disk.as_mut().filter(|disk| disk.known == Known::All && disk.used) else { continue };
            let (end, refused) = (disk.written, std::mem::take(&mut disk.refused));
            // What ended of an order that may fail cannot be named.
            let fails = disk.ordering && disk.failures > 0;
            // What nobody will ask for again need not stay.
            let close = lane.is_empty() && lane.channels.is_empty() && refused.is_empty();
            let clean = lane.in_flight == 0 && !fails;
            let cursor = Some(super::spool::Cursor { clean, ..lane.cursor() });
            let destination = lane.destination.clone();
            let order = Order { lane: id, destination, append: Vec::new(), end, cursor, refused, close };
            self.commands.push(Command::Order(Box::new(order)));
        }
    }
}

fn wait(failures: u32) -> Duration {
    RETRY_LEAST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(RETRY_MOST)
}

/// A count of records in pieces that a chunk can have.
fn pieces(count: u64) -> impl Iterator<Item = u32> {
    let most = u64::from(u32::MAX);
    (0..count.div_ceil(most)).map(move |index| (count - index * most).min(most) as u32)
}
