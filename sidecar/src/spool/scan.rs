//! Walks the entries of one segment, past whatever damage it has. Knows bytes by their place only: they come from a
//! [`Bytes`], which may be a window over a file.

use std::io;
use std::ops::Range;

use super::entry::{data_sum, Head, HEAD};
use super::header::{Header, PREFIX};
use super::name::SegmentName;

/// Bytes that are looked through at a time for the next mark, or summed.
const STRIDE: usize = 16 * 1024;

/// A segment's bytes by their place.
pub trait Bytes {
    /// Up to `length` bytes from `at` on: fewer, or none, only where the segment ends there.
    fn at(&mut self, at: u64, length: usize) -> io::Result<&[u8]>;
}

impl Bytes for &[u8] {
    fn at(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        Ok(&self[start..self.len().min(start.saturating_add(length))])
    }
}

/// A good head and what came before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Offsets that are lost: their entries cannot be read. Mostly none.
    pub lost: Range<u64>,
    /// The head.
    pub head: Head,
    /// Place of the records in the segment.
    pub data_at: u64,
}

/// A walk through a segment: where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    name: SegmentName,
    limit: u64,
    place: u64,
    next: u64,
    /// Whether anything on the way was not as it was written.
    pub damaged: bool,
}

impl Scan {
    /// Before the first entry. `limit` is the next segment's base; what lies at or above it was written in vain. Also gives
    /// the header, where it is good.
    pub fn begin(name: SegmentName, limit: Option<u64>, bytes: &mut impl Bytes) -> io::Result<(Self, Option<Header>)> {
        let header = match Header::length(bytes.at(0, PREFIX)?) {
            Ok(length) => Header::decode(bytes.at(0, length)?, name).ok(),
            Err(_) => None,
        };
        let (header, length) = header.unzip();
        // Without a header the first mark that is followed by a good head is looked for from the start.
        let place = length.unwrap_or(0) as u64;
        let limit = limit.unwrap_or(u64::MAX);
        Ok((Scan { name, limit, place, next: name.base, damaged: header.is_none() }, header))
    }

    /// The same place, now that the next segment's base is known (or still is not).
    #[must_use]
    pub fn limited(self, limit: Option<u64>) -> Self {
        Scan { limit: limit.unwrap_or(u64::MAX), ..self }
    }

    /// Which segment.
    #[must_use]
    pub fn name(&self) -> SegmentName {
        self.name
    }

    /// The offset behind what was found so far.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// Place in the segment behind what was found so far.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// The next good head, or `None` where no more follow. Whether its records are good, too, is for the caller to see.
    pub fn step(&mut self, bytes: &mut impl Bytes) -> io::Result<Option<Found>> {
        let mut place = self.place;
        loop {
            if let Some(head) = self.head_at(place, bytes)? {
                return Ok(self.found(place, head));
            }
            match self.mark_after(place, bytes)? {
                Some(mark) => place = mark,
                None => return Ok(None),
            }
        }
    }

    fn found(&mut self, place: u64, head: Head) -> Option<Found> {
        if head.end() > self.limit {
            return None;
        }
        let lost = self.next..head.after;
        self.damaged |= place != self.place || !lost.is_empty();
        let data_at = place + head.length() as u64;
        self.next = head.end();
        self.place = data_at + u64::from(head.data);
        Some(Found { lost, head, data_at })
    }

    /// The head at `place`, if a good one stands there and goes on behind what was found before.
    fn head_at(&self, place: u64, bytes: &mut impl Bytes) -> io::Result<Option<Head>> {
        let Some(length) = Head::announced(bytes.at(place, HEAD)?, self.name.salt) else { return Ok(None) };
        let head = Head::decode(bytes.at(place, length)?, self.name.salt);
        Ok(head.filter(|head| head.after >= self.next))
    }

    /// Place of the next mark behind `place`.
    fn mark_after(&self, place: u64, bytes: &mut impl Bytes) -> io::Result<Option<u64>> {
        let mark = self.name.salt.to_le_bytes();
        let mut from = place + 1;
        loop {
            let window = bytes.at(from, STRIDE)?;
            if let Some(at) = memchr::memmem::find(window, &mark) {
                return Ok(Some(from + at as u64));
            }
            if window.len() < STRIDE {
                return Ok(None);
            }
            // A mark may begin in this window and end in the next.
            from += (STRIDE - (mark.len() - 1)) as u64;
        }
    }
}

/// Whether an entry's records are all there and good.
pub fn data_is_good(name: SegmentName, found: &Found, bytes: &mut impl Bytes) -> io::Result<bool> {
    let (mut at, mut left) = (found.data_at, found.head.data as usize);
    let mut sum = data_sum(name.salt);
    while left > 0 {
        let part = bytes.at(at, left.min(STRIDE))?;
        if part.is_empty() {
            return Ok(false);
        }
        sum.add(part);
        at += part.len() as u64;
        left -= part.len();
    }
    Ok(sum.value() == found.head.data_sum)
}

#[cfg(test)]
mod tests;
