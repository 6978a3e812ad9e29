//! The header of a segment: whose it is, and the lane's channels as of when it was begun.

use super::checksum::checksum;
use super::fields::{put_channels, Fields, MARK};
use super::name::SegmentName;
use crate::config::Destination;
use crate::engine::channel;
use crate::engine::spool::ChannelMark;

/// First bytes of a segment; the digit is the format.
pub const MAGIC: [u8; 8] = *b"SPLASHD1";

/// Bytes up to the header's own length.
pub const PREFIX: usize = 16;

/// Longest name in bytes: a stream's 512 characters of at most four bytes.
const LONGEST_NAME: usize = 4 * crate::config::MAX_NAME;

/// Most bytes of a header.
pub const MOST: usize = PREFIX + 24 + 2 * (2 + LONGEST_NAME) + 4 + channel::MOST * MARK;

/// Why something on disk cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Format {
    /// It is not what we wrote.
    #[error("damaged")]
    Damaged,
    /// A newer splashdam wrote it.
    #[error("written by a newer splashdam")]
    Newer,
}

/// A segment's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Salt and base, as in the name.
    pub name: SegmentName,
    /// When the segment was begun, in milliseconds since the epoch.
    pub created_ms: i64,
    /// Whose records.
    pub destination: Destination,
    /// The lane's channels as of then, at most [`channel::MOST`].
    pub channels: Vec<ChannelMark>,
}

impl Header {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let channels = &self.channels[..self.channels.len().min(channel::MOST)];
        let mut out = Vec::with_capacity(1024 + channels.len() * MARK);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.name.salt.to_le_bytes());
        out.extend_from_slice(&self.name.base.to_le_bytes());
        out.extend_from_slice(&self.created_ms.to_le_bytes());
        for name in [self.destination.group().as_str(), self.destination.stream().as_str()] {
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        put_channels(&mut out, channels);
        let sum = checksum(self.name.salt, &out[PREFIX..]);
        let length = out.len() as u32;
        out[8..12].copy_from_slice(&length.to_le_bytes());
        out[12..16].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// How long the header says that it is, out of its first [`PREFIX`] bytes.
    pub fn length(prefix: &[u8]) -> Result<usize, Format> {
        let mut fields = Fields(prefix);
        check_magic(fields.array(), MAGIC)?;
        let length = fields.u32().and_then(|length| usize::try_from(length).ok()).ok_or(Format::Damaged)?;
        if (PREFIX..=MOST).contains(&length) {
            Ok(length)
        } else {
            Err(Format::Damaged)
        }
    }

    /// Reads the header of the segment `name` out of the file's first bytes; also says how long it is.
    pub fn decode(bytes: &[u8], name: SegmentName) -> Result<(Self, usize), Format> {
        let length = Self::length(bytes)?;
        let header = bytes.get(..length).and_then(|bytes| decode_fields(bytes, name)).ok_or(Format::Damaged)?;
        Ok((header, length))
    }
}

/// Whether the first bytes are `ours`, or those of a later format.
pub(super) fn check_magic(found: Option<[u8; 8]>, ours: [u8; 8]) -> Result<(), Format> {
    match found {
        Some(magic) if magic == ours => Ok(()),
        Some(magic) if magic[..7] == ours[..7] && (b'2'..=b'9').contains(&magic[7]) => Err(Format::Newer),
        _ => Err(Format::Damaged),
    }
}

fn decode_fields(bytes: &[u8], name: SegmentName) -> Option<Header> {
    let mut fields = Fields(bytes.get(12..)?);
    let sum = fields.u32()?;
    if sum != checksum(name.salt, fields.0) {
        return None;
    }
    let found = SegmentName { salt: fields.u64()?, base: fields.u64()? };
    let created_ms = fields.i64()?;
    let group = text(&mut fields)?;
    let stream = text(&mut fields)?;
    let destination = Destination::parse(group, stream).ok()?;
    let channels = fields.channels(channel::MOST)?;
    (found == name && fields.0.is_empty()).then_some(Header { name, created_ms, destination, channels })
}

fn text<'a>(fields: &mut Fields<'a>) -> Option<&'a str> {
    let length = fields.u16()?;
    std::str::from_utf8(fields.bytes(usize::from(length))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            name: SegmentName { base: 17, salt: 99 },
            created_ms: 1_700_000_000_000,
            destination: Destination::parse("/app", "pöd").unwrap(),
            channels: vec![ChannelMark { client: [3; 16], admitted: 9, lost_to: 2, ..ChannelMark::default() }],
        }
    }

    #[test]
    fn a_header_comes_back() {
        let mut bytes = header().encode();
        let length = bytes.len();
        bytes.extend_from_slice(b"entries");
        assert_eq!(Header::decode(&bytes, header().name), Ok((header(), length)));
        assert_eq!(Header::decode(&bytes, SegmentName { base: 18, salt: 99 }), Err(Format::Damaged));
    }

    #[test]
    fn any_flipped_or_missing_byte_shows() {
        let bytes = header().encode();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            assert!(Header::decode(&flipped, header().name).is_err(), "byte {at}");
            assert!(Header::decode(&bytes[..at], header().name).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = header().encode();
        bytes[7] = b'2';
        assert_eq!(Header::decode(&bytes, header().name), Err(Format::Newer));
    }

    #[test]
    fn the_largest_header_is_within_its_bound() {
        let mut large = header();
        large.channels = vec![ChannelMark::default(); channel::MOST + 1];
        large.destination = Destination::parse(&"g".repeat(512), &"\u{10ffff}".repeat(512)).unwrap();
        let bytes = large.encode();
        assert!(bytes.len() <= MOST);
        let (back, _) = Header::decode(&bytes, large.name).unwrap();
        assert_eq!(back.channels.len(), channel::MOST);
    }
}
