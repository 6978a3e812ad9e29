//! A lane: everything for one destination. Records wait here in order of arrival and end here, counted.
//!
//! Offsets count the lane's records 0, 1, 2, … The chunks in `queue` are contiguous ranges; the first one's offset is the
//! *ended watermark*. A chunk leaves when its last record has ended **and** every chunk before it has left, so "wait until
//! X has ended" is one comparison, for acks, flushes and the drain alike.
//!
//! This module keeps the books; when to send is `schedule`'s to say.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, Dropped, End, Rejected};
use super::batch::{self, Batch, Bounds, Part, Queued};
use super::bisect::Trials;
use super::budget::Budget;
use super::channel::Channels;
use super::chunk::{Chunk, Run, TEXT};
use super::create::Creation;
use super::flush::Waiting;
use super::marker::Loss;
use super::spool::Refused;
use super::time::Now;
use crate::config::Destination;

pub mod disk;
mod schedule;

use disk::{Disk, Known};
pub use schedule::{Next, Pressure};

/// Index of a lane in the engine.
pub type LaneId = u32;

/// Most bytes of chunks that dead letters of a lane hold while they wait for the disk.
const REFUSED_BYTES: usize = 2 * 1024 * 1024;

/// A batch that waits for its next attempt.
#[derive(Debug)]
pub struct Retry {
    /// What to send again.
    pub batch: Batch,
    /// Not before this moment.
    pub at: Duration,
    /// Whether the attempt before may have been accepted.
    pub ambiguous: bool,
}

/// One destination's records and how they fare.
#[derive(Debug)]
pub struct Lane {
    /// Where its records go.
    pub destination: Destination,
    /// Its chunks that have not left, in order.
    pub queue: VecDeque<Queued>,
    /// Batches waiting for another attempt.
    pub retries: Vec<Retry>,
    /// Its clients.
    pub channels: Channels,
    /// How its records came and ended.
    pub account: Account,
    /// Flushes that wait for the watermark.
    pub flushes: Vec<Waiting>,
    /// Losses not yet told in the stream.
    pub loss: Option<Loss>,
    /// Offset of the loss marker on its way, if any.
    pub marker_at: Option<u64>,
    /// What it needs to have created.
    pub creation: Creation,
    /// Bisections under way.
    pub trials: Trials,
    /// Its part on disk, where there is a spool.
    pub disk: Option<Box<Disk>>,
    /// Bytes paid for its chunks.
    pub held: usize,
    /// Attempts in flight, and how many of them carry an early (not full) batch.
    pub in_flight: u32,
    pub(super) early_in_flight: u32,
    /// How many attempts may be in flight; follows what the remote end can take.
    pub limit: u32,
    /// Failures since the last success.
    pub failures: u32,
    /// What went wrong last, for people.
    pub trouble: Option<String>,
    /// Live connections.
    pub connections: u32,
    /// Since when a connection waits for room.
    pub waiting_since: Option<Duration>,
    /// May fill its share: it has made a connection wait for long, or its attempts fail.
    pub spilling: bool,
    pub(super) next_offset: u64,
    pub(super) unsent_records: u64,
    pub(super) unsent_cost: u64,
    pub(super) unsent_since: Option<Duration>,
    pub(super) last_arrival: Duration,
    pub(super) last_early: Option<Duration>,
    pub(super) not_before: Duration,
    pub(super) confirmed: bool,
    /// Creations that went well since the last accepted batch: more than one says that they do not help.
    pub(super) creations: u32,
    pub(super) growth: f32,
    pub(super) quickest: Option<Duration>,
    pub(super) idle_since: Duration,
    pub(super) timer: Option<Duration>,
    pub(super) marked: bool,
}

impl Lane {
    /// An empty lane that may have `limit` attempts in flight at first.
    #[must_use]
    pub fn new(destination: Destination, limit: u32, now: Now) -> Self {
        Lane {
            destination,
            queue: VecDeque::new(),
            retries: Vec::new(),
            channels: Channels::default(),
            account: Account::default(),
            flushes: Vec::new(),
            loss: None,
            marker_at: None,
            creation: Creation::Unneeded,
            trials: Trials::default(),
            disk: None,
            held: 0,
            in_flight: 0,
            early_in_flight: 0,
            limit,
            failures: 0,
            trouble: None,
            connections: 0,
            waiting_since: None,
            spilling: false,
            next_offset: 0,
            unsent_records: 0,
            unsent_cost: 0,
            unsent_since: None,
            last_arrival: now.at,
            last_early: None,
            not_before: Duration::ZERO,
            confirmed: false,
            creations: 0,
            growth: schedule::GROWTH_AT_FIRST,
            quickest: None,
            idle_since: now.at,
            timer: None,
            marked: false,
        }
    }

    /// The ended watermark: every offset below it has ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        let behind = || self.disk.as_ref().and_then(|disk| disk.first());
        self.queue.front().map(|queued| queued.first).or_else(behind).unwrap_or(self.next_offset)
    }

    /// Every offset below is on disk or has ended; without a spool the ended watermark.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.ended().max(self.written())
    }

    /// Every offset below is on disk, or had ended before its turn came; 0 without a spool.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.disk.as_ref().map_or(0, |disk| disk.written)
    }

    /// The offset the next record will get.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// Records that have not ended and are not on disk, counted from the chunks themselves.
    #[must_use]
    pub fn in_memory(&self) -> u64 {
        let written = self.written();
        self.chunks().filter(|queued| queued.end() > written).map(|queued| u64::from(queued.unended)).sum()
    }

    /// Records that have not ended and are on disk.
    #[must_use]
    pub fn spooled(&self) -> u64 {
        let Some(disk) = &self.disk else { return 0 };
        let here = self.chunks().filter(|queued| queued.end() <= disk.written).map(|queued| u64::from(queued.unended));
        here.sum::<u64>() + disk.away_records()
    }

    /// Every chunk in memory.
    fn chunks(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter().chain(self.disk.iter().flat_map(|disk| disk.tail()))
    }

    /// Whether nothing is here and nothing under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let on_disk = self.disk.as_ref().is_some_and(|disk| disk.is_behind() || disk.known == Known::NotYet);
        self.queue.is_empty() && self.in_flight == 0 && !on_disk
    }

    /// Whether nothing may be taken in yet: what the lane left on disk is being looked at.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.known == Known::NotYet)
    }

    /// Whether the lane is of no use to anybody now: nobody feeds it, nothing is under way, nothing is left to tell.
    #[must_use]
    pub fn may_go(&self) -> bool {
        let disk_rests = self.disk.as_ref().is_none_or(|disk| disk.is_empty());
        let empty = self.is_empty() && disk_rests;
        empty && self.connections == 0 && self.loss.is_none() && self.creation != Creation::Running
    }

    /// Whether there is something that [`drop_oldest`](Self::drop_oldest) could drop.
    #[must_use]
    pub fn can_drop(&self) -> bool {
        !self.retries.is_empty() || self.queue.iter().any(Queued::is_untouched)
    }

    /// When the oldest record here was taken in.
    #[must_use]
    pub fn oldest(&self) -> Option<Duration> {
        let behind = || self.disk.as_ref().and_then(|disk| disk.oldest());
        self.queue.front().map(|queued| queued.chunk.arrived).or_else(behind)
    }

    /// Takes a sealed chunk in. With a spool, what would make the lane hold more than `most` bytes of memory queues behind
    /// what is on disk.
    pub fn append(&mut self, chunk: Chunk, most: usize, now: Now) {
        let queued = self.number(chunk, now);
        self.place(queued, most);
    }

    /// Gives a chunk its offsets.
    fn number(&mut self, chunk: Chunk, now: Now) -> Queued {
        self.last_arrival = now.at;
        let first = self.next_offset;
        self.next_offset += u64::from(chunk.records);
        for run in chunk.runs.iter().filter(|run| run.channel != TEXT) {
            if let Some(channel) = self.channels.get_mut(run.channel) {
                channel.admitted =
                    channel.admitted.max((run.first_sequence + u64::from(run.sequences)).saturating_sub(1));
                channel.last_offset = self.next_offset;
            }
        }
        Queued::new(first, chunk)
    }

    /// Puts a chunk at the lane's end.
    fn place(&mut self, queued: Queued, most: usize) {
        let bytes = queued.chunk.paid();
        let for_the_tail = self.is_for_the_tail(bytes, most);
        self.held += bytes;
        match &mut self.disk {
            Some(disk) if for_the_tail => disk.push(queued),
            _ => self.enqueue(queued),
        }
    }

    /// Puts a chunk at the queue's end; its memory is counted already.
    fn enqueue(&mut self, queued: Queued) {
        let whole = queued.is_untouched();
        for range in &queued.todo {
            self.unsent_records += u64::from(range.end - range.start);
            self.unsent_cost +=
                u64::from(if whole { queued.chunk.cost() } else { batch::cost_of(&queued.chunk, range) });
        }
        if !queued.todo.is_empty() {
            let arrived = queued.chunk.arrived;
            self.unsent_since = Some(self.unsent_since.map_or(arrived, |since| since.min(arrived)));
        }
        self.queue.push_back(queued);
    }

    /// Takes the next batch out of what is unsent.
    pub fn cut(&mut self, reach: usize, body: usize) -> Option<Batch> {
        let batch = batch::cut(&mut self.queue, Bounds { reach, growth: self.growth, body })?;
        self.unsent_records -= u64::from(batch.records);
        self.unsent_cost -= u64::from(batch.cost);
        self.find_unsent_since();
        Some(batch)
    }

    /// Makes the records of a batch free to be cut anew.
    pub fn uncut(&mut self, batch: Batch) {
        self.unsent_records += u64::from(batch.records);
        self.unsent_cost += u64::from(batch.cost);
        for part in batch.parts {
            if let Some(queued) = self.find(part.first) {
                batch::put_back(queued, part.records);
            }
        }
        self.find_unsent_since();
    }

    fn find_unsent_since(&mut self) {
        let first = self.queue.iter().find(|queued| !queued.todo.is_empty());
        self.unsent_since = first.map(|queued| queued.chunk.arrived);
    }

    fn find(&mut self, first: u64) -> Option<&mut Queued> {
        match self.queue.binary_search_by_key(&first, |queued| queued.first) {
            Ok(place) => self.queue.get_mut(place),
            Err(_) => self.disk.as_mut()?.find(first),
        }
    }

    /// Ends records of the chunk whose first offset is `first`. They stay counted once: a record ends one time only.
    pub fn end(&mut self, first: u64, records: Range<u32>, end: End) {
        let count = records.end - records.start;
        let Some(queued) = self.find(first) else { return };
        debug_assert!(queued.unended >= count, "a record ends once");
        queued.unended -= count;
        queued.note_done(records.clone());
        let chunk = Arc::clone(&queued.chunk);
        self.channels.count(&chunk.runs, &records, end);
        self.account.end(end, u64::from(count));
    }

    /// Ends all records of a batch in one way.
    pub fn end_batch(&mut self, batch: &Batch, end: End) {
        for part in &batch.parts {
            self.end(part.first, part.records.clone(), end);
        }
    }

    /// Ends records that CloudWatch refused for good; with a spool they get a dead letter.
    pub fn reject(&mut self, part: &Part, records: Range<u32>, reason: Rejected, now: Now) {
        if records.is_empty() {
            return;
        }
        self.end(part.first, records.clone(), End::Rejected(reason));
        let Some(disk) = &mut self.disk else { return };
        // While the disk refuses or hangs, few are kept: they would hold memory that records need.
        if disk.failures > 0 || disk.refused_bytes > REFUSED_BYTES {
            disk.letters_lost += u64::from(records.end - records.start);
            return;
        }
        let chunk = Arc::clone(&part.chunk);
        disk.refused_bytes += chunk.paid();
        disk.used = true;
        disk.refused.push(Refused { chunk, records, reason: reason.name(), at_ms: now.wall_ms });
    }

    /// The same for all of a batch.
    pub fn reject_batch(&mut self, batch: &Batch, reason: Rejected, now: Now) {
        for part in &batch.parts {
            self.reject(part, part.records.clone(), reason, now);
        }
    }

    /// Lets ended chunks leave from the front and moves the watermark. Returns the channels that have news.
    pub fn advance(&mut self, now: Now) -> Vec<u32> {
        let mut news = Vec::new();
        while self.queue.front().is_some_and(|queued| queued.unended == 0) {
            let Some(queued) = self.queue.pop_front() else { break };
            self.held -= queued.chunk.paid();
            for run in queued.chunk.runs.iter().filter(|run| run.channel != TEXT && run.sequences > 0) {
                if let Some(channel) = self.channels.get_mut(run.channel) {
                    channel.ended = channel.ended.max(run.first_sequence + u64::from(run.sequences) - 1);
                    if news.last() != Some(&run.channel) {
                        news.push(run.channel);
                    }
                }
            }
        }
        if self.marker_at.is_some_and(|offset| offset < self.ended()) {
            self.marker_at = None;
        }
        if self.is_empty() {
            self.idle_since = now.at;
        }
        news.sort_unstable();
        news.dedup();
        news
    }

    /// Takes in records that have ended already: their place is kept, their bytes are not.
    pub fn append_ended(&mut self, budget: &Arc<Budget>, run: Run, end: End, most: usize, now: Now) {
        let count = run.records;
        let mut queued = self.number(Chunk::tombstone(budget, run, now.at), now);
        let first = queued.first;
        // A tombstone has nothing to send.
        queued.todo.clear();
        self.place(queued, most);
        self.end(first, 0..count, end);
        match &mut self.disk {
            Some(disk) if disk.is_behind() => disk.bury_last(),
            _ => self.bury(self.queue.len() - 1),
        }
    }

    /// Gives up the oldest records that no attempt holds: first a batch that waits for its next attempt, else a chunk.
    /// Returns how many were dropped.
    pub fn drop_oldest(&mut self, reason: Dropped) -> u64 {
        let first_of = |retry: &Retry| retry.batch.parts.first().map(|part| part.first);
        if let Some(index) = (0..self.retries.len()).min_by_key(|index| first_of(&self.retries[*index])) {
            let batch = self.retries.swap_remove(index).batch;
            let (count, trial) = (batch.records, batch.trial);
            self.end_batch(&batch, End::Dropped(reason));
            let chunks: Vec<u64> = batch.parts.iter().map(|part| part.first).collect();
            drop(batch);
            for first in chunks {
                let place = self.queue.binary_search_by_key(&first, |queued| queued.first);
                if let Some(place) = place.ok().filter(|place| self.queue[*place].unended == 0) {
                    self.bury(place);
                }
            }
            // Its bisection goes on without it, or is over.
            for batch in self.trials.gone(trial) {
                self.uncut(batch);
            }
            return u64::from(count);
        }
        let Some(place) = self.queue.iter().position(Queued::is_untouched) else { return 0 };
        let queued = &mut self.queue[place];
        let (first, count) = (queued.first, queued.unended);
        queued.todo.clear();
        self.unsent_records -= u64::from(count);
        self.unsent_cost -= u64::from(queued.chunk.cost());
        self.end(first, 0..count, End::Dropped(reason));
        self.bury(place);
        self.find_unsent_since();
        u64::from(count)
    }

    /// A chunk that ended before its turn keeps its place, but not its memory; neighbouring ones become one.
    fn bury(&mut self, place: usize) {
        let Some(queued) = self.queue.get_mut(place) else { return };
        let Some(chunk) = Arc::get_mut(&mut queued.chunk) else { return };
        self.held -= chunk.paid();
        chunk.release();
        let Some(before) = place.checked_sub(1) else { return };
        let is_tombstone = |queued: &mut Queued| {
            queued.unended == 0 && queued.chunk.paid() == 0 && Arc::get_mut(&mut queued.chunk).is_some()
        };
        if self.queue.get_mut(before).is_some_and(is_tombstone) {
            let Some(gone) = self.queue.get(place).map(|queued| Arc::clone(&queued.chunk)) else { return };
            let earlier = self.queue.get_mut(before).and_then(|queued| Arc::get_mut(&mut queued.chunk));
            if earlier.is_some_and(|earlier| earlier.absorb(&gone)) {
                self.queue.remove(place);
            }
        }
    }

    /// Makes everything that waits for another attempt free to be cut anew.
    pub fn uncut_all(&mut self) {
        let retries = std::mem::take(&mut self.retries).into_iter().map(|retry| retry.batch);
        let batches: Vec<Batch> = retries.chain(self.trials.take_all()).collect();
        batches.into_iter().for_each(|batch| self.uncut(batch));
    }

    /// Ends everything that no attempt holds and that is not on disk.
    pub fn drop_unwritten(&mut self, reason: Dropped) {
        self.uncut_all();
        let written = self.written();
        let tail = self.disk.iter_mut().flat_map(|disk| disk.tail_mut());
        let unwritten = self.queue.iter_mut().chain(tail).filter(|queued| queued.end() > written);
        let unsent: Vec<_> = unwritten.map(|q| (q.first, std::mem::take(&mut q.todo))).collect();
        for (first, ranges) in unsent {
            for range in ranges {
                self.end(first, range, End::Dropped(reason));
            }
        }
        (self.unsent_records, self.unsent_cost, self.unsent_since) = (0, 0, None);
    }

    /// State in a word, for `/status`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match () {
            () if !matches!(self.creation, Creation::Unneeded) => "creating",
            () if self.is_unknown() => "recovering",
            () if self.failures > 0 => "backing off",
            () if self.is_empty() => "idle",
            () => "delivering",
        }
    }
}

/// Lanes by destination.
#[derive(Debug, Default)]
pub struct Lanes {
    slots: Vec<Option<Box<Lane>>>,
    by_destination: HashMap<Destination, LaneId>,
}

impl Lanes {
    /// The lane of a destination, if there is one.
    #[must_use]
    pub fn find(&self, destination: &Destination) -> Option<LaneId> {
        self.by_destination.get(destination).copied()
    }

    /// Adds a lane.
    pub fn insert(&mut self, lane: Lane) -> LaneId {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        // The number of lanes is capped far below 2^32.
        let id = slot as LaneId;
        self.by_destination.insert(lane.destination.clone(), id);
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(Box::new(lane));
        id
    }

    /// Takes a lane out.
    pub fn remove(&mut self, id: LaneId) -> Option<Lane> {
        let lane = self.slots.get_mut(id as usize)?.take()?;
        self.by_destination.remove(&lane.destination);
        Some(*lane)
    }

    /// The lane with this index.
    #[must_use]
    pub fn get(&self, id: LaneId) -> Option<&Lane> {
        self.slots.get(id as usize)?.as_deref()
    }

    /// The lane with this index.
    pub fn get_mut(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.slots.get_mut(id as usize)?.as_deref_mut()
    }

    /// All lanes.
    pub fn iter(&self) -> impl Iterator<Item = (LaneId, &Lane)> {
        (0..).zip(&self.slots).filter_map(|(id, slot)| Some((id, slot.as_deref()?)))
    }

    /// The indices of all lanes.
    #[must_use]
    pub fn ids(&self) -> Vec<LaneId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_destination.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }
}
