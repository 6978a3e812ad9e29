//! JSON strings: what needs an escape, found sixteen bytes at a time.
//!
//! The common text has none and is copied whole after one scan. Where there are some, a mask per block names their places and
//! the bytes between are copied as runs, short ones as sixteen bytes of which the rest is cut off again: that needs no call.
//! (Measured beside this, and slower for JSON lines: a word's worth of plain arithmetic for the mask, storing words whole and
//! overwriting them from the escape on, a table byte by byte.)

use wide::u8x16;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Appends `text` as the inside of a JSON string.
#[inline]
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        push_with_escapes(out, text);
    }
}

/// The length that [`push_escaped`] appends.
pub(crate) fn escaped_len(text: &[u8]) -> usize {
    text.iter().map(|byte| escape_of(*byte).map_or(1, |escape| if escape == b'u' { 6 } else { 2 })).sum()
}

fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn is_plain(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    if blocks.iter().fold(0, |found, block| found | special(block)) != 0 {
        return false;
    }
    // The last bytes as a block that overlaps what was looked at before.
    match text.last_chunk::<BLOCK>() {
        Some(block) => special(block) == 0,
        None => !rest.iter().any(|byte| needs_escape(*byte)),
    }
}

fn push_with_escapes(out: &mut Vec<u8>, text: &[u8]) {
    let mut done = 0;
    let mut push = |at: usize| {
        push_run(out, text, done, at);
        push_escape(out, text[at]);
        done = at + 1;
    };
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        let mut mask = special(block);
        while mask != 0 {
            push(index * BLOCK + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
    }
    for (index, _) in rest.iter().enumerate().filter(|(_, byte)| needs_escape(**byte)) {
        push(blocks.len() * BLOCK + index);
    }
    out.extend_from_slice(&text[done..]);
}

/// Appends `text[from..to]`. A length known to the compiler needs no call of `memcpy`, so a short run takes some more with it.
#[inline(always)]
fn push_run(out: &mut Vec<u8>, text: &[u8], from: usize, to: usize) {
    let length = to - from;
    match text[from..].first_chunk::<BLOCK>() {
        // Not at the very end of the buffer, which must not grow beyond what was paid.
        Some(block) if length <= BLOCK && out.capacity() - out.len() >= BLOCK => {
            let end = out.len() + length;
            out.extend_from_slice(block);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&text[from..to]),
    }
}

/// A bit for each byte that needs an escape.
#[inline(always)]
fn special(block: &[u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(*block);
    let control = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control).to_bitmask()
}

fn escape_of(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        0..0x20 => b'u',
        _ => return None,
    })
}

#[inline]
fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match escape_of(byte) {
        Some(b'u') => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
        }
        Some(letter) => out.extend_from_slice(&[b'\\', letter]),
        None => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        push_escaped(&mut out, text.as_bytes());
        assert_eq!(out.len(), escaped_len(text.as_bytes()));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_byte_is_escaped_as_serde_json_does_at_every_place_of_a_block() {
        for code in 0..=0x7F_u8 {
            for before in 0..40 {
                let text = format!("{}{}tail", "é".repeat(before), char::from(code));
                assert_eq!(format!("\"{}\"", escaped(&text)), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in ".{0,200}|[\u{0}-\u{7f}]{0,200}|[\"\\\\a]{0,100}|[\n\t\"a-z]{0,100}") {
            let json = format!("\"{}\"", escaped(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn the_mask_marks_exactly_the_bytes_that_need_it(block in any::<[u8; BLOCK]>()) {
            let mask = special(&block);
            let marked = std::array::from_fn::<bool, BLOCK, _>(|at| mask >> at & 1 == 1);
            prop_assert_eq!(marked, block.map(needs_escape));
        }
    }
}
