//! The cursor: what of a lane has ended, in two slots written in turn, in place.
//!
//! A slot that is torn or damaged leaves the other one, which is older: what ended in between is sent again.

use std::ops::Range;

use super::checksum::checksum;
use super::fields::{put_channels, Fields};
use super::header::{check_magic, Format};
use super::name::HIGHEST_OFFSET;
use crate::engine::channel;
use crate::engine::spool::{ChannelMark, Cursor, CURSOR_RANGES};

/// First bytes of a slot; the digit is the format.
pub const MAGIC: [u8; 8] = *b"SPLASHC1";

/// Bytes from one slot to the next.
pub const SLOT: usize = 131_072;

const PREFIX: usize = 16;
const RANGE: usize = 16;
pub(super) const LONGEST: usize = PREFIX + 17 + 4 + CURSOR_RANGES * RANGE + 4 + channel::MOST * super::fields::MARK;
const _: () = assert!(LONGEST <= SLOT);

/// Where the slot with this number stands in the file.
#[must_use]
pub fn place(number: u64) -> u64 {
    (number % 2) * SLOT as u64
}

/// A slot's bytes. What is too much for it is left out: the highest ranges, the last channels.
#[must_use]
pub fn encode(number: u64, cursor: &Cursor) -> Vec<u8> {
    encode_with(number, cursor, &cursor.channels)
}

/// The same, with other channels.
#[must_use]
pub fn encode_with(number: u64, cursor: &Cursor, channels: &[ChannelMark]) -> Vec<u8> {
    let ended = &cursor.ended[..cursor.ended.len().min(CURSOR_RANGES)];
    let channels = &channels[..channels.len().min(channel::MOST)];
    let mut out = Vec::with_capacity(256 + ended.len() * RANGE + channels.len() * super::fields::MARK);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&number.to_le_bytes());
    out.push(u8::from(cursor.clean));
    out.extend_from_slice(&cursor.watermark.to_le_bytes());
    out.extend_from_slice(&(ended.len() as u32).to_le_bytes());
    for range in ended {
        out.extend_from_slice(&range.start.to_le_bytes());
        out.extend_from_slice(&range.end.to_le_bytes());
    }
    put_channels(&mut out, channels);
    let (length, sum) = (out.len() as u32, checksum(0, &out[PREFIX..]));
    out[8..12].copy_from_slice(&length.to_le_bytes());
    out[12..16].copy_from_slice(&sum.to_le_bytes());
    out
}

/// Keeps what a lane with `next` as its next offset may still say: ranges above the watermark and below `next`.
pub fn clip(cursor: &mut Cursor, next: u64) {
    let (low, mut ended) = (cursor.watermark, Vec::new());
    for range in &cursor.ended {
        let range = range.start.max(low)..range.end.min(next);
        ended.extend(Some(range).filter(|range| range.start < range.end));
    }
    cursor.ended = ended;
}

/// Reads a slot: its number and what it says.
pub fn decode(slot: &[u8]) -> Result<(u64, Cursor), Format> {
    let mut fields = Fields(slot);
    check_magic(fields.array(), MAGIC)?;
    let length = fields.u32().and_then(|length| usize::try_from(length).ok()).ok_or(Format::Damaged)?;
    slot.get(12..length).and_then(decode_fields).ok_or(Format::Damaged)
}

fn decode_fields(bytes: &[u8]) -> Option<(u64, Cursor)> {
    let mut fields = Fields(bytes);
    if fields.u32()? != checksum(0, fields.0) {
        return None;
    }
    let number = fields.u64()?;
    let [clean] = fields.array()?;
    let watermark = fields.u64()?;
    let ranges = fields.count(RANGE, CURSOR_RANGES)?;
    let ended = (0..ranges).map(|_| Some(fields.u64()?..fields.u64()?)).collect::<Option<Vec<Range<u64>>>>()?;
    let channels = fields.channels(channel::MOST)?;
    let cursor = Cursor { watermark, ended, channels, clean: clean == 1 };
    (clean <= 1 && fields.0.is_empty() && ascends(&cursor)).then_some((number, cursor))
}

/// The ranges lie above the watermark, one after the other, and none where no offset can be.
fn ascends(cursor: &Cursor) -> bool {
    let ends = std::iter::once(cursor.watermark).chain(cursor.ended.iter().map(|range| range.end));
    let highest = cursor.ended.last().map_or(cursor.watermark, |range| range.end);
    highest <= HIGHEST_OFFSET
        && ends.zip(&cursor.ended).all(|(before, range)| before <= range.start && range.start < range.end)
}

/// The slot that counts: the good one with the higher number.
#[must_use]
pub fn pick(first: &[u8], second: &[u8]) -> Option<(u64, Cursor)> {
    let slots = [decode(first), decode(second)];
    slots.into_iter().flatten().max_by_key(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(watermark: u64) -> Cursor {
        let channels = vec![ChannelMark { client: [1; 16], admitted: 4, ended: 3, ..ChannelMark::default() }];
        Cursor { watermark, ended: vec![watermark..watermark + 2, watermark + 5..watermark + 6], channels, clean: true }
    }

    #[test]
    fn the_good_slot_with_the_higher_number_counts() {
        let (old, mut new) = (encode(7, &cursor(10)), encode(8, &cursor(20)));
        assert_eq!(pick(&new, &old), Some((8, cursor(20))));
        assert_eq!(pick(&old, &new), Some((8, cursor(20))));
        new[40] ^= 1;
        assert_eq!(pick(&old, &new), Some((7, cursor(10))));
        assert_eq!(pick(&[], &new), None);
        assert_ne!(place(7), place(8));
    }

    #[test]
    fn any_flipped_or_missing_byte_shows() {
        let bytes = encode(7, &cursor(10));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x40;
            assert!(decode(&flipped).is_err() && decode(&bytes[..at]).is_err(), "byte {at}");
        }
        // What stands behind the contents is left over from a longer slot.
        assert_eq!(decode(&[&bytes[..], b"rest"].concat()), Ok((7, cursor(10))));
    }

    #[test]
    fn ranges_that_contradict_are_damage() {
        for ended in [vec![5..7], vec![12..u64::MAX], vec![12..12], vec![12..14, 13..15]] {
            assert_eq!(decode(&encode(1, &Cursor { watermark: 10, ended, ..Cursor::default() })), Err(Format::Damaged));
        }
    }

    #[test]
    fn the_largest_slot_is_cut_to_its_bound() {
        let ended = (0..2_000).map(|n| 10 * n + 5..10 * n + 6).collect();
        let channels = vec![ChannelMark::default(); 2_000];
        let bytes = encode(1, &Cursor { watermark: 0, ended, channels, clean: false });
        assert_eq!(bytes.len(), LONGEST);
        let (_, back) = decode(&bytes).unwrap();
        assert_eq!((back.ended.len(), back.channels.len()), (CURSOR_RANGES, channel::MOST));
    }
}
