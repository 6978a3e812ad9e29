//! What the cursor on disk is to say of a lane: what has ended, and what its clients were told of that.
//!
//! The two must agree: what no range of the cursor names is sent again after a kill and counted then, so a channel's counts may not
//! have it. Nor can a range name what is not on disk: its clients send that again.
//!
//! Of more ranges than a cursor holds those are named that an earlier process had named (how their records ended is no longer
//! known), then those whose chunks have lost their runs (tombstones), then the longest; what is left is taken off the counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Lane;
use crate::engine::account::End;
use crate::engine::batch::{Outcomes, Queued};
use crate::engine::channel::{sequences, Counts};
use crate::engine::chunk::ChannelIndex;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{Cursor, CURSOR_RANGES};

/// Ended offsets without a gap, and whether they must be named.
#[derive(Debug)]
struct EndedRange {
    offsets: Range<u64>,
    must: bool,
}

impl Lane {
    /// What has ended, for the disk.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let watermark = self.ended() + u64::from(sabotage::on(Sabotage::CursorAhead) && !self.queue.is_empty());
        let mut ranges = self.ended_ranges();
        let length = |offsets: &Range<u64>| offsets.end - offsets.start;
        ranges.sort_unstable_by_key(|range| Reverse((range.must, length(&range.offsets))));
        ranges.truncate(CURSOR_RANGES);
        let mut ended: Vec<_> = ranges.into_iter().map(|range| range.offsets).collect();
        ended.sort_unstable_by_key(|offsets| offsets.start);
        let channels = self.channels.marks(&self.counts_beyond(&ended));
        Cursor { watermark, ended, channels, clean: false }
    }

    /// Up to where the next cursor may name what has ended: behind what is on disk when it is written. While the disk fails
    /// that is what was there before, so that the cursor can be written though nothing else can.
    fn end_on_disk(&self) -> u64 {
        let Some(disk) = &self.disk else { return u64::MAX };
        if sabotage::on(Sabotage::NamesUnwritten) {
            return u64::MAX;
        }
        if disk.failures > 0 {
            disk.written
        } else {
            disk.ordered
        }
    }

    /// Everything above the watermark that has ended and is on disk, ascending.
    fn ended_ranges(&self) -> Vec<EndedRange> {
        let inherited = self.disk.as_ref().map_or(&[][..], |disk| &disk.inherited);
        let is_inherited = |offsets: &Range<u64>| {
            let place = inherited.partition_point(|range| range.end <= offsets.start);
            inherited.get(place).is_some_and(|range| range.start < offsets.end)
        };
        let of = |queued: &Queued| {
            let tombstone = queued.unended == 0 && queued.chunk.paid() == 0;
            queued.ended().map(|offsets| (offsets, tombstone)).collect::<Vec<_>>()
        };
        let away = self.disk.iter().flat_map(|disk| disk.away_ended.iter().map(|range| (range.clone(), true)));
        let tail = self.disk.iter().flat_map(|disk| disk.tail().flat_map(of));
        let on_disk = self.end_on_disk();
        let mut ranges: Vec<EndedRange> = Vec::new();
        let all = self.queue.iter().flat_map(of).chain(away).chain(tail);
        for (offsets, must) in all.filter(|(offsets, _)| offsets.end <= on_disk) {
            let must = must || is_inherited(&offsets);
            match ranges.last_mut() {
                Some(last) if last.offsets.end == offsets.start => {
                    (last.offsets.end, last.must) = (offsets.end, last.must || must);
                }
                _ => ranges.push(EndedRange { offsets, must }),
            }
        }
        ranges
    }

    /// What the channels were told of records that have ended and lie in none of these ranges.
    fn counts_beyond(&self, named: &[Range<u64>]) -> BTreeMap<ChannelIndex, Counts> {
        let is_named = |offsets: &Range<u64>| {
            let place = named.partition_point(|range| range.end < offsets.end);
            named.get(place).is_some_and(|range| range.start <= offsets.start)
        };
        let written = self.written();
        let mut beyond = Outcomes::new();
        // What is on disk as something that has ended is never sent again.
        for queued in self.chunks().filter(|queued| !queued.is_on_disk_as_ended(written)) {
            for offsets in queued.ended().filter(|offsets| !is_named(offsets)) {
                let index = |offset: u64| (offset - queued.first) as u32;
                queued.add_outcomes(&(index(offsets.start)..index(offsets.end)), &mut beyond);
            }
        }
        beyond
    }
}

impl Queued {
    /// Whether the disk has it as a chunk that has ended. `written`: behind what is on disk.
    fn is_on_disk_as_ended(&self, written: u64) -> bool {
        self.ordered_as_ended && self.end() <= written
    }

    /// Adds how records of a range that has ended did so, by channel.
    fn add_outcomes(&self, records: &Range<u32>, to: &mut Outcomes) {
        if let Some(absorbed) = &self.absorbed {
            for (channel, counts) in absorbed.iter() {
                *to.entry(*channel).or_default() += *counts;
            }
            return;
        }
        for (records, end) in self.ends(records) {
            for (channel, _, count) in sequences(&self.chunk.runs, &records) {
                to.entry(channel).or_default().add(end, count);
            }
        }
    }

    /// Takes the tombstone that follows this one in. False where that cannot be: then nothing has changed.
    /// `written`: behind what is on disk, where there is one.
    pub(in crate::engine::lane) fn absorb(&mut self, next: &Queued, written: Option<u64>) -> bool {
        let outcomes = written.map(|written| {
            let mut outcomes = Outcomes::new();
            for queued in [&*self, next].into_iter().filter(|queued| !queued.is_on_disk_as_ended(written)) {
                queued.add_outcomes(&(0..queued.chunk.records), &mut outcomes);
            }
            let as_ended = [&*self, next].iter().all(|queued| queued.is_on_disk_as_ended(written));
            (outcomes, as_ended)
        });
        if !Arc::get_mut(&mut self.chunk).is_some_and(|chunk| chunk.absorb(&next.chunk)) {
            return false;
        }
        if let Some((outcomes, as_ended)) = outcomes {
            (self.absorbed, self.ordered_as_ended) = (Some(Box::new(outcomes)), as_ended);
            self.forget_undelivered();
        }
        true
    }

    /// How the records of a range that has ended did so: part by part.
    fn ends(&self, records: &Range<u32>) -> Vec<(Range<u32>, End)> {
        let mut parts = Vec::new();
        let mut at = records.start;
        for (range, end) in self.undelivered() {
            let part = range.start.max(records.start)..range.end.min(records.end);
            if part.is_empty() {
                continue;
            }
            parts.push((at..part.start, End::Delivered));
            at = part.end;
            parts.push((part, *end));
        }
        parts.push((at..records.end, End::Delivered));
        parts.retain(|(part, _)| !part.is_empty());
        parts
    }
}
