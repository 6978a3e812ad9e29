//! Events from the intake: clients come, ask for room, hand chunks over, ask for a flush, and go.

use std::time::Duration;

use super::account::{Dropped, End};
use super::budget::{Kind, Payment, BLOCK};
use super::channel::ClientId;
use super::chunk::{ChannelIndex, Chunk, ChunkBuilder, Run, CHUNK_OVERHEAD, RECORD_HEADER};
use super::command::{Command, ConnectionId};
use super::flush::{Asker, Level, Waiting};
use super::lane::{Lane, LaneId};
use super::marker::Loss;
use super::sabotage::{self, Sabotage};
use super::{fair, Engine, Overflow, Phase};
use crate::config::Destination;
use crate::engine::time::Now;
use splashdam::wire::Ack;

/// After a connection has waited this long, its lane may fill its share.
const SPILL_AFTER: Duration = Duration::from_millis(100);

/// Sizes of open chunks, largest first: a lane that may not have a block gets less.
const CLAIMS: [usize; 3] = [BLOCK, 16 * 1024, 4 * 1024];

/// Answer to a claim.
#[derive(Debug)]
pub enum Claim {
    /// An open chunk to fill.
    Granted(ChunkBuilder),
    /// Do not read this lane's connections until [`Command::Resume`].
    Wait,
    /// The lane is full and its policy is to drop what is new: hand it over as ended.
    Drop,
}

/// Answer to a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// It is known now.
    Welcome(Welcome),
    /// The lane's table is full of living channels.
    Full,
    /// A connection of this channel that was accepted later has said hello already.
    Fenced,
    /// What the lane left on disk is still being looked at: ask again at [`Command::Resume`].
    Later,
}

/// What a framed client is told at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its channel in the lane.
    pub channel: ChannelIndex,
    /// Last contiguous sequence we have.
    pub resume: u64,
    /// Whether the channel was known, so that its counts go on.
    pub known: bool,
    /// An older connection of the same channel, to be closed.
    pub fenced: Option<ConnectionId>,
    /// Where the channel stands.
    pub ack: Ack,
}

impl Engine {
    /// The lane for a destination, made if need be. `None`: the cap is reached and no lane can go.
    pub fn open_lane(&mut self, destination: &Destination, now: Now) -> Option<LaneId> {
        if let Some(id) = self.lanes.find(destination) {
            return Some(id);
        }
        if self.lanes.len() >= self.settings.lanes && !self.evict_lane() {
            return None;
        }
        let id = self.lanes.insert(Lane::new(destination.clone(), self.settings.in_flight_min, now));
        if self.settings.spool.is_some() && !self.settings.disabled {
            self.open_disk(id);
        }
        Some(id)
    }

    /// Of the empty lanes without connections the one idle longest goes.
    fn evict_lane(&mut self) -> bool {
        let empty = self.lanes.iter().filter(|(_, lane)| lane.may_go());
        let Some(id) = empty.min_by_key(|(_, lane)| lane.idle_since).map(|(id, _)| id) else { return false };
        self.retire(id);
        true
    }

    /// A connection feeds this lane now.
    pub fn connected(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.connections += 1;
        }
    }

    /// A framed client says hello.
    pub fn hello(&mut self, id: LaneId, client: ClientId, oldest: u64, connection: ConnectionId, now: Now) -> Hello {
        if self.lanes.get(id).is_some_and(Lane::is_unknown) {
            return Hello::Later;
        }
        let table = self.lanes.get(id).map(|lane| &lane.channels);
        let living = table.and_then(|table| table.get(table.find(&client)?)?.connection);
        // Which connection a client made last is told by the order of accepting, not by whose hello is read first.
        if living.is_some_and(|living| living > connection) {
            return Hello::Fenced;
        }
        self.welcome(id, client, oldest, connection, now).map_or(Hello::Full, Hello::Welcome)
    }

    fn welcome(
        &mut self,
        id: LaneId,
        client: ClientId,
        oldest: u64,
        connection: ConnectionId,
        now: Now,
    ) -> Option<Welcome> {
        let lane = self.lanes.get_mut(id)?;
        let known = lane.channels.knows(&client);
        let index = lane.channels.open(client, oldest.max(1), now.at)?;
        let ended_to = lane.ended();
        let channel = lane.channels.get_mut(index)?;
        let fenced = channel.connection.replace(connection);
        let resume = channel.admitted + u64::from(sabotage::on(Sabotage::ResumeTooHigh));
        // The client gave up what lies before `oldest`: the lane goes on from there.
        channel.admitted = channel.admitted.max(oldest.saturating_sub(1));
        if channel.last_offset <= ended_to {
            channel.ended = channel.admitted;
        }
        let ack = self.ack(id, index)?;
        Some(Welcome { channel: index, resume, known, fenced, ack })
    }

    /// A connection has gone.
    pub fn gone(&mut self, id: LaneId, channel: Option<ChannelIndex>, connection: ConnectionId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.connections = lane.connections.saturating_sub(1);
        if let Some(channel) = channel {
            lane.channels.gone(channel, connection, now.at);
            let of_connection =
                |asker: &Asker| matches!(asker, Asker::Client { connection: c, .. } if *c == connection);
            lane.flushes.retain(|flush| !of_connection(&flush.asker));
        }
        self.set_timer(id, now.at + super::LANE_IDLE);
    }

    /// Room for an open chunk that can take at least one record of `length` bytes of text.
    pub fn claim(&mut self, id: LaneId, length: usize, now: Now) -> Claim {
        let least = length + RECORD_HEADER;
        let mut sizes: Vec<usize> = CLAIMS.into_iter().filter(|size| *size >= least).collect();
        if sizes.is_empty() {
            sizes.push(least);
        }
        while let Some(lane) = self.lanes.get(id).filter(|lane| !lane.is_unknown()) {
            let (held, mark) = (held_of(lane), self.mark_of(lane));
            for capacity in &sizes {
                if let Some(payment) = self.take(held, mark, capacity + CHUNK_OVERHEAD) {
                    return Claim::Granted(ChunkBuilder::new(&self.budget, payment, *capacity, now.at));
                }
            }
            let full = mark == usize::MAX;
            if full && self.squeeze(id, now) {
                continue;
            }
            match self.settings.overflow {
                Overflow::DropNewest if full => return Claim::Drop,
                Overflow::DropOldest if full => {
                    if !self.drop_oldest(id, now) {
                        break;
                    }
                }
                _ => break,
            }
        }
        self.wait(id, now);
        Claim::Wait
    }

    /// Whether this lane could have an open chunk now; else its connections wait for [`Command::Resume`].
    pub fn has_room(&mut self, id: LaneId, now: Now) -> bool {
        let Some(lane) = self.lanes.get(id) else { return false };
        let smallest = CLAIMS[CLAIMS.len() - 1] + CHUNK_OVERHEAD;
        let mut fits = !lane.is_unknown() && self.could_take(held_of(lane), self.mark_of(lane), smallest);
        if !fits && self.mark_of(lane) == usize::MAX && self.squeeze(id, now) {
            let Some(lane) = self.lanes.get(id) else { return false };
            fits = self.could_take(held_of(lane), self.mark_of(lane), smallest);
        }
        let Some(lane) = self.lanes.get(id) else { return false };
        // A lane with a dropping policy is always read: what does not fit is dropped, counted.
        let drops = self.drops(lane);
        if !fits && !drops {
            self.wait(id, now);
        }
        fits || drops
    }

    /// Whether the lane's policy makes room, or does without, where there is none.
    fn drops(&self, lane: &Lane) -> bool {
        let full = self.mark_of(lane) == usize::MAX && !lane.is_unknown();
        full && match self.settings.overflow {
            Overflow::Block => false,
            Overflow::DropNewest => true,
            // While a segment is being dropped its room is waited for.
            Overflow::DropOldest => lane.can_drop() && !lane.disk.as_ref().is_some_and(|disk| disk.is_dropping()),
        }
    }

    fn mark_of(&self, lane: &Lane) -> usize {
        if lane.spilling || lane.failures > 1 || self.settings.disabled {
            usize::MAX
        } else if lane.disk.is_some() {
            // No more than stays in memory: a lane that is well goes nowhere by way of the disk.
            self.most_in_queue(lane)
        } else {
            fair::high_water(self.settings.high_water, lane.limit as usize)
        }
    }

    fn could_take(&self, held: usize, mark: usize, bytes: usize) -> bool {
        let free = fair::free_for_chunks(&self.budget, self.recall_share());
        let floor = fair::floor(self.budget.total(), self.lanes.len());
        fair::may_take(fair::Request { bytes, held, mark }, free, floor)
    }

    fn take(&self, held: usize, mark: usize, bytes: usize) -> Option<Payment> {
        self.could_take(held, mark, bytes).then(|| self.budget.claim(Kind::Chunk, bytes))?
    }

    fn drop_oldest(&mut self, id: LaneId, now: Now) -> bool {
        let Some(lane) = self.lanes.get_mut(id) else { return false };
        if lane.disk.as_ref().is_some_and(|disk| disk.is_dropping()) {
            return false;
        }
        let count = lane.drop_oldest(Dropped::Overflow);
        if count == 0 {
            return false;
        }
        self.note_loss(id, Loss::ours(Dropped::Overflow, count, now.wall_ms), now);
        self.after_end(id, now);
        true
    }

    fn wait(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        if lane.waiting_since.is_none() {
            lane.waiting_since = Some(now.at);
            self.waiting.push_back(id);
            self.set_timer(id, now.at + SPILL_AFTER);
        }
    }

    /// A lane that has made a connection wait for long may fill its share.
    pub(super) fn let_spill(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(since) = lane.waiting_since else { return };
        if since + SPILL_AFTER <= now.at {
            lane.spilling = true;
            self.wake_waiting();
        } else {
            self.set_timer(id, since + SPILL_AFTER);
        }
    }

    /// Wakes as many waiting lanes as there is room for, one after the other.
    pub(super) fn wake_waiting(&mut self) {
        let mut free = fair::free_for_chunks(&self.budget, self.recall_share());
        for _ in 0..self.waiting.len() {
            let Some(id) = self.waiting.pop_front() else { return };
            let Some(lane) = self.lanes.get(id) else { continue };
            let floor = fair::floor(self.budget.total(), self.lanes.len());
            // No stricter than a claim is: whoever could have something must not go on waiting.
            let bytes = CLAIMS[CLAIMS.len() - 1] + CHUNK_OVERHEAD;
            let request = fair::Request { bytes, held: held_of(lane), mark: self.mark_of(lane) };
            if !lane.is_unknown() && (self.drops(lane) || fair::may_take(request, free, floor)) {
                free = free.saturating_sub(bytes);
                if let Some(lane) = self.lanes.get_mut(id) {
                    lane.waiting_since = None;
                }
                if !sabotage::on(Sabotage::ResumeForgotten) {
                    self.commands.push(Command::Resume(id));
                }
            } else {
                self.waiting.push_back(id);
            }
        }
    }

    /// Pays for `bytes` of a line or frame that is not yet whole, if that part of the budget allows.
    #[must_use]
    pub fn claim_partial(&self, bytes: usize) -> Option<Payment> {
        fair::may_hold_partial(&self.budget, bytes).then(|| self.budget.claim(Kind::Partial, bytes))?
    }

    /// What [`Self::claim_partial`] may give in all.
    #[must_use]
    pub fn for_partial(&self) -> usize {
        fair::for_partial(&self.budget)
    }

    /// A chunk is sealed: its records are received.
    pub fn append(&mut self, id: LaneId, chunk: Chunk, now: Now) {
        let Some(lane) = self.lanes.get(id) else { return };
        let most = self.most_in_queue(lane);
        let too_late = self.phase > Phase::Draining && (lane.disk.is_none() || self.phase == Phase::Abandoned);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.account.received += u64::from(chunk.records);
        lane.append(chunk, most, now);
        if self.settings.disabled || too_late {
            let reason = if self.settings.disabled { Dropped::Disabled } else { Dropped::Shutdown };
            lane.drop_unwritten(reason);
            self.after_end(id, now);
            return;
        }
        self.use_disk(id, now);
        self.mark(id);
        self.pump(now);
    }

    /// Records that end as they come: empty ones, or new ones where the lane is full.
    pub fn append_ended(&mut self, id: LaneId, run: Run, reason: Dropped, now: Now) {
        let Some(most) = self.lanes.get(id).map(|lane| self.most_in_queue(lane)) else { return };
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let count = u64::from(run.records);
        lane.account.received += count;
        lane.append_ended(&self.budget, run, End::Dropped(reason), most, now);
        self.note_loss(id, Loss::ours(reason, count, now.wall_ms), now);
        self.after_end(id, now);
    }

    /// A client reports records that it lost itself. Each report counts once.
    pub fn lost(&mut self, id: LaneId, channel: ChannelIndex, report: u64, loss: Loss, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(known) = lane.channels.get_mut(channel) else { return };
        if report <= known.lost_to {
            return;
        }
        known.lost_to = report;
        lane.account.client_lost = lane.account.client_lost.saturating_add(loss.count);
        if let Some(disk) = &mut lane.disk {
            disk.dirty = true;
        }
        self.note_loss(id, loss, now);
        self.acknowledge(id, channel);
    }

    /// A client asks to know when everything it sent so far has reached a level.
    pub fn flush(&mut self, id: LaneId, asker: Asker, level: Level, timeout: Duration, now: Now) {
        let Asker::Client { channel, .. } = asker else { return };
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let target = lane.channels.get(channel).map_or(0, |channel| channel.last_offset);
        let waiting = Waiting { asker, target, level, deadline: now.at + timeout };
        let reached = if level == Level::Durable { lane.durable() } else { lane.ended() };
        if target <= reached || sabotage::on(Sabotage::FlushLies) {
            self.answer_flush(waiting, true, id);
            return;
        }
        lane.flushes.push(waiting);
        self.set_timer(id, waiting.deadline);
        self.mark(id);
        self.pump(now);
    }

    /// Answers at once with how the channel stands: a flush of what is admitted, or one too many.
    pub fn answer_now(&mut self, id: LaneId, asker: Asker, reached: bool, now: Now) {
        self.answer_flush(Waiting { asker, target: 0, level: Level::Ended, deadline: now.at }, reached, id);
    }

    /// What a client is told of its channel.
    #[must_use]
    pub fn ack(&self, id: LaneId, channel: ChannelIndex) -> Option<Ack> {
        let channel = self.lanes.get(id)?.channels.get(channel)?;
        Some(Ack {
            admitted_to: channel.admitted,
            durable_to: if sabotage::on(Sabotage::DurableBeforeWritten) {
                channel.admitted
            } else {
                channel.durable.max(channel.ended)
            },
            ended_to: channel.ended,
            delivered: channel.counts.delivered,
            rejected: channel.counts.rejected,
            dropped: channel.counts.dropped,
            lost_to: channel.lost_to,
        })
    }

    pub(super) fn acknowledge(&mut self, id: LaneId, index: ChannelIndex) {
        let Some(ack) = self.ack(id, index) else { return };
        let channel = self.lanes.get(id).and_then(|lane| lane.channels.get(index));
        if let Some(connection) = channel.and_then(|channel| channel.connection) {
            self.commands.push(Command::Acknowledge { connection, ack });
        }
    }
}

/// What of a lane's memory counts against its mark: where it is behind on disk, only what waits to be written.
fn held_of(lane: &Lane) -> usize {
    match &lane.disk {
        Some(disk) if disk.is_behind() => disk.tail_held,
        _ => lane.held,
    }
}
