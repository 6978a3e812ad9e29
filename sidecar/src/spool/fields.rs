//! Fields of the format: little-endian integers, read without trust.

use crate::engine::spool::ChannelMark;

/// Bytes of a channel's mark.
pub const MARK: usize = 64;

/// Reads one field after the other; `None` where the bytes end first.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// An integer of 16 bits.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// An integer of 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// An integer of 64 bits.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A moment in milliseconds since the epoch.
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count of things of `size` bytes each that are all there, at most `most`.
    pub fn count(&mut self, size: usize, most: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count <= most && count.checked_mul(size)? <= self.0.len()).then_some(count)
    }

    /// A list of channels, at most `most`.
    pub fn channels(&mut self, most: usize) -> Option<Vec<ChannelMark>> {
        let count = self.count(MARK, most)?;
        (0..count).map(|_| self.channel()).collect()
    }

    fn channel(&mut self) -> Option<ChannelMark> {
        Some(ChannelMark {
            client: self.array()?,
            admitted: self.u64()?,
            ended: self.u64()?,
            delivered: self.u64()?,
            rejected: self.u64()?,
            dropped: self.u64()?,
            lost_to: self.u64()?,
        })
    }
}

/// Appends a list of channels as [`Fields::channels`] reads it.
pub fn put_channels(out: &mut Vec<u8>, channels: &[ChannelMark]) {
    out.extend_from_slice(&(channels.len() as u32).to_le_bytes());
    for mark in channels {
        out.extend_from_slice(&mark.client);
        for number in [mark.admitted, mark.ended, mark.delivered, mark.rejected, mark.dropped, mark.lost_to] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}
