//! A window over a file that somebody else may be writing, renaming or using again.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use crate::spool::disk::open_regular;
use crate::spool::scan::Bytes;

/// What is read at a time. Only where a single entry is larger the window is, too.
const WINDOW: usize = 256 << 10;

/// A file's bytes by their place.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Window { file: open_regular(path)?, start: 0, bytes: Vec::new() })
    }

    /// The file's size now.
    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether the path still means this file. What a segment held is right for as long as it has its name; afterwards the file
    /// may have been used again.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        let (Ok(ours), Ok(theirs)) = (self.file.metadata(), path.metadata()) else { return false };
        (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())
    }

    /// Forgets what was read, so that it is read anew.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
    }

    fn fill(&mut self, at: u64, length: usize) -> io::Result<()> {
        // No length from the disk makes us allocate more than there is to read.
        let left = self.size()?.saturating_sub(at);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(length.max(WINDOW));
        self.start = at;
        self.bytes.clear();
        self.bytes.resize(want, 0);
        let mut done = 0;
        while done < want {
            match self.file.read_at(&mut self.bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(done);
        self.bytes.shrink_to(WINDOW);
        Ok(())
    }

    fn has(&self, at: u64, length: usize) -> bool {
        let end = self.start + self.bytes.len() as u64;
        self.start <= at && at.checked_add(length as u64).is_some_and(|wanted| wanted <= end)
    }
}

impl Bytes for Window {
    fn at(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        if !self.has(at, length) {
            self.fill(at, length)?;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = from.saturating_add(length).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_reads_as_in_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..WINDOW * 3 + 17).map(|n| (n % 251) as u8).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let mut window = Window::open(file.path()).unwrap();
        for (at, length) in
            [(0, 10), (WINDOW - 3, 10), (5, 5), (WINDOW, 2 * WINDOW), (bytes.len() - 4, 9), (1 << 40, 9)]
        {
            let wanted = &bytes[at.min(bytes.len())..(at + length).min(bytes.len())];
            assert_eq!(window.at(at as u64, length).unwrap(), wanted, "{length} at {at}");
        }
        assert!(window.at(0, usize::MAX).unwrap().len() == bytes.len());
    }

    #[test]
    fn a_file_that_lost_its_name_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "x").unwrap();
        let window = Window::open(&path).unwrap();
        assert!(window.is_still(&path));
        std::fs::rename(&path, &other).unwrap();
        assert!(!window.is_still(&path) && window.is_still(&other));
        std::fs::write(&path, "x").unwrap();
        assert!(!window.is_still(&path));
    }
}
