//! The one encoding of a record, on the wire, in memory and on disk: timestamp, length, text.

use super::{field::Fields, WireError, RECORD_HEADER};

/// One record, borrowed from where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// The text; UTF-8 if the sender kept to the protocol.
    pub text: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes this record takes up when encoded.
    pub fn encoded_len(&self) -> usize {
        RECORD_HEADER + self.text.len()
    }

    /// The header of a record, for writers that place the text themselves. A text over `u32::MAX` has no encoding;
    /// its length is told as that much, so callers bound texts before.
    pub fn header(timestamp_ms: i64, text_len: usize) -> [u8; RECORD_HEADER] {
        let mut header = [0; RECORD_HEADER];
        let (timestamp, length) = header.split_at_mut(8);
        timestamp.copy_from_slice(&timestamp_ms.to_le_bytes());
        length.copy_from_slice(&u32::try_from(text_len).unwrap_or(u32::MAX).to_le_bytes());
        header
    }

    /// The first record of `bytes`, and what comes after it.
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let mut fields = Fields::new(bytes);
        let timestamp_ms = fields.i64()?;
        let length = usize::try_from(fields.u32()?).map_err(|_| WireError::Truncated)?;
        let (text, rest) = fields.rest().split_at_checked(length).ok_or(WireError::Truncated)?;
        Ok((Self { timestamp_ms, text }, rest))
    }
}

/// Appends one encoded record.
pub fn append_record(out: &mut Vec<u8>, timestamp_ms: i64, text: &[u8]) {
    out.reserve(RECORD_HEADER + text.len());
    out.extend_from_slice(&Record::header(timestamp_ms, text.len()));
    out.extend_from_slice(text);
}

/// The records of a body, in order, checked against the count that came with it.
///
/// Ends after the first error: what follows a broken record cannot be found.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    body: &'a [u8],
    left: u32,
}

impl<'a> Records<'a> {
    /// The `count` records of `body`.
    pub fn new(body: &'a [u8], count: u32) -> Self {
        Self { body, left: count }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(i64, &'a [u8]), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let trailing = !self.body.is_empty();
            self.body = &[];
            return trailing.then_some(Err(WireError::TrailingBytes));
        }
        match Record::decode(self.body) {
            Ok((record, rest)) => {
                self.body = rest;
                self.left -= 1;
                Some(Ok((record.timestamp_ms, record.text)))
            }
            Err(error) => {
                self.body = &[];
                self.left = 0;
                Some(Err(error))
            }
        }
    }
}
