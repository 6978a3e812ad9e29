//! The records of one lane, in order, and what of them cannot be read.

use std::io;

use super::place::LanePlace;
use super::segment::{Part, SegmentPlace};
use super::walk::{walk_lane, Event};
use crate::engine::chunk::{RecordRef, Records};

/// Which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that have not ended.
    Left,
    /// Also those that have ended and are still there.
    All,
}

/// What comes along on the way through a lane.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A record.
    Record(RecordRef<'a>),
    /// So many records of a segment that had not ended cannot be read.
    Lost(&'a SegmentPlace, u64),
    /// The file system does not let us read the segment, or the lane, to its end.
    Refused(Option<&'a SegmentPlace>, String),
    /// Something is damaged, and it costs no record that had not ended: the segment's header, or what had ended.
    Blemish(&'a SegmentPlace),
    /// The last write did not come to its end; nobody was told that this was durable.
    Torn(&'a SegmentPlace),
}

/// Visits a lane's records.
///
/// # Errors
/// The visitor's, at once.
pub fn visit_records(
    lane: &LanePlace,
    which: Which,
    visit: &mut dyn FnMut(Seen<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut lost = 0;
    walk_lane(lane, &mut |event| match event {
        Event::Listed(..) => Ok(()),
        Event::Refused(error) => visit(Seen::Refused(None, error.to_string())),
        Event::Part(ended, Part::Entry(head, data)) => {
            let offsets = head.first..head.end();
            let wanted = |offset: u64| which == Which::All || !ended.has(offset);
            let records = offsets.zip(Records::new(data)).filter(|(offset, _)| wanted(*offset));
            records.map(|(_, record)| record).try_for_each(|record| visit(Seen::Record(record)))
        }
        Event::Part(ended, Part::Lost(offsets)) => {
            // A file's name can say anything.
            lost = u64::saturating_add(lost, ended.left(&offsets));
            Ok(())
        }
        // What cannot be read of a segment that is gone had ended.
        Event::MovedOn => {
            lost = 0;
            Ok(())
        }
        Event::Done(place, walked) => {
            let lost = std::mem::take(&mut lost);
            if let Some(why) = &walked.refused {
                visit(Seen::Refused(Some(place), why.clone()))?;
            }
            match () {
                () if lost > 0 => visit(Seen::Lost(place, lost)),
                () if walked.damaged && walked.refused.is_none() => visit(Seen::Blemish(place)),
                () if walked.torn => visit(Seen::Torn(place)),
                () => Ok(()),
            }
        }
    })
}
