//! Where things begin and end in a stream of bytes: the kind of client, the frames, the characters.

use super::{WireError, FRAME_HEADER, MAGIC};

/// What the first bytes of a connection say about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It began with the magic; frames follow after those four bytes.
    Framed,
    /// It did not: these bytes are already text.
    Text,
    /// So far it could be either. At end of stream it is text.
    NeedMore,
}

/// Tells framed clients from text ones. A beginning that matches the magic in part and then differs is text.
pub fn first_bytes(buf: &[u8]) -> Kind {
    let seen = buf.len().min(MAGIC.len());
    if buf[..seen] != MAGIC[..seen] {
        Kind::Text
    } else if seen == MAGIC.len() {
        Kind::Framed
    } else {
        Kind::NeedMore
    }
}

/// One frame of a stream: its type, its payload, and the bytes it took up with its header.
pub type Framed<'a> = (u8, &'a [u8], usize);

/// The first frame of `buf` as (type, payload, bytes consumed), or `None` while it is not whole.
///
/// A length of 0 or over `max` is refused as soon as the four bytes of the length are there.
pub fn frame(buf: &[u8], max: u32) -> Result<Option<Framed<'_>>, WireError> {
    let Some((length, rest)) = buf.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length);
    if length == 0 {
        return Err(WireError::EmptyFrame);
    }
    if length > max {
        return Err(WireError::FrameTooLarge { length, max });
    }
    let Ok(length) = usize::try_from(length) else {
        return Err(WireError::FrameTooLarge { length, max });
    };
    Ok(rest.get(..length).and_then(|whole| {
        let (frame_type, payload) = whole.split_first()?;
        Some((*frame_type, payload, FRAME_HEADER - 1 + length))
    }))
}

/// Where to cut `text` so that the first part has at most `max` bytes and ends between two characters.
///
/// The first part is never empty where the text is not: one character stays whole even if it is longer than `max`.
/// Bytes that are not UTF-8 are cut at `max` where no boundary is near.
pub fn utf8_cut(text: &[u8], max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    // A character has at most four bytes, so its beginning is at most three before the limit.
    let lowest = max.saturating_sub(3).max(1);
    if let Some(cut) = (lowest..=max).rev().find(|&at| !is_continuation(text[at])) {
        return cut;
    }
    if max >= 4 {
        return max;
    }
    // Not even the first character fits: keep it whole.
    let longest = text.len().min(4);
    (1..longest).find(|&at| !is_continuation(text[at])).unwrap_or(longest)
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}
