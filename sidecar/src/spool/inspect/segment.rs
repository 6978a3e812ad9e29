//! Reads one segment to its end, whatever happens to it meanwhile.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::window::Window;
use crate::spool::entry::{sound, Head};
use crate::spool::header::Header;
use crate::spool::name::SegmentName;
use crate::spool::scan::{Bytes as _, Found, Scan};

/// The last entry may be half written at this very moment: so often it is looked at again, so long apart.
const LOOKS: u32 = 3;
const APART: Duration = Duration::from_millis(10);

/// A segment as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPlace {
    /// Its file.
    pub path: PathBuf,
    /// First offset and salt.
    pub name: SegmentName,
    /// The next segment's first offset; `None` for the last.
    pub limit: Option<u64>,
}

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A good entry. No bytes: all of its records had ended when it was written.
    Entry(&'a Head, &'a [u8]),
    /// An entry whose records are damaged.
    Spoilt(&'a Head),
    /// Offsets of which nothing can be read.
    Lost(Range<u64>),
}

/// How a segment was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Its header, if that is good.
    pub header: Option<Header>,
    /// The offset behind what was found.
    pub end: u64,
    /// The file's size.
    pub bytes: u64,
    /// Something begins behind the last entry that was not written to its end.
    pub torn: bool,
    /// Something was not as it was written.
    pub damaged: bool,
    /// What the file system said when it would not read on.
    pub refused: Option<String>,
}

/// A segment's header, if it is good.
pub(super) fn header(place: &SegmentPlace) -> Option<Header> {
    let mut window = Window::open(&place.path).ok()?;
    Scan::begin(place.name, place.limit, &mut window).ok()?.1
}

enum Stop {
    Read(io::Error),
    MovedOn,
    Visitor(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Read(error)
    }
}

/// Visits all parts of a segment, in order. `None`: it has ended and its file is gone or used for something else; what was visited
/// so far was good.
///
/// # Errors
/// The visitor's. That a file cannot be read is not one.
pub(super) fn walk(
    place: &SegmentPlace,
    visit: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<Option<Walked>> {
    let mut walked = Walked { end: place.name.base, ..Walked::default() };
    let mut window = match Window::open(&place.path) {
        Ok(window) => window,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return refused(place, walked, &error, visit),
    };
    match read(place, &mut window, &mut walked, visit) {
        Ok(()) if window.is_still(&place.path) => Ok(Some(walked)),
        Ok(()) | Err(Stop::MovedOn) => Ok(None),
        Err(Stop::Visitor(error)) => Err(error),
        Err(Stop::Read(_)) if !window.is_still(&place.path) => Ok(None),
        Err(Stop::Read(error)) => refused(place, walked, &error, visit),
    }
}

/// What could not be read up to the next segment is lost to whoever looks.
fn refused(
    place: &SegmentPlace,
    mut walked: Walked,
    error: &io::Error,
    visit: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<Option<Walked>> {
    walked.refused = Some(error.to_string());
    walked.damaged = true;
    if let Some(limit) = place.limit.filter(|limit| *limit > walked.end) {
        visit(Part::Lost(walked.end..limit))?;
        walked.end = limit;
    }
    Ok(Some(walked))
}

fn read(
    place: &SegmentPlace,
    window: &mut Window,
    walked: &mut Walked,
    visit: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> Result<(), Stop> {
    walked.bytes = window.size()?;
    let (mut scan, header) = Scan::begin(place.name, place.limit, window)?;
    walked.header = header;
    while let Some(found) = scan.step(window)? {
        if !found.lost.is_empty() {
            still(place, window)?;
            visit(Part::Lost(found.lost.clone())).map_err(Stop::Visitor)?;
        }
        entry(place, window, &found, walked, visit)?;
        walked.end = scan.next_offset();
    }
    still(place, window)?;
    walked.torn = is_begun(place, scan.place(), window)?;
    walked.damaged |= scan.damaged;
    if walked.header.is_none() && walked.end == place.name.base && place.limit.is_none() {
        // Made, and never written to: what a crash between the two leaves.
        (walked.torn, walked.damaged) = (true, false);
    }
    if let Some(limit) = place.limit.filter(|limit| *limit > walked.end) {
        walked.damaged = true;
        visit(Part::Lost(walked.end..limit)).map_err(Stop::Visitor)?;
        walked.end = limit;
    }
    Ok(())
}

fn entry(
    place: &SegmentPlace,
    window: &mut Window,
    found: &Found,
    walked: &mut Walked,
    visit: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> Result<(), Stop> {
    let length = found.head.data as usize;
    let looks = if place.limit.is_none() { LOOKS } else { 1 };
    for look in 1..=looks {
        let data = window.at(found.data_at, length)?;
        if sound(&found.head, place.name.salt, data) {
            return visit(Part::Entry(&found.head, data)).map_err(Stop::Visitor);
        }
        if look < looks {
            std::thread::sleep(APART);
        }
        window.forget();
    }
    still(place, window)?;
    walked.damaged = true;
    visit(Part::Spoilt(&found.head)).map_err(Stop::Visitor)
}

/// Before anything is called damaged: it may only be gone.
fn still(place: &SegmentPlace, window: &Window) -> Result<(), Stop> {
    if window.is_still(&place.path) {
        Ok(())
    } else {
        Err(Stop::MovedOn)
    }
}

/// Whether an entry begins here. An older use of the file would not have this salt.
fn is_begun(place: &SegmentPlace, at: u64, window: &mut Window) -> io::Result<bool> {
    let mark = place.name.salt.to_le_bytes();
    Ok(place.limit.is_none() && window.at(at, mark.len())? == mark)
}
