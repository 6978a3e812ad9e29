//! What is said of one lane: its segments, and what of them has not ended.

use std::collections::BTreeSet;

use super::ended::Ended;
use super::place::LanePlace;
use super::segment::{Part, SegmentPlace, Walked};
use super::walk::{walk_lane, Event};
use crate::engine::channel::ClientId;
use crate::engine::spool::ChannelMark;
use crate::spool::header::Format;
use crate::spool::name::SegmentName;

/// A lane in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All has ended.
    Empty,
    /// Records are there that have not ended.
    Waiting,
    /// Some cannot be read.
    Damaged,
    /// A newer splashdam wrote it.
    Newer,
}

/// A segment in a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was written.
    Good,
    /// Its last write did not come to its end; nobody was told that this was durable.
    Torn,
    /// Something cannot be read; so many records that had not ended are lost.
    Damaged(u64),
    /// The file system did not let us read on, and why; so many records are lost to us.
    Unreadable(u64, String),
}

/// What is said of a segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub name: SegmentName,
    /// The offset behind its last record.
    pub end: u64,
    /// Good entries.
    pub entries: u64,
    /// Records in them that have not ended.
    pub records: u64,
    /// Size of the file.
    pub bytes: u64,
    /// When it was begun, in milliseconds since the epoch, if its header still says so.
    pub created_ms: Option<i64>,
    /// How it is.
    pub condition: Condition,
}

/// What is said of a lane.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Where it is, and where its records go.
    pub place: LanePlace,
    /// In a word.
    pub state: State,
    /// Its segments, in order.
    pub segments: Vec<Segment>,
    /// Records that have not ended.
    pub records: u64,
    /// Records that had not ended and cannot be read.
    pub lost: u64,
    /// Bytes of its segments.
    pub bytes: u64,
    /// When the oldest of the records was taken in, in milliseconds since the epoch.
    pub oldest_ms: Option<i64>,
    /// What has ended.
    pub ended: Ended,
    /// Whether the cursor says that nothing was in flight; `None`: there is no cursor that can be read.
    pub clean: Option<bool>,
    /// Channels that are remembered.
    pub channels: usize,
    /// Why it cannot be listed, where that is so.
    pub refused: Option<String>,
}

/// What was found of the segment at hand.
#[derive(Debug, Default)]
struct Found {
    entries: u64,
    records: u64,
    lost: u64,
    oldest_ms: Option<i64>,
}

/// A lane while it is looked at.
struct Look {
    lane: Lane,
    /// Channels in the cursor, and in the newest good header: either may be newer.
    tables: [BTreeSet<ClientId>; 2],
    found: Found,
}

impl Lane {
    /// Looks at all of a lane.
    #[must_use]
    pub fn look(place: LanePlace) -> Self {
        let lane = Lane {
            state: State::Empty,
            segments: Vec::new(),
            records: 0,
            lost: 0,
            bytes: 0,
            oldest_ms: None,
            ended: Ended::default(),
            clean: None,
            channels: 0,
            refused: None,
            place,
        };
        if lane.place.destination == Err(Format::Newer) {
            return Lane { state: State::Newer, ..lane };
        }
        let place = lane.place.clone();
        let mut look = Look { lane, tables: Default::default(), found: Found::default() };
        let taken = walk_lane(&place, &mut |event| {
            look.take(event);
            Ok(())
        });
        // Who takes whatever comes ends no walk.
        debug_assert!(taken.is_ok());
        look.finish()
    }
}

impl Look {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Listed(ended, cursor) => {
                self.lane.ended = ended.clone();
                self.lane.clean = cursor.map(|cursor| cursor.clean);
                self.tables[0] = clients(cursor.map_or(&[], |cursor| &cursor.channels));
            }
            Event::Refused(error) => self.lane.refused = Some(error.to_string()),
            Event::Part(ended, part) => self.found.add(ended, &part),
            Event::Done(place, walked) => self.segment(place, walked),
            Event::MovedOn => self.found = Found::default(),
        }
    }

    fn segment(&mut self, place: &SegmentPlace, walked: &Walked) {
        let found = std::mem::take(&mut self.found);
        if let Some(header) = &walked.header {
            self.tables[1] = clients(&header.channels);
        }
        let lane = &mut self.lane;
        // A file's name can say anything.
        lane.records = lane.records.saturating_add(found.records);
        lane.lost = lane.lost.saturating_add(found.lost);
        lane.bytes += walked.bytes;
        // Entries come in the order in which they were taken in, but for what the clock did.
        lane.oldest_ms = lane.oldest_ms.into_iter().chain(found.oldest_ms).min();
        lane.segments.push(Segment {
            name: place.name,
            end: walked.end,
            entries: found.entries,
            records: found.records,
            bytes: walked.bytes,
            created_ms: walked.header.as_ref().map(|header| header.created_ms),
            condition: condition(walked, found.lost),
        });
    }

    fn finish(mut self) -> Lane {
        let sound = |segment: &Segment| matches!(segment.condition, Condition::Good | Condition::Torn);
        self.lane.channels = self.tables[0].union(&self.tables[1]).count();
        self.lane.state = match () {
            () if self.lane.refused.is_some() || !self.lane.segments.iter().all(sound) => State::Damaged,
            () if self.lane.records > 0 => State::Waiting,
            () => State::Empty,
        };
        self.lane
    }
}

fn clients(channels: &[ChannelMark]) -> BTreeSet<ClientId> {
    channels.iter().map(|mark| mark.client).collect()
}

impl Found {
    fn add(&mut self, ended: &Ended, part: &Part<'_>) {
        match part {
            Part::Entry(head, data) => {
                self.entries += 1;
                let left = if data.is_empty() { 0 } else { ended.left(&(head.first..head.end())) };
                self.records = self.records.saturating_add(left);
                if left > 0 {
                    self.oldest_ms = self.oldest_ms.into_iter().chain([head.arrived_ms]).min();
                }
            }
            Part::Lost(offsets) => self.lost = self.lost.saturating_add(ended.left(offsets)),
        }
    }
}

fn condition(walked: &Walked, lost: u64) -> Condition {
    match &walked.refused {
        Some(why) => Condition::Unreadable(lost, why.clone()),
        None if walked.damaged || lost > 0 => Condition::Damaged(lost),
        None if walked.torn => Condition::Torn,
        None => Condition::Good,
    }
}
