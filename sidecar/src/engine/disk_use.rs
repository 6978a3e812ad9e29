//! How much goes to disk and how much comes back: room there, memory here, and who waits for either.

use std::time::Duration;

use super::budget::{Kind, Payment};
use super::chunk::CHUNK_CLAIM;
use super::lane::disk::Reading;
use super::lane::{Lane, LaneId};
use super::limits::BATCH_BYTES;
use super::spool::{Order, Read, Want};
use super::time::Now;
use super::{fair, Command, Engine, Overflow, Phase};

/// Most bytes of memory that one read fills: a whole batch of records of usual sizes.
const READ_BYTES: usize = BATCH_BYTES as usize + 128 * 1024;

/// What a lane brings back ahead of time where its attempts fail or memory is short: enough for its next batch.
const READ_AT_LEAST: usize = BATCH_BYTES as usize;

/// How long a lane whose memory was needed for others brings no more back than that.
const SQUEEZED_FOR: Duration = Duration::from_secs(1);

/// Reads refused in a row before what cannot be read is given up.
const READ_TRIES: u32 = 12;

impl Engine {
    /// Asks the disk for whatever the lane needs of it now.
    pub(super) fn use_disk(&mut self, id: LaneId, now: Now) {
        if self.settings.spool.is_none() {
            return;
        }
        self.give_order(id, now);
        self.recall(id, now);
    }

    fn give_order(&mut self, id: LaneId, now: Now) {
        let room = self.room_on_disk(id);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let order = lane.next_order(room, now);
        let Some(disk) = &mut lane.disk else { return };
        if disk.full && !std::mem::replace(&mut disk.short, true) {
            self.short.push_back(id);
        }
        if let Some(order) = order {
            self.space.ordered += disk.ordered_bytes;
            self.commands.push(Command::Order(Box::new(Order { lane: id, ..order })));
        }
        self.make_room_on_disk(id, now);
    }

    /// By how much the lane's files may grow: a lane takes at most twice what is still free.
    fn room_on_disk(&self, id: LaneId) -> u64 {
        let max = self.settings.spool.map_or(0, |spool| spool.max);
        let free = max.saturating_sub(self.space.used + self.space.ordered);
        let held = self.lanes.get(id).and_then(|lane| lane.disk.as_ref()).map_or(0, |disk| disk.bytes);
        (2 * free).saturating_sub(held).min(free)
    }

    /// Where the disk is full and the policy is to drop what is oldest, a segment's worth of it goes.
    fn make_room_on_disk(&mut self, id: LaneId, now: Now) {
        let Some(disk) = self.lanes.get(id).and_then(|lane| lane.disk.as_ref()) else { return };
        let wanted = disk.full && self.settings.overflow == Overflow::DropOldest;
        // Only as the last order found it, and after what was dropped before has left the disk.
        let settled = !disk.ordering && !disk.dirty;
        let possible = settled && !disk.away.is_empty() && disk.reading.is_none() && disk.read_not_before <= now.at;
        if wanted && possible {
            if let Some(payment) = self.budget.claim(Kind::Recalled, 0) {
                self.read(id, payment, Want::Runs, now);
            }
        }
    }

    /// Lanes that found no room on disk look again.
    pub(super) fn use_freed_space(&mut self, now: Now) {
        for _ in 0..self.short.len() {
            let Some(id) = self.short.pop_front() else { return };
            let Some(disk) = self.lanes.get_mut(id).and_then(|lane| lane.disk.as_mut()) else { continue };
            disk.short = false;
            self.give_order(id, now);
            let still_full = self.lanes.get(id).and_then(|lane| lane.disk.as_ref()).is_some_and(|disk| disk.short);
            if still_full {
                return;
            }
        }
    }

    /// Brings records back from disk where the lane has room for them.
    ///
    /// False where there is no memory for that: then it is asked again when there may be.
    fn recall(&mut self, id: LaneId, now: Now) -> bool {
        let Some(lane) = self.lanes.get(id) else { return true };
        let Some(disk) = &lane.disk else { return true };
        let rests = disk.reading.is_some() || disk.read_not_before > now.at || self.phase > Phase::Draining;
        if rests || disk.away.is_empty() {
            return true;
        }
        let squeezed = disk.squeezed_at.is_some_and(|at| at + SQUEEZED_FOR > now.at);
        let most = if lane.failures > 1 || squeezed { READ_AT_LEAST } else { self.most_in_queue(lane) };
        let held = lane.queue_held();
        if held >= most {
            return true;
        }
        let hopeless = disk.read_failures >= READ_TRIES;
        let want = if hopeless { Want::RecordsOrSkip } else { Want::Records };
        let sizes = [disk.needs.unwrap_or(READ_BYTES).max(READ_BYTES), disk.needs.unwrap_or(CHUNK_CLAIM)];
        let payment = sizes.into_iter().find_map(|bytes| self.pay_for_recall(held, bytes));
        if let Some(payment) = payment {
            self.read(id, payment, want, now);
            return true;
        }
        if let Some(disk) = self.lanes.get_mut(id).and_then(|lane| lane.disk.as_mut()) {
            if !std::mem::replace(&mut disk.hungry, true) {
                self.hungry.push_back(id);
            }
        }
        false
    }

    fn pay_for_recall(&self, held: usize, bytes: usize) -> Option<Payment> {
        let free = fair::free_for_chunks(&self.budget, self.recall_share());
        let floor = fair::floor(self.budget.total(), self.lanes.len());
        // Whoever reads is below its mark; one read may go beyond it.
        let request = fair::Request { bytes, held, mark: usize::MAX };
        let may = fair::may_recall(&self.budget, bytes) || fair::may_take(request, free, floor);
        may.then(|| self.budget.claim(Kind::Recalled, bytes))?
    }

    fn read(&mut self, id: LaneId, payment: Payment, want: Want, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let destination = lane.destination.clone();
        let Some(disk) = &mut lane.disk else { return };
        let from = disk.away.start;
        disk.reading = Some(Reading { want, from, since: now.at });
        let read = Read { lane: id, from, to: disk.away.end, payment, want };
        self.commands.push(Command::Read { destination, read });
        self.set_timer(id, now.at + Duration::from_secs(1));
    }

    /// Lanes that found no memory for what is on disk look again.
    pub(super) fn feed_hungry(&mut self, now: Now) {
        for _ in 0..self.hungry.len() {
            let Some(id) = self.hungry.pop_front() else { return };
            if let Some(disk) = self.lanes.get_mut(id).and_then(|lane| lane.disk.as_mut()) {
                disk.hungry = false;
                if !self.recall(id, now) {
                    // Nor is there any for the others.
                    return;
                }
            }
        }
    }

    pub(super) fn settle_tail(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get(id) else { return };
        let most = self.most_in_queue(lane);
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.settle_tail(most);
        }
    }

    /// What a lane with a spool keeps in memory; the rest is on disk.
    pub(super) fn most_in_queue(&self, lane: &Lane) -> usize {
        let room = fair::room_for_chunks(self.budget.total());
        fair::high_water(self.settings.high_water, lane.limit as usize).min(room / 2).max(READ_AT_LEAST)
    }

    /// Where there is no memory for what comes, what is safe on disk leaves it. True if anything has.
    pub(super) fn squeeze(&mut self, id: LaneId, now: Now) -> bool {
        self.lanes.get_mut(id).is_some_and(|lane| lane.squeeze(READ_AT_LEAST, now))
    }

    pub(super) fn recall_share(&self) -> fair::Recall {
        if self.settings.spool.is_some() {
            fair::Recall::SetAside
        } else {
            fair::Recall::Nothing
        }
    }
}
