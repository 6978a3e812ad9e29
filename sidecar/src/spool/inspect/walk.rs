//! One way through a lane, for everybody who looks.

use std::io;

use super::ended::Ended;
use super::place::LanePlace;
use super::segment::{walk, Part, SegmentPlace, Walked};
use crate::engine::spool::Cursor;
use crate::spool::name::SegmentName;

/// How often a lane is listed again whose segments moved on meanwhile.
const LISTINGS: u32 = 4;

/// What happens on the way.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// The lane was listed; its cursor says this.
    Listed(&'a Ended, Option<&'a Cursor>),
    /// The lane cannot be listed.
    Refused(&'a io::Error),
    /// A part of a segment.
    Part(&'a Ended, Part<'a>),
    /// The segment was read to its end.
    Done(&'a SegmentPlace, &'a Walked),
    /// The segment has ended and is gone.
    MovedOn,
}

/// Visits a lane's segments in order. Those that come while we look are visited where there is an occasion. A lane that goes
/// meanwhile has ended.
///
/// # Errors
/// The visitor's.
pub(super) fn walk_lane(lane: &LanePlace, visit: &mut dyn FnMut(Event<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut done = None;
    for _ in 0..LISTINGS {
        let places = match lane.segments() {
            Ok(places) => places,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return visit(Event::Refused(&error)),
        };
        // Read after the listing, so that it knows of the end of whatever was deleted before.
        let cursor = lane.cursor();
        let ended = Ended::of(cursor.as_ref(), places.first());
        visit(Event::Listed(&ended, cursor.as_ref()))?;
        if !segments(&places, &mut done, &ended, visit)? {
            break;
        }
    }
    Ok(())
}

/// Visits those behind `done`; says whether any has moved on.
fn segments(
    places: &[SegmentPlace],
    done: &mut Option<SegmentName>,
    ended: &Ended,
    visit: &mut dyn FnMut(Event<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut moved_on = false;
    let after = *done;
    for place in places.iter().filter(|place| after.is_none_or(|done| place.name > done)) {
        let walked = walk(place, &mut |part| visit(Event::Part(ended, part)))?;
        moved_on |= walked.is_none();
        visit(walked.as_ref().map_or(Event::MovedOn, |walked| Event::Done(place, walked)))?;
        *done = Some(place.name);
    }
    Ok(moved_on)
}
