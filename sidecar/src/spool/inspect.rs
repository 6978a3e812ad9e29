//! Looks into a spool and changes nothing: takes no lock, writes no byte. What `splashdam spool` is made of.
//!
//! | module | what it is |
//! |---|---|
//! | `place` | which lanes, segments and other files there are |
//! | `window` | a piece of a file in memory |
//! | `segment` | the way through one segment |
//! | `walk` | the way through one lane |
//! | `ended` | what of a lane has ended |
//! | `lane` | what is said of a lane: numbers |
//! | `records` | what a lane holds: records |
//!
//! The spool may be in use. Its files appear, grow and vanish meanwhile, and a file whose segment has ended is used again under
//! another name. So nothing is called damaged before its file was seen to have its name still; what has lost it has ended and
//! is left out. A lane in which that happened is listed again, a few times.
//!
//! Memory: one window (256 KiB, or the one entry that is larger), and what is said of each segment.

use std::io;
use std::path::{Path, PathBuf};

mod ended;
mod lane;
mod place;
mod records;
mod segment;
mod walk;
mod window;

#[cfg(test)]
mod tests;

pub use ended::Ended;
pub use lane::{Condition, Lane, Segment, State};
pub use place::{usage, LanePlace, Pile, Usage};
pub use records::{visit_records, Seen, Which};
pub use segment::SegmentPlace;

use super::name::{DEAD_LETTER, LANES, LOCK, QUARANTINE, SPARE};

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The directory cannot be read.
    #[error("cannot read the spool {0}: {1}{hint}", hint = hint(.1))]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is a directory of something else.
    #[error(
        "{0} holds no spool, neither `lock` nor `lanes`: give the directory that `splashdam run` has as --spool-dir"
    )]
    NoSpool(PathBuf),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; it is readable for the user that its sidecar runs as",
        io::ErrorKind::NotFound => "; give the directory that `splashdam run` has as --spool-dir",
        _ => "",
    }
}

/// A spool as it was found.
#[derive(Clone, Debug)]
pub struct Spool {
    /// Whether a sidecar uses it.
    pub usage: Usage,
    /// Its lanes, by destination.
    pub lanes: Vec<Lane>,
    /// Segments in which something could not be read.
    pub quarantine: Pile,
    /// What CloudWatch refused.
    pub dead_letters: Pile,
    /// Files to be used again.
    pub spare: Pile,
    /// Folders that a newer splashdam wrote and that were set aside.
    pub newer: Vec<String>,
}

impl Spool {
    /// A sum over all lanes.
    #[must_use]
    pub fn sum(&self, value: impl Fn(&Lane) -> u64) -> u64 {
        self.lanes.iter().map(value).fold(0, u64::saturating_add)
    }
}

/// Looks at everything in a spool.
///
/// # Errors
/// [`InspectError`] where there is no spool. Whatever else cannot be read is part of what is told.
pub fn look(dir: &Path) -> Result<Spool, InspectError> {
    let (places, newer) = lanes(dir)?;
    Ok(Spool {
        usage: usage(dir),
        lanes: places.into_iter().map(Lane::look).collect(),
        quarantine: Pile::of(&dir.join(QUARANTINE)),
        dead_letters: Pile::of(&dir.join(DEAD_LETTER)),
        spare: Pile::of(&dir.join(SPARE)),
        newer,
    })
}

/// The lanes of a spool, by destination, and the folders set aside.
///
/// # Errors
/// [`InspectError`] where there is no spool.
pub fn lanes(dir: &Path) -> Result<(Vec<LanePlace>, Vec<String>), InspectError> {
    let unreadable = |error| InspectError::Unreadable(dir.to_owned(), error);
    std::fs::read_dir(dir).map_err(unreadable)?;
    match place::lanes(&dir.join(LANES)) {
        // Before its first lane it has none of them.
        Err(error) if error.kind() == io::ErrorKind::NotFound && dir.join(LOCK).exists() => {
            Ok((Vec::new(), Vec::new()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(InspectError::NoSpool(dir.to_owned())),
        other => other.map_err(unreadable),
    }
}
