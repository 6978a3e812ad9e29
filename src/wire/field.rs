//! Fields: little-endian integers and length-prefixed strings, read with bounds and written at the end of a `Vec`.

use super::{split::utf8_cut, WireError, FRAME_HEADER};

/// Reads fields one after the other. Whatever is left at the end is a later version's and is ignored.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn str(&mut self) -> Result<&'a str, WireError> {
        let length = self.u16()?;
        std::str::from_utf8(self.take(length.into())?).map_err(|_| WireError::BadUtf8)
    }
}

/// Appends a `str`; what does not fit in its `u16` length is cut off at a character boundary.
pub(super) fn put_str(out: &mut Vec<u8>, text: &str) {
    let cut = utf8_cut(text.as_bytes(), u16::MAX.into());
    // `cut` is at most u16::MAX, because the text is UTF-8 and the limit is above one character.
    let length = u16::try_from(cut).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

/// Appends a frame whose payload `body` writes: the length is filled in afterwards.
pub(super) fn put_frame(out: &mut Vec<u8>, frame_type: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, frame_type]);
    body(out);
    patch_length(out, start);
}

/// Writes the length of the frame that begins at `start` and ends with `out`.
pub(super) fn patch_length(out: &mut [u8], start: usize) {
    let length = out.len().saturating_sub(start + FRAME_HEADER - 1);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_le_bytes());
    }
}
