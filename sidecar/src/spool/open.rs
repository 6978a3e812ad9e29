//! Opening: the lock, the folders, and which lanes there are. Reads names and `lane.json`, and no records.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{flock, FlockOperation};

use super::disk::{blocks, list, read_some, Disk};
use super::error::OpenError;
use super::header::{Format, Header, MOST};
use super::lanes::Lanes;
use super::name::{SegmentName, CURSOR, LANES, LANE_FILE, LOCK, NEWER, QUARANTINE, SPARE};
use super::{lane_file, Found};
use crate::config::Destination;

/// Takes the spool for this process: as long as the file is open, nobody else can.
pub(super) fn lock(root: &Path) -> Result<File, OpenError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
    made.map_err(OpenError::unusable("make the folder", root))?;
    let path = root.join(LOCK);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(OpenError::unusable("open", &path))?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            // `spool ls` holds it for a moment to see whether anybody does; a process that was killed may not be gone yet.
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(TRY_AGAIN),
            Err(error) => return Err(OpenError::unusable("lock", path)(error.into())),
        }
    }
    Err(OpenError::Locked(root.to_owned()))
}

/// How often, and how far apart, the lock is tried before it counts as somebody else's.
const TRIES: u32 = 25;
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Makes the folders, and empties that of the spares: nobody knows how old those are.
pub(super) fn make_folders(disk: &dyn Disk, root: &Path) -> Result<(), OpenError> {
    for name in [LANES, SPARE, QUARANTINE] {
        let path = root.join(name);
        disk.make_folder(&path).map_err(OpenError::unusable("make the folder", path))?;
    }
    let spares = root.join(SPARE);
    for (name, _) in list(&spares).map_err(OpenError::unusable("list", &spares))? {
        // One that stays is in nobody's way.
        let _ = disk.remove(&spares.join(name));
    }
    Ok(())
}

/// Brings the folders' names to the disk, and that of the spool's own in its parent.
pub(super) fn sync_folders(disk: &dyn Disk, root: &Path) -> Result<(), OpenError> {
    for path in root.parent().filter(|parent| !parent.as_os_str().is_empty()).into_iter().chain([root]) {
        disk.sync_folder(path).map_err(OpenError::unusable("sync the folder", path))?;
    }
    Ok(())
}

/// What there is, with its bytes; what is in the way is put aside.
pub(super) fn find_lanes(disk: &dyn Disk, root: &Path, lanes: &Lanes) -> Result<Vec<Found>, OpenError> {
    let path = root.join(LANES);
    let mut found = Vec::new();
    for (name, _) in list(&path).map_err(OpenError::unusable("list", &path))? {
        if path.join(&name).is_dir() {
            found.extend(take_in(disk, root, lanes, &name));
        }
    }
    Ok(found)
}

/// Bytes of what is in the quarantine: files, and folders that nobody can tell.
pub(super) fn bytes_in_quarantine(root: &Path) -> u64 {
    let folder = root.join(QUARANTINE);
    let bytes = |(name, bytes): &(String, u64)| {
        let inner = folder.join(name);
        // A link is none of ours.
        let is_folder = fs::symlink_metadata(&inner).is_ok_and(|about| about.is_dir());
        blocks(*bytes) + if is_folder { bytes_in(&inner) } else { 0 }
    };
    list(&folder).unwrap_or_default().iter().map(bytes).sum()
}

fn bytes_in(folder: &Path) -> u64 {
    list(folder).unwrap_or_default().iter().map(|(_, bytes)| blocks(*bytes)).sum()
}

fn take_in(disk: &dyn Disk, root: &Path, lanes: &Lanes, name: &str) -> Option<Found> {
    let folder = super::lanes::folder(root, name);
    let foreign = |why: &str| {
        lanes.leave_out(name.to_owned());
        tracing::warn!("the spool's {} is left alone: {why}", folder.display());
        None
    };
    if name.ends_with(NEWER) {
        return foreign("a newer splashdam wrote it");
    }
    match whose(&folder) {
        // Begun and nothing got into it, or closed and all but gone.
        Ok(_) | Err(Unclaimed::Format(Format::Damaged)) if is_bare(&folder) => {
            let _ = disk.remove(&folder.join(LANE_FILE));
            let _ = disk.remove_folder(&folder);
            None
        }
        Ok(destination) => {
            let bytes = bytes_of_lane(&folder);
            if lanes.found(&destination, name, bytes) {
                Some(Found { destination, bytes })
            } else {
                put_aside(disk, root, &folder, name, lanes, "another folder has its destination")
            }
        }
        Err(Unclaimed::Format(Format::Newer)) => {
            let aside = folder.with_file_name(format!("{name}{NEWER}"));
            match disk.rename(&folder, &aside) {
                Ok(()) => foreign(&format!(
                    "a newer splashdam wrote it; that finds it when {} is renamed to {name} again",
                    aside.display()
                )),
                Err(error) => foreign(&format!("a newer splashdam wrote it, and it cannot be renamed: {error}")),
            }
        }
        // It may be one that is whole: better luck at the next start.
        Err(Unclaimed::Unreadable(error)) => foreign(&format!("it cannot be read: {error}")),
        Err(Unclaimed::Format(Format::Damaged)) => {
            put_aside(disk, root, &folder, name, lanes, "nothing in it says whose it is")
        }
    }
}

fn put_aside(disk: &dyn Disk, root: &Path, folder: &Path, name: &str, lanes: &Lanes, why: &str) -> Option<Found> {
    let mut to = root.join(QUARANTINE).join(name);
    let mut again = 0;
    while to.exists() {
        again += 1;
        to.set_file_name(format!("{name}-{again}"));
    }
    lanes.leave_out(name.to_owned());
    match disk.rename(folder, &to) {
        Ok(()) => tracing::warn!("the spool's {} is now {}: {why}", folder.display(), to.display()),
        Err(error) => {
            tracing::warn!("the spool's {} is left alone: {why}, and it cannot be moved: {error}", folder.display());
        }
    }
    None
}

/// Why nobody knows whose a folder is.
enum Unclaimed {
    /// What is in it does not say.
    Format(Format),
    /// The file system does not let us see.
    Unreadable(io::Error),
}

/// A lane's destination: out of the newest segment's header, else out of `lane.json`, else out of any segment's header. What a newer
/// splashdam has written to is its own, even where `lane.json` is of our format.
fn whose(folder: &Path) -> Result<Destination, Unclaimed> {
    let names = list(folder).map_err(Unclaimed::Unreadable)?;
    let segments: Vec<_> = names.iter().filter_map(|(name, _)| SegmentName::parse(name)).collect();
    let mut refused = None;
    match look(&folder.join(LANE_FILE), lane_file::MOST, &mut refused).and_then(|bytes| lane_file::decode(&bytes)) {
        Ok(destination) => {
            let newest = segments.last().map_or(Err(Format::Damaged), |name| header_of(folder, *name, &mut refused));
            return match newest {
                Err(Format::Newer) => Err(Unclaimed::Format(Format::Newer)),
                // That has a checksum, and `lane.json` has none: records must not go elsewhere for a bit that has flipped in it.
                Ok(header) => Ok(header.destination),
                Err(Format::Damaged) => Ok(destination),
            };
        }
        Err(Format::Newer) => return Err(Unclaimed::Format(Format::Newer)),
        Err(Format::Damaged) => {}
    }
    for name in segments {
        match header_of(folder, name, &mut refused) {
            Err(Format::Damaged) => {}
            told => return told.map(|header| header.destination).map_err(Unclaimed::Format),
        }
    }
    Err(refused.map_or(Unclaimed::Format(Format::Damaged), Unclaimed::Unreadable))
}

fn header_of(folder: &Path, name: SegmentName, refused: &mut Option<io::Error>) -> Result<Header, Format> {
    let bytes = look(&folder.join(name.to_string()), MOST, refused)?;
    Header::decode(&bytes, name).map(|(header, _)| header)
}

/// The first bytes of a file. What is none is damaged; where the file system refuses to say that is remembered.
fn look(path: &Path, most: usize, refused: &mut Option<io::Error>) -> Result<Vec<u8>, Format> {
    read_some(path, most).map_err(|error| {
        if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) {
            *refused = Some(error);
        }
        Format::Damaged
    })
}

fn is_bare(folder: &Path) -> bool {
    list(folder).is_ok_and(|names| names.iter().all(|(name, _)| name == LANE_FILE))
}

fn bytes_of_lane(folder: &Path) -> u64 {
    let names = list(folder).unwrap_or_default();
    let ours = |name: &str| name == CURSOR || name == LANE_FILE || SegmentName::parse(name).is_some();
    names.iter().filter(|(name, _)| ours(name)).map(|(_, bytes)| blocks(*bytes)).sum()
}
