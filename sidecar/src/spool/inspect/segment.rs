//! Reads one segment to its end, whatever happens to it meanwhile.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::window::Window;
use crate::spool::entry::{sound, Head};
use crate::spool::header::Header;
use crate::spool::name::SegmentName;
use crate::spool::scan::{Bytes as _, Found, Scan};

/// The last entry may be half written at this very moment: so often it is looked at again, so long apart.
const LOOKS: u32 = 3;
const APART: Duration = Duration::from_millis(10);
/// So many damaged entries in a row are no torn tail any more.
const MOST_UNSURE: usize = 4_096;

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

/// What visits the parts; its error ends the way.
pub(super) type Visit<'v> = dyn FnMut(Part<'_>) -> io::Result<()> + 'v;

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A good entry. No bytes: all of its records had ended when it was written.
    Entry(&'a Head, &'a [u8]),
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

/// Whether nothing in a file agrees with its name: no header, no entry. (One that is gone is for whoever walks to see.)
pub(super) fn is_only_a_name(name: SegmentName, path: &Path) -> bool {
    let mut window = match Window::open(path) {
        Err(error) => return error.kind() != io::ErrorKind::NotFound,
        Ok(window) => window,
    };
    let told = Scan::begin(name, None, &mut window)
        .and_then(|(mut scan, header)| Ok(header.is_some() || scan.step(&mut window)?.is_some()));
    !told.unwrap_or(false) && window.is_still(path)
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
pub(super) fn walk(place: &SegmentPlace, visit: &mut Visit<'_>) -> io::Result<Option<Walked>> {
    let walked = Walked { end: place.name.base, ..Walked::default() };
    let window = match Window::open(&place.path) {
        Ok(window) => window,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return refused(place, walked, &error, visit),
    };
    let mut way = Way { place, window, walked, unsure: Vec::new(), visit };
    match way.go().and_then(|()| way.still()) {
        Ok(()) => Ok(Some(way.walked)),
        Err(Stop::MovedOn) => Ok(None),
        Err(Stop::Visitor(error)) => Err(error),
        Err(Stop::Read(error)) => match way.still() {
            Ok(()) => refused(place, way.walked, &error, way.visit),
            Err(_) => Ok(None),
        },
    }
}

/// What could not be read up to the next segment is lost to whoever looks.
fn refused(
    place: &SegmentPlace,
    mut walked: Walked,
    error: &io::Error,
    visit: &mut Visit<'_>,
) -> io::Result<Option<Walked>> {
    walked.refused = Some(error.to_string());
    walked.damaged = true;
    if let Some(limit) = place.limit.filter(|limit| *limit > walked.end) {
        visit(Part::Lost(walked.end..limit))?;
        walked.end = limit;
    }
    Ok(Some(walked))
}

/// The way through one segment.
struct Way<'a, 'v> {
    place: &'a SegmentPlace,
    window: Window,
    walked: Walked,
    /// What is not good is lost only if something good follows, or the next segment says so. Else it is a torn tail.
    unsure: Vec<Range<u64>>,
    visit: &'a mut Visit<'v>,
}

impl Way<'_, '_> {
    fn go(&mut self) -> Result<(), Stop> {
        self.walked.bytes = self.window.size()?;
        let (mut scan, header) = Scan::begin(self.place.name, self.place.limit, &mut self.window)?;
        self.walked.header = header;
        while let Some(found) = self.step(&mut scan)? {
            self.entry(&found)?;
        }
        match self.place.limit {
            Some(limit) => self.end_at(scan.next_offset(), limit, scan.damaged),
            None => self.end_open(scan.place(), scan.damaged),
        }
    }

    /// The next good head. Where one is missing before it, it may have been written since that part was read.
    fn step(&mut self, scan: &mut Scan) -> io::Result<Option<Found>> {
        let before = scan.clone();
        let mut found = scan.step(&mut self.window)?;
        for _ in 1..LOOKS {
            let skipped = found.as_ref().is_some_and(|found| !found.lost.is_empty());
            if !skipped || self.place.limit.is_some() {
                break;
            }
            self.window.forget();
            *scan = before.clone();
            found = scan.step(&mut self.window)?;
        }
        Ok(found)
    }

    fn entry(&mut self, found: &Found) -> Result<(), Stop> {
        self.doubt(found.lost.clone());
        if self.is_sound(found)? {
            self.lose()?;
            let data = self.window.at(found.data_at, found.head.data as usize)?;
            (self.visit)(Part::Entry(&found.head, data)).map_err(Stop::Visitor)?;
            self.walked.end = found.head.end();
        } else {
            self.doubt(found.head.first..found.head.end());
            if self.unsure.len() > MOST_UNSURE {
                self.lose()?;
            }
        }
        Ok(())
    }

    /// Another segment follows: its base says where this one ended.
    fn end_at(&mut self, next: u64, limit: u64, damaged: bool) -> Result<(), Stop> {
        self.lose()?;
        if next < limit {
            // By itself no damage: a segment between the two may have gone, as all in it had ended.
            self.still()?;
            (self.visit)(Part::Lost(next..limit)).map_err(Stop::Visitor)?;
        }
        self.walked.damaged |= damaged;
        self.walked.end = limit;
        Ok(())
    }

    /// The last segment ends where nothing good follows.
    fn end_open(&mut self, place: u64, damaged: bool) -> Result<(), Stop> {
        // Made, and never written to, or its last entry not to its end: what is damaged is the torn tail itself.
        let unwritten = self.walked.header.is_none() && self.walked.end == self.place.name.base;
        let tail = unwritten || !self.unsure.is_empty();
        self.walked.torn = tail || self.is_begun(place)?;
        self.walked.damaged |= damaged && !tail;
        Ok(())
    }

    fn doubt(&mut self, offsets: Range<u64>) {
        self.unsure.extend(Some(offsets).filter(|offsets| !offsets.is_empty()));
    }

    /// What was in doubt is lost for certain.
    fn lose(&mut self) -> Result<(), Stop> {
        if self.unsure.is_empty() {
            return Ok(());
        }
        self.still()?;
        self.walked.damaged = true;
        let visit = &mut *self.visit;
        self.unsure.drain(..).try_for_each(|offsets| visit(Part::Lost(offsets))).map_err(Stop::Visitor)
    }

    /// Whether an entry's records are good. Of the last segment it is looked at again: they may just be on their way.
    fn is_sound(&mut self, found: &Found) -> io::Result<bool> {
        let (salt, length) = (self.place.name.salt, found.head.data as usize);
        let looks = if self.place.limit.is_none() { LOOKS } else { 1 };
        for look in 1..=looks {
            if sound(&found.head, salt, self.window.at(found.data_at, length)?) {
                return Ok(true);
            }
            self.window.forget();
            if look < looks {
                std::thread::sleep(APART);
            }
        }
        Ok(false)
    }

    /// Whether an entry begins here. An older use of the file would not have this salt.
    fn is_begun(&mut self, at: u64) -> io::Result<bool> {
        let mark = self.place.name.salt.to_le_bytes();
        Ok(self.window.at(at, mark.len())? == mark)
    }

    /// Before anything is called damaged: it may only be gone.
    fn still(&self) -> Result<(), Stop> {
        if self.window.is_still(&self.place.path) {
            Ok(())
        } else {
            Err(Stop::MovedOn)
        }
    }
}
