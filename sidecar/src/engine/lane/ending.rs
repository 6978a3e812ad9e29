//! How records end: delivered, rejected or dropped, counted once; and how chunks leave that have ended.

use std::ops::Range;
use std::sync::Arc;

use super::disk::joins;
use super::{Lane, Retry};
use crate::engine::account::{Dropped, End, Rejected};
use crate::engine::batch::{Batch, Part, Queued};
use crate::engine::budget::Budget;
use crate::engine::chunk::{Chunk, Run};
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::Refused;
use crate::engine::time::Now;

/// Most bytes of chunks that dead letters of a lane hold while they wait for the disk.
const REFUSED_BYTES: usize = 2 * 1024 * 1024;

impl Lane {
    /// Ends records of the chunk whose first offset is `first`. They stay counted once: a record ends one time only.
    pub fn end(&mut self, first: u64, records: Range<u32>, end: End) {
        // The cursor on disk takes no range of nothing.
        if records.is_empty() && !sabotage::on(Sabotage::NotesNothing) {
            return;
        }
        let count = records.end - records.start;
        let on_disk = self.disk.is_some();
        let Some(queued) = self.find(first) else { return };
        debug_assert!(queued.unended >= count, "a record ends once");
        queued.unended -= count;
        if on_disk {
            queued.note_done(records.clone(), end);
        }
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
            for run in &queued.chunk.runs {
                if let Some(channel) = self.channels.get_mut(run.channel) {
                    channel.ended = channel.ended.max(run.last_sequence());
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
    pub(super) fn bury(&mut self, place: usize) {
        let Some(queued) = self.queue.get_mut(place) else { return };
        let Some(chunk) = Arc::get_mut(&mut queued.chunk) else { return };
        self.held -= chunk.paid();
        chunk.release();
        let Some(before) = place.checked_sub(1) else { return };
        joins(&mut self.queue, before, self.disk.as_deref());
    }

    /// Makes everything that waits for another attempt free to be cut anew.
    pub fn uncut_all(&mut self) {
        let retries = std::mem::take(&mut self.retries);
        // Whoever sends these again knows nothing of the attempt before.
        let ambiguous = retries.iter().filter(|retry| retry.ambiguous).map(|retry| u64::from(retry.batch.records));
        self.account.possible_duplicates += ambiguous.sum::<u64>();
        let retries = retries.into_iter().map(|retry| retry.batch);
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
}
