//! What leaves memory because it is safe on disk, and what comes back.

use std::ops::Range;
use std::time::Duration;

use super::{Known, Lane, Recalled};
use crate::engine::account::{Dropped, End};
use crate::engine::batch::Queued;
use crate::engine::chunk::{Chunk, Run, TEXT};
use crate::engine::limits::EVENT_OVERHEAD;
use crate::engine::spool::{DiskRun, Indexed};
use crate::engine::time::Now;

impl Lane {
    /// Moves what waits behind the disk: into the queue where nothing is away any more and it has room for `most` bytes, out
    /// of memory where it is on disk.
    pub fn settle_tail(&mut self, most: usize) {
        loop {
            let queue_held = self.queue_held();
            let Some(disk) = &mut self.disk else { return };
            let Some(front) = disk.tail.front() else { return };
            let bytes = front.chunk.paid();
            let joins = disk.away.is_empty() && (queue_held + bytes <= most || queue_held == 0);
            let leaves = front.end() <= disk.written;
            if !joins && !leaves {
                return;
            }
            let Some(queued) = disk.tail.pop_front() else { return };
            disk.tail_held -= bytes;
            if joins {
                disk.away = queued.end()..queued.end();
                self.enqueue(queued);
            } else {
                if disk.away.is_empty() {
                    disk.away_since = queued.chunk.arrived;
                }
                disk.away.end = queued.end();
                if queued.unended == 0 {
                    disk.away_gone += u64::from(queued.chunk.records);
                }
                self.held -= bytes;
            }
        }
    }

    /// Lets what is safe on disk leave the queue from its end, until at most `most` bytes are left or what comes next is not
    /// safe, or not wholly unsent. Returns whether anything left.
    pub fn squeeze(&mut self, most: usize, now: Now) -> bool {
        let mut left = false;
        while self.queue_held() > most {
            let Some(disk) = self.disk.as_mut().filter(|disk| disk.known == Known::All) else { break };
            let safe = |queued: &Queued| queued.is_untouched() && queued.end() <= disk.written;
            if !self.queue.back().is_some_and(safe) {
                break;
            }
            let Some(queued) = self.queue.pop_back() else { break };
            if !disk.is_behind() {
                disk.away.end = queued.end();
            }
            (disk.away.start, disk.away_since) = (queued.first, queued.chunk.arrived);
            disk.squeezed_at = Some(now.at);
            self.held -= queued.chunk.paid();
            self.unsent_records -= u64::from(queued.chunk.records);
            self.unsent_cost -= u64::from(queued.chunk.cost());
            left = true;
        }
        if left {
            self.find_unsent_since();
        }
        left
    }

    /// What an earlier process left: from now on the lane goes on behind it.
    pub fn indexed(&mut self, found: Indexed, reach: usize, now: Now) {
        let Some(disk) = &mut self.disk else { return };
        let next = found.next;
        let watermark = found.cursor.watermark.min(next);
        disk.known = Known::All;
        (disk.ordered, disk.written, disk.away) = (next, next, watermark..next);
        let within = |range: &Range<u64>| range.start.max(watermark)..range.end.min(next);
        disk.away_ended = found.cursor.ended.iter().map(within).filter(|range| !range.is_empty()).collect();
        disk.inherited = disk.away_ended.clone();
        disk.away_since = now.at;
        disk.bytes = found.lane_bytes;
        disk.failures = 0;
        // It is no longer the cursor of an orderly end.
        disk.dirty = found.cursor.clean;
        disk.suspect = if found.cursor.clean { 0 } else { reach };
        self.account.recovered += disk.away_records();
        self.next_offset = next;
        self.channels.renumber(next);
        for mark in &found.cursor.channels {
            self.channels.restore(mark, next, now.at);
        }
        self.idle_since = now.at;
    }

    /// Takes a chunk that has come back from disk, or a tombstone for one that has not.
    pub fn recall(&mut self, mut chunk: Chunk, runs: &[DiskRun], how: Recalled, arrived: Duration) {
        chunk.runs = runs.iter().map(|run| self.run_of(run)).collect();
        chunk.arrived = arrived;
        let Some(disk) = &mut self.disk else { return };
        let first = disk.away.start;
        let mut queued = Queued::new(first, chunk);
        let mut before = disk.ended_before(&(first..queued.end()));
        disk.away.start = queued.end();
        disk.away.end = disk.away.end.max(disk.away.start);
        disk.away_since = arrived;
        for range in &before {
            queued.unended -= range.end - range.start;
        }
        // This much of it ended in this process, before it was written.
        let may_be_gone = how == Recalled::Ended || how == Recalled::Lost && before.is_empty();
        let gone = if may_be_gone { disk.away_gone.min(queued.unended.into()) } else { 0 };
        disk.away_gone = if disk.away.is_empty() { 0 } else { disk.away_gone - gone };
        if how == Recalled::Ended {
            // The rest had ended when it was written, in an earlier process whose cursor did not come to say so.
            self.account.recovered = self.account.recovered.saturating_sub(u64::from(queued.unended) - gone);
            (queued.unended, queued.ordered_as_ended) = (0, true);
        } else if gone > 0 {
            queued.unended -= gone as u32;
            before.push(queued.chunk.records - gone as u32..queued.chunk.records);
        }
        if queued.unended == 0 {
            queued.todo = Vec::new();
        } else {
            queued.todo = complement(&before, queued.chunk.records);
            queued.done = before;
        }
        if queued.unended > 0 && disk.suspect > 0 {
            disk.suspect = disk.suspect.saturating_sub(queued.chunk.paid());
            self.account.possible_duplicates += u64::from(queued.unended);
        }
        self.held += queued.chunk.paid();
        self.enqueue(queued);
    }

    /// Drops what has come back last: it is not wanted, or cannot be read. Returns how many records that were.
    pub fn drop_last(&mut self, reason: Dropped) -> u64 {
        let Some(queued) = self.queue.back_mut() else { return 0 };
        let (first, ranges) = (queued.first, std::mem::take(&mut queued.todo));
        let count = ranges.iter().map(|range| u64::from(range.end - range.start)).sum();
        self.unsent_records -= count;
        // A chunk without bytes has no text to cost anything.
        self.unsent_cost -= count * u64::from(EVENT_OVERHEAD);
        for range in ranges {
            self.end(first, range, End::Dropped(reason));
        }
        self.find_unsent_since();
        self.bury_last();
        count
    }

    /// The last chunk of the queue is a tombstone: it joins its neighbour.
    pub fn bury_last(&mut self) {
        if let Some(last) = self.queue.len().checked_sub(1) {
            self.bury(last);
        }
    }

    fn run_of(&self, run: &DiskRun) -> Run {
        let text = run.client == [0; 16];
        let channel = if text { None } else { self.channels.find(&run.client) };
        Run {
            channel: channel.unwrap_or(TEXT),
            first_sequence: run.first_sequence,
            sequences: run.sequences,
            records: run.records,
        }
    }
}

/// What `ranges` (ascending, disjoint) leave of `0..count`.
fn complement(ranges: &[Range<u32>], count: u32) -> Vec<Range<u32>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain(std::iter::once(count));
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}
