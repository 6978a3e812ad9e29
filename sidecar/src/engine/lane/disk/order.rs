//! What the disk is to do next, and what follows when it is done.

use std::ops::Range;
use std::sync::Arc;

use super::{join_written, Known, Lane};
use crate::engine::batch::Queued;
use crate::engine::channel::Channels;
use crate::engine::chunk::Run;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{DiskRun, Entry, Order, Stored};
use crate::engine::time::Now;

/// Most bytes of records in one order, and most entries.
const ORDER_BYTES: usize = 1024 * 1024;
const ORDER_ENTRIES: usize = 64;

/// What an entry takes on disk beside its records, without its runs; and each run.
const ENTRY_HEAD: usize = 64;
const ENTRY_RUN: usize = 32;

impl Lane {
    /// What the disk is to do next, if anything. `room`: bytes that the lane's files may grow by.
    pub fn next_order(&mut self, room: u64, now: Now) -> Option<Order> {
        let ended = self.ended();
        let disk = self.disk.as_mut().filter(|disk| disk.known == Known::All)?;
        if disk.ordering || disk.not_before > now.at {
            return None;
        }
        disk.ordered = disk.ordered.max(ended.min(self.next_offset));
        disk.inherited.retain(|range| range.end > ended);
        let place = self.queue.partition_point(|queued| queued.first < disk.ordered);
        let from = disk.ordered;
        let waiting = self.queue.range_mut(place..).chain(disk.tail.iter_mut().filter(|queued| queued.first >= from));
        let (mut append, mut bytes) = (Vec::new(), 0);
        disk.full = false;
        for queued in waiting {
            let has_ended = queued.unended == 0;
            let data = if has_ended { 0 } else { queued.chunk.data().len() };
            let size = data + ENTRY_HEAD + queued.chunk.runs.len() * ENTRY_RUN;
            if bytes + size > ORDER_BYTES && !append.is_empty() || append.len() == ORDER_ENTRIES {
                break;
            }
            if (bytes + size) as u64 > room {
                disk.full = true;
                break;
            }
            bytes += size;
            queued.ordered_as_ended = has_ended;
            append.push(entry(queued, &self.channels, has_ended, now));
            disk.ordered = queued.end();
        }
        let refused = std::mem::take(&mut disk.refused);
        disk.refused_bytes = 0;
        if append.is_empty() && refused.is_empty() && !disk.dirty {
            return None;
        }
        (disk.ordering, disk.used, disk.ordered_bytes) = (true, true, bytes as u64);
        let (end, cursor) = (disk.ordered, std::mem::take(&mut disk.dirty));
        let cursor = cursor.then(|| self.cursor());
        Some(Order { lane: 0, destination: self.destination.clone(), append, end, cursor, refused, close: false })
    }

    /// An order has been done, as far as it went. Returns the channels that have news.
    pub fn stored(&mut self, stored: &Stored) -> Vec<u32> {
        let Some(disk) = &mut self.disk else { return Vec::new() };
        disk.ordering = false;
        disk.bytes = stored.lane_bytes;
        let before = disk.written;
        disk.written = disk.written.max(stored.end);
        if stored.failure.is_some() || disk.read_failures == 0 {
            disk.trouble.clone_from(&stored.failure);
        }
        if stored.failure.is_some() {
            if !sabotage::on(Sabotage::ForgetsAfterError) {
                disk.ordered = disk.written;
            }
            disk.failures += 1;
            disk.dirty = true;
        } else {
            // While it failed, a cursor named less than is on disk now.
            disk.dirty |= disk.failures > 0;
            disk.failures = 0;
        }
        let written = disk.written;
        let place = self.queue.partition_point(|queued| queued.end() <= before);
        let chunks = self.queue.range(place..).chain(disk.tail.iter());
        let runs: Vec<Run> = chunks
            .take_while(|queued| queued.end() <= written)
            .flat_map(|queued| queued.chunk.runs.iter().cloned())
            .collect();
        let mut news = Vec::new();
        for run in runs {
            if let Some(channel) = self.channels.get_mut(run.channel) {
                channel.durable = channel.durable.max(run.last_sequence());
                news.push(run.channel);
            }
        }
        news.sort_unstable();
        news.dedup();
        self.join_written(before..written);
        news
    }

    /// Tombstones that were being written, and were left as they were meanwhile, become one.
    fn join_written(&mut self, offsets: Range<u64>) {
        let Some(disk) = self.disk.as_deref_mut() else { return };
        join_written(&mut self.queue, &offsets, disk);
        let mut tail = std::mem::take(&mut disk.tail);
        join_written(&mut tail, &offsets, disk);
        disk.tail = tail;
    }
}

fn entry(queued: &Queued, channels: &Channels, ended: bool, now: Now) -> Entry {
    let client = |run: &Run| channels.get(run.channel).map_or([0; 16], |channel| channel.client());
    let runs = queued.chunk.runs.iter().map(|run| DiskRun {
        client: client(run),
        first_sequence: run.first_sequence,
        sequences: run.sequences,
        records: run.records,
    });
    let age = now.at.saturating_sub(queued.chunk.arrived).as_millis();
    let arrived_ms = now.wall_ms.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
    Entry { first: queued.first, chunk: Arc::clone(&queued.chunk), runs: runs.collect(), arrived_ms, ended }
}
