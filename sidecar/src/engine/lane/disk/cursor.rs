//! What the cursor on disk is to say of a lane: what has ended, and what its clients were told of that.
//!
//! The two must agree: what no range of the cursor names is sent again after a kill and counted then, so a channel's counts may not
//! have it. Of more ranges than a cursor holds those are named that an earlier process had named (how their records ended is no longer
//! known), then those whose chunks have lost their runs (tombstones), then the longest; what is left is taken off the counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::Lane;
use crate::engine::account::End;
use crate::engine::batch::Queued;
use crate::engine::channel::{sequences, Counts};
use crate::engine::chunk::ChannelIndex;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{Cursor, CURSOR_RANGES};

/// Ended offsets without a gap, and whether they must be named.
#[derive(Debug)]
struct Stretch {
    offsets: Range<u64>,
    must: bool,
}

impl Lane {
    /// What has ended, for the disk.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let watermark = self.ended() + u64::from(sabotage::on(Sabotage::CursorAhead) && !self.queue.is_empty());
        let mut stretches = self.stretches();
        if stretches.len() <= CURSOR_RANGES {
            let ended = stretches.into_iter().map(|stretch| stretch.offsets).collect();
            return Cursor { watermark, ended, channels: self.channels.marks(&BTreeMap::new()), clean: false };
        }
        stretches.sort_unstable_by_key(|stretch| Reverse((stretch.must, stretch.offsets.end - stretch.offsets.start)));
        stretches.truncate(CURSOR_RANGES);
        let mut ended: Vec<_> = stretches.into_iter().map(|stretch| stretch.offsets).collect();
        ended.sort_unstable_by_key(|offsets| offsets.start);
        let channels = self.channels.marks(&self.counts_beyond(&ended));
        Cursor { watermark, ended, channels, clean: false }
    }

    /// Everything above the watermark that has ended, ascending.
    fn stretches(&self) -> Vec<Stretch> {
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
        let mut stretches: Vec<Stretch> = Vec::new();
        for (offsets, must) in self.queue.iter().flat_map(of).chain(away).chain(tail) {
            let must = must || is_inherited(&offsets);
            match stretches.last_mut() {
                Some(last) if last.offsets.end == offsets.start => {
                    (last.offsets.end, last.must) = (offsets.end, last.must || must);
                }
                _ => stretches.push(Stretch { offsets, must }),
            }
        }
        stretches
    }

    /// What the channels were told of records that have ended and lie in none of these ranges.
    fn counts_beyond(&self, named: &[Range<u64>]) -> BTreeMap<ChannelIndex, Counts> {
        let is_named = |offsets: &Range<u64>| {
            let place = named.partition_point(|range| range.end < offsets.end);
            named.get(place).is_some_and(|range| range.start <= offsets.start)
        };
        let mut beyond: BTreeMap<_, Counts> = BTreeMap::new();
        for queued in self.chunks() {
            for offsets in queued.ended().filter(|offsets| !is_named(offsets)) {
                let index = |offset: u64| (offset - queued.first) as u32;
                for (records, end) in queued.ends(&(index(offsets.start)..index(offsets.end))) {
                    for (channel, count) in sequences(&queued.chunk.runs, &records) {
                        beyond.entry(channel).or_default().add(end, count);
                    }
                }
            }
        }
        beyond
    }
}

impl Queued {
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
