//! A lane: everything for one destination. Records wait here in order of arrival and end here, counted.
//!
//! Offsets count the lane's records 0, 1, 2, … The chunks in `queue` are contiguous ranges; the first one's offset is the
//! *ended watermark*. A chunk leaves when its last record has ended **and** every chunk before it has left, so "wait until
//! X has ended" is one comparison, for acks, flushes and the drain alike.
//!
//! This module keeps the books; when to send is `schedule`'s to say.

use std::collections::VecDeque;
use std::time::Duration;

use super::account::Account;
use super::batch::{self, Batch, Bounds, Queued};
use super::bisect::Trials;
use super::channel::Channels;
use super::chunk::Chunk;
use super::create::Creation;
use super::flush::Waiting;
use super::marker::Loss;
use super::stretch::Stretch;
use super::time::Now;
use crate::config::Destination;

pub mod disk;
mod ending;
mod lanes;
mod schedule;

use disk::{Disk, Known};
pub use lanes::Lanes;
pub use schedule::{Next, Pressure};

/// Index of a lane in the engine.
pub type LaneId = u32;

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
    /// How much longer it lingers because it was throttled.
    pub(super) stretch: Stretch,
    /// Failures since the last success.
    pub failures: u32,
    /// What went wrong last, for people.
    pub trouble: Option<String>,
    /// What people were told of it.
    pub(super) failing: Option<super::failing::Failing>,
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
            stretch: Stretch::default(),
            failures: 0,
            trouble: None,
            failing: None,
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
        let disk_rests = self.disk.as_ref().is_none_or(|disk| !disk.ordering);
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
        for run in &chunk.runs {
            if let Some(channel) = self.channels.get_mut(run.channel) {
                channel.admitted = channel.admitted.max(run.last_sequence());
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
    pub fn cut(&mut self, reach: usize, body: usize, events: u32) -> Option<Batch> {
        let batch = batch::cut(&mut self.queue, Bounds { reach, growth: self.growth, body, events })?;
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
