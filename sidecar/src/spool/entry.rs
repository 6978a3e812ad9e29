//! One entry of a segment: a head with its runs, then the chunk's records as they stand in memory.
//!
//! Nothing is copied to be written: heads are gathered in one scratch buffer, the records are borrowed from their chunks.

use std::io::IoSlice;
use std::ops::Range;

use super::checksum::{checksum, Checksum};
use super::fields::Fields;
use super::name::HIGHEST_OFFSET;
use crate::engine::spool::{DiskRun, Entry};

/// Bytes of a head without runs.
pub const HEAD: usize = 52;

/// Bytes of a run.
pub const RUN: usize = 32;

/// Most runs of an entry. A chunk of records has at most 1,000, and whoever writes divides a tombstone with more.
pub const MOST_RUNS: usize = 4_096;

/// Most bytes of a head with its runs.
pub const MOST_HEAD: usize = HEAD + MOST_RUNS * RUN;

/// What a head says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Bytes of records that follow the head; none where all had ended.
    pub data: u32,
    /// Their checksum.
    pub data_sum: u32,
    /// How many records.
    pub records: u32,
    /// The offset behind the entry before: what lies from here to `first` had ended.
    pub after: u64,
    /// Offset of the first record.
    pub first: u64,
    /// When the first was taken in, in milliseconds since the epoch.
    pub arrived_ms: i64,
    /// Whose they are.
    pub runs: Vec<DiskRun>,
}

impl Head {
    /// The head of a chunk to be written; `after` is the offset behind what was written before it.
    #[must_use]
    pub fn of(entry: &Entry, after: u64, salt: u64) -> Self {
        let data = if entry.ended { &[][..] } else { entry.chunk.data() };
        Head {
            // A chunk is one block, or one record of at most a mebibyte.
            data: data.len() as u32,
            data_sum: checksum(salt, data),
            records: entry.chunk.records,
            after,
            first: entry.first,
            arrived_ms: entry.arrived_ms,
            runs: entry.runs.clone(),
        }
    }

    /// Offset behind the last record.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.records))
    }

    /// Bytes of the head with its runs.
    #[must_use]
    pub fn length(&self) -> usize {
        HEAD + self.runs.len() * RUN
    }

    /// Bytes of the whole entry.
    #[must_use]
    pub fn entry_length(&self) -> u64 {
        self.length() as u64 + u64::from(self.data)
    }

    /// Appends the head's bytes.
    pub fn encode(&self, salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&salt.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [self.data, self.data_sum, self.records, self.runs.len() as u32] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.after, self.first, self.arrived_ms as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for run in &self.runs {
            out.extend_from_slice(&run.client);
            out.extend_from_slice(&run.first_sequence.to_le_bytes());
            out.extend_from_slice(&run.sequences.to_le_bytes());
            out.extend_from_slice(&run.records.to_le_bytes());
        }
        let sum = checksum(salt, &out[start + 12..]);
        out[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
    }

    /// How long the head says that it is with its runs, out of its first [`HEAD`] bytes. Not checked yet, but bounded.
    #[must_use]
    pub fn announced(bytes: &[u8], salt: u64) -> Option<usize> {
        let mut fields = Fields(bytes.get(..HEAD)?);
        let mark = fields.u64()?;
        fields.bytes(16)?;
        let runs = usize::try_from(fields.u32()?).ok()?;
        (mark == salt && runs <= MOST_RUNS).then_some(HEAD + runs * RUN)
    }

    /// Reads a head with its runs; `None` where it is not one that was written for `salt`.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let mut fields = Fields(bytes.get(8..Self::announced(bytes, salt)?)?);
        if fields.u32()? != checksum(salt, fields.0) {
            return None;
        }
        let (data, data_sum, records) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let runs = fields.u32()?;
        let (after, first, arrived_ms) = (fields.u64()?, fields.u64()?, fields.i64()?);
        let runs = (0..runs).map(|_| run(&mut fields)).collect::<Option<Vec<_>>>()?;
        let head = Head { data, data_sum, records, after, first, arrived_ms, runs };
        head.is_consistent().then_some(head)
    }

    fn is_consistent(&self) -> bool {
        let owned: u64 = self.runs.iter().map(|run| u64::from(run.records)).sum();
        let in_order = self.after <= self.first && self.end() <= HIGHEST_OFFSET;
        self.records > 0 && owned == u64::from(self.records) && in_order
    }
}

fn run(fields: &mut Fields<'_>) -> Option<DiskRun> {
    Some(DiskRun {
        client: fields.array()?,
        first_sequence: fields.u64()?,
        sequences: fields.u32()?,
        records: fields.u32()?,
    })
}

/// Whether `data` are the records that a head announces.
#[must_use]
pub fn sound(head: &Head, salt: u64, data: &[u8]) -> bool {
    data.len() as u64 == u64::from(head.data) && checksum(salt, data) == head.data_sum
}

/// A checksum for a head's records that come in parts.
#[must_use]
pub fn data_sum(salt: u64) -> Checksum {
    Checksum::new(salt)
}

/// Entries that are going to be written one after the other with one call.
#[derive(Debug, Default)]
pub struct Pieces<'a> {
    heads: Vec<u8>,
    parts: Vec<(Range<usize>, &'a [u8])>,
    /// Bytes of all entries.
    pub bytes: u64,
}

impl<'a> Pieces<'a> {
    /// Adds an entry: its head, and the records as they stand in their chunk (none where all have ended).
    pub fn push(&mut self, head: &Head, salt: u64, data: &'a [u8]) {
        let start = self.heads.len();
        head.encode(salt, &mut self.heads);
        self.parts.push((start..self.heads.len(), data));
        self.bytes += head.entry_length();
    }

    /// Number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.parts.len()
    }

    /// What to write, in order.
    #[must_use]
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        let parts = self.parts.iter().flat_map(|(head, data)| [&self.heads[head.clone()], *data]);
        parts.filter(|part| !part.is_empty()).map(IoSlice::new).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn text_run(records: u32) -> DiskRun {
        DiskRun { client: [0; 16], first_sequence: 0, sequences: records, records }
    }

    /// The bytes of one entry.
    pub(crate) fn encoded(head: &Head, salt: u64, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        head.encode(salt, &mut out);
        out.extend_from_slice(data);
        out
    }

    fn head() -> Head {
        let runs = vec![text_run(1), DiskRun { client: [7; 16], first_sequence: 5, sequences: 1, records: 2 }];
        Head { data: 4, data_sum: checksum(9, b"data"), records: 3, after: 10, first: 12, arrived_ms: -1, runs }
    }

    #[test]
    fn a_head_comes_back() {
        let bytes = encoded(&head(), 9, b"data");
        assert_eq!(bytes.len() as u64, head().entry_length());
        assert_eq!(Head::decode(&bytes, 9), Some(head()));
        assert!(sound(&head(), 9, b"data") && !sound(&head(), 9, b"date") && !sound(&head(), 8, b"data"));
        assert_eq!(Head::decode(&bytes, 8), None);
    }

    #[test]
    fn any_flipped_or_missing_byte_shows() {
        let bytes = encoded(&head(), 9, b"");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(Head::decode(&flipped, 9), None, "byte {at}");
            assert_eq!(Head::decode(&bytes[..at], 9), None, "cut at {at}");
        }
    }

    #[test]
    fn a_head_that_contradicts_itself_is_none() {
        let wrong = [
            Head { records: 0, runs: Vec::new(), ..head() },
            Head { records: 4, ..head() },
            Head { after: 13, ..head() },
            Head { first: u64::MAX - 1, ..head() },
            Head { first: HIGHEST_OFFSET - 2, ..head() },
        ];
        for head in wrong {
            assert_eq!(Head::decode(&encoded(&head, 9, b""), 9), None, "{head:?}");
        }
    }

    #[test]
    fn pieces_are_what_is_written() {
        let mut pieces = Pieces::default();
        pieces.push(&head(), 9, b"data");
        pieces.push(&Head { data: 0, ..head() }, 9, b"");
        let written: Vec<u8> = pieces.slices().iter().flat_map(|part| part.to_vec()).collect();
        assert_eq!(written.len() as u64, pieces.bytes);
        assert_eq!((pieces.entries(), pieces.slices().len()), (2, 3));
        assert_eq!(Head::decode(&written[head().entry_length() as usize..], 9).map(|head| head.data), Some(0));
    }
}
