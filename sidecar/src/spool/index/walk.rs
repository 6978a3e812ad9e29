//! Walks one segment: what of it is good.

use std::io;
use std::path::Path;

use crate::diagnostics::limited;
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{ChannelMark, DiskRun};
use crate::spool::channels::Channels;
use crate::spool::disk::{is_passing, Disk};
use crate::spool::entry::HEAD;
use crate::spool::name::SegmentName;
use crate::spool::scan::{data_is_good, Scan};
use crate::spool::window::Window;

/// Bytes looked at in one go.
const STRIDE: usize = 64 * 1024;

/// What one segment told.
#[derive(Debug)]
pub(super) struct Walk {
    /// The channels in its header, where that is good.
    pub(super) table: Option<Vec<ChannelMark>>,
    /// The channels as its good entries raise them.
    pub(super) admitted: Channels,
    /// The offset behind its last good entry, else its base.
    pub(super) end: u64,
    /// Whether there is a good entry in it.
    pub(super) entries: bool,
    /// Whether something in it could not be read.
    pub(super) damaged: bool,
    /// Why the file system did not let us read on, if it is a file.
    pub(super) refused: Option<io::Error>,
}

impl Walk {
    /// Whether anything in it says that it begins where its name says.
    pub(super) fn is_confirmed(&self) -> bool {
        self.table.is_some() || self.entries
    }
}

/// Walks a segment up to where it cannot be read any further. Fails only where that may be better in a moment.
pub(super) fn walk(disk: &dyn Disk, folder: &Path, name: SegmentName, limit: Option<u64>) -> io::Result<Walk> {
    let path = folder.join(name.to_string());
    let admitted = Channels::default();
    let mut walk = Walk { table: None, admitted, end: name.base, entries: false, damaged: false, refused: None };
    match walk.file(disk, &path, name, limit) {
        Err(error) if is_passing(&error) => return Err(error),
        Err(error) => {
            limited(|| tracing::warn!("a part of the spool cannot be read, {}: {error}", path.display()));
            walk.damaged = true;
            let is_none = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData);
            walk.refused = Some(error).filter(|_| !is_none);
        }
        Ok(()) => {}
    }
    Ok(walk)
}

impl Walk {
    fn file(&mut self, disk: &dyn Disk, path: &Path, name: SegmentName, limit: Option<u64>) -> io::Result<()> {
        let file = disk.open(path)?;
        let mut buffer = Vec::new();
        let mut window = Window::new(disk, &file, &mut buffer, STRIDE)?;
        let (mut scan, header) = Scan::begin(name, limit, &mut window)?;
        self.table = header.map(|header| header.channels);
        // Runs of entries with good heads and bad records: lost if a good one follows, never finished if none does.
        let mut unsure: Vec<DiskRun> = Vec::new();
        while let Some(found) = scan.step(&mut window)? {
            if data_is_good(name, &found, &mut window)? {
                self.damaged |= !unsure.is_empty();
                self.admitted.appended(&unsure);
                unsure.clear();
                self.admitted.appended(&found.head.runs);
                self.entries = true;
                let forgets = sabotage::on(Sabotage::LastChunkForgotten);
                self.end = if forgets { found.head.first } else { found.head.end() };
            } else if unsure.len() < STRIDE / HEAD {
                unsure.extend(found.head.runs);
            }
        }
        // Without any entry it is one that was only just begun.
        self.damaged |= scan.damaged && self.entries;
        Ok(())
    }
}
