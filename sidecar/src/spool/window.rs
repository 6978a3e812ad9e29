//! A window over a segment's file: as much in memory as is looked at, never more than the file holds.

use std::fs::File;
use std::io;

use super::disk::Disk;
use super::scan::Bytes;

/// Reads a file by place through one buffer.
pub(super) struct Window<'a> {
    disk: &'a dyn Disk,
    file: &'a File,
    buffer: &'a mut Vec<u8>,
    start: u64,
    /// Bytes of the file.
    pub(super) length: u64,
    stride: usize,
}

impl<'a> Window<'a> {
    /// Over all of `file`; each look at the disk brings `stride` bytes or more into `buffer`.
    pub(super) fn new(disk: &'a dyn Disk, file: &'a File, buffer: &'a mut Vec<u8>, stride: usize) -> io::Result<Self> {
        let length = file.metadata()?.len();
        buffer.clear();
        Ok(Window { disk, file, buffer, start: 0, length, stride })
    }

    fn fill(&mut self, at: u64, length: usize) -> io::Result<()> {
        let there = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let want = length.max(self.stride).min(there);
        self.buffer.clear();
        self.buffer.resize(want, 0);
        let read = self.disk.read(self.file, self.buffer, at);
        // After a failure nothing of what stands in the buffer may be taken for the file's.
        self.buffer.truncate(*read.as_ref().unwrap_or(&0));
        self.start = at;
        read.map(|_| ())
    }
}

impl Bytes for Window<'_> {
    fn at(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let wanted = at..at.saturating_add(length as u64).min(self.length);
        let held = self.start..self.start + self.buffer.len() as u64;
        if wanted.start < wanted.end && !(held.start <= wanted.start && wanted.end <= held.end) {
            self.fill(at, length)?;
        }
        let skip = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.buffer.len());
        let rest = &self.buffer[skip..];
        Ok(if wanted.start < wanted.end { &rest[..rest.len().min(length)] } else { &[] })
    }
}
