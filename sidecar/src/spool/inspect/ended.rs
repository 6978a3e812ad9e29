//! What of a lane has ended.

use std::ops::Range;

use super::segment::SegmentPlace;
use crate::engine::spool::Cursor;

/// What of a lane has ended, by its cursor and its oldest segment. A lower bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Every offset below.
    pub watermark: u64,
    /// And these above it, ascending.
    pub ranges: Vec<Range<u64>>,
}

impl Ended {
    pub(super) fn of(cursor: Option<&Cursor>, oldest: Option<&SegmentPlace>) -> Self {
        let base = oldest.map_or(0, |segment| segment.name.base);
        match cursor {
            Some(cursor) => Ended { watermark: cursor.watermark.max(base), ranges: cursor.ended.clone() },
            None => Ended { watermark: base, ranges: Vec::new() },
        }
    }

    /// Whether a record has ended.
    #[must_use]
    pub fn has(&self, offset: u64) -> bool {
        let index = self.ranges.partition_point(|range| range.end <= offset);
        offset < self.watermark || self.ranges.get(index).is_some_and(|range| range.contains(&offset))
    }

    /// How many of these have not.
    #[must_use]
    pub fn left(&self, offsets: &Range<u64>) -> u64 {
        let start = offsets.start.max(self.watermark);
        let ended = |range: &Range<u64>| range.end.min(offsets.end).saturating_sub(range.start.max(start));
        let from = self.ranges.partition_point(|range| range.end <= start);
        let within = self.ranges[from..].iter().take_while(|range| range.start < offsets.end);
        offsets.end.saturating_sub(start) - within.map(ended).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_counted_as_it_is_asked_for() {
        let ended = Ended { watermark: 10, ranges: vec![12..14, 14..15, 20..30] };
        for start in 0..40 {
            for end in start..40 {
                let left = (start..end).filter(|offset| !ended.has(*offset)).count() as u64;
                assert_eq!(ended.left(&(start..end)), left, "{start}..{end}");
            }
        }
        assert!(ended.has(9) && !ended.has(10) && ended.has(13) && !ended.has(15));
    }

    #[test]
    fn the_oldest_segment_is_a_lower_bound_too() {
        let name = crate::spool::name::SegmentName { base: 50, salt: 1 };
        let segment = SegmentPlace { path: "x".into(), name, limit: None };
        let cursor = Cursor { watermark: 40, ..Cursor::default() };
        assert_eq!(Ended::of(Some(&cursor), Some(&segment)).watermark, 50);
        assert_eq!(Ended::of(None, Some(&segment)).watermark, 50);
        assert_eq!(Ended::of(Some(&cursor), None).watermark, 40);
    }
}
