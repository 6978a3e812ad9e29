//! The files of an input: how they are read from it, laid out, put right, and what was really written in them.
//!
//! What an entry looks like is read here from `docs/spool.md` once more, so that the reader under test is not its own judge.

use std::fs;
use std::path::Path;

use crate::config::Destination;
use crate::spool::checksum::checksum;
use crate::spool::header;
use crate::spool::name::{lane_folder, SegmentName, CURSOR, HIGHEST_OFFSET, LANES, LANE_FILE, SPARE};

const HEAD: usize = 52;
const RUN: usize = 32;

/// A file of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// A segment, under its name.
    Segment(SegmentName, Vec<u8>),
    /// The lane's cursor.
    Cursor(Vec<u8>),
    /// The lane's destination.
    Lane(Vec<u8>),
    /// A segment to be used again.
    Spare(Vec<u8>),
}

/// The files of an input; what is cut short is left out.
pub(super) fn of(mut data: &[u8]) -> Vec<File> {
    let mut files = Vec::new();
    while let Some((&[kind, low, high], rest)) = data.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (bytes, behind) = rest.split_at(length);
        files.extend(file(kind, bytes));
        data = behind;
    }
    files
}

fn file(kind: u8, bytes: &[u8]) -> Option<File> {
    let right = kind % 2 == 1;
    Some(match kind % 8 {
        0 | 1 => {
            let (name, bytes) = bytes.split_at_checked(16)?;
            let name = SegmentName { base: number(name, 0)?.min(HIGHEST_OFFSET), salt: number(name, 8)? };
            let mut bytes = bytes.to_vec();
            if right {
                put_right(name.salt, &mut bytes);
            }
            File::Segment(name, bytes)
        }
        2 | 3 => {
            let mut bytes = bytes.to_vec();
            if right {
                let end = length_at(&bytes, 8);
                put_sum(0, &mut bytes, 12, 16, end);
            }
            File::Cursor(bytes)
        }
        4 => File::Lane(bytes.to_vec()),
        _ => File::Spare(bytes.to_vec()),
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// A length field, no more than there are bytes.
fn length_at(bytes: &[u8], at: usize) -> usize {
    let field = bytes.get(at..at + 4).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes);
    (field as usize).min(bytes.len())
}

/// Writes the checksum of `from..end` at `at`, where there is all of that.
fn put_sum(salt: u64, bytes: &mut [u8], at: usize, from: usize, end: usize) {
    if let Some(sum) = bytes.get(from..end).map(|part| checksum(salt, part)) {
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Puts the sums of a segment's header right, and mark and sums of each entry that follows.
fn put_right(salt: u64, bytes: &mut [u8]) {
    let mut place = length_at(bytes, 8).max(header::PREFIX);
    put_sum(salt, bytes, 12, header::PREFIX, place);
    while place + HEAD <= bytes.len() {
        let data_at = place + HEAD + RUN * length_at(bytes, place + 24).min(64);
        let end = data_at + length_at(bytes, place + 12);
        bytes[place..place + 8].copy_from_slice(&salt.to_le_bytes());
        put_sum(salt, bytes, place + 16, data_at, end);
        put_sum(salt, bytes, place + 8, place + 12, data_at);
        place = end;
    }
}

/// Lays the files out below `root`.
pub(super) fn place(root: &Path, destination: &Destination, files: &[File]) {
    let lane = root.join(LANES).join(lane_folder(destination, 0));
    fs::create_dir_all(&lane).unwrap();
    fs::create_dir_all(root.join(SPARE)).unwrap();
    for (index, file) in files.iter().enumerate() {
        let (path, bytes) = match file {
            File::Segment(name, bytes) => (lane.join(name.to_string()), bytes),
            File::Cursor(bytes) => (lane.join(CURSOR), bytes),
            File::Lane(bytes) => (lane.join(LANE_FILE), bytes),
            File::Spare(bytes) => (root.join(SPARE).join(index.to_string()), bytes),
        };
        fs::write(path, bytes).unwrap();
    }
}

impl File {
    /// Whether these records were written here as an entry with good checksums; without data: only its head was.
    pub(super) fn wrote(&self, first: u64, records: u32, data: &[u8]) -> bool {
        let File::Segment(name, bytes) = self else { return false };
        let mark = name.salt.to_le_bytes();
        let marks = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&mark));
        marks.into_iter().any(|at| is_entry(name.salt, &bytes[at..], first, records, data))
    }

    /// Whether a text stands here anywhere.
    pub(super) fn holds(&self, text: &[u8]) -> bool {
        matches!(self, File::Segment(_, bytes) if memchr::memmem::find(bytes, text).is_some())
    }

    /// The file as a part of an input.
    #[must_use]
    pub fn encode(&self, put_right: bool) -> Vec<u8> {
        let (kind, bytes) = match self {
            File::Segment(name, bytes) => (0, [&name.base.to_le_bytes()[..], &name.salt.to_le_bytes(), bytes].concat()),
            File::Cursor(bytes) => (2, bytes.clone()),
            File::Lane(bytes) => (4, bytes.clone()),
            File::Spare(bytes) => (6, bytes.clone()),
        };
        let length = u16::try_from(bytes.len()).expect("an input's file is short");
        [&[kind + u8::from(put_right)][..], &length.to_le_bytes(), &bytes].concat()
    }
}

fn is_entry(salt: u64, entry: &[u8], first: u64, records: u32, data: &[u8]) -> bool {
    let field = |at: usize| entry.get(at..at + 4).and_then(|f| f.try_into().ok()).map(u32::from_le_bytes);
    let (Some(sum), Some(length), Some(data_sum), Some(count), Some(runs)) =
        (field(8), field(12), field(16), field(20), field(24))
    else {
        return false;
    };
    let data_at = (runs as usize).saturating_mul(RUN).saturating_add(HEAD);
    let head_is_good = entry.get(12..data_at).is_some_and(|head| checksum(salt, head) == sum);
    let same = count == records && number(entry, 36) == Some(first);
    let good = || length as usize == data.len() && checksum(salt, data) == data_sum;
    let there = || entry.get(data_at..).is_some_and(|bytes| bytes.starts_with(data));
    head_is_good && same && (data.is_empty() || good() && there())
}
