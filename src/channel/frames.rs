//! Frames that are kept for sending again, and the memory they are built in.

use crate::losses::Span;
use crate::wire::{utf8_cut, Record, RecordsFrame, RECORDS_HEADER};

use super::FRAME_TARGET;

/// What a frame costs beside its bytes: its place in the window and the allocator's own.
const OVERHEAD: usize = 80;
/// How much memory for open frames is kept.
const MAX_SPARES: usize = 4;

/// A sealed frame, as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) span: Span,
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    /// What it takes of the window: its memory, not its length.
    pub(crate) fn cost(&self) -> usize {
        self.bytes.capacity() + OVERHEAD
    }

    /// Cuts the text of a lone record that makes the frame longer than `max_frame`. Says whether it had to.
    pub(super) fn shorten(&mut self, max_frame: usize, max_record: usize) -> bool {
        if self.bytes.len() - 4 <= max_frame || self.count != 1 {
            return false;
        }
        let Ok((record, _)) = Record::decode(&self.bytes[RECORDS_HEADER..]) else {
            return false;
        };
        let cut = utf8_cut(record.text, max_record);
        let mut shorter = RecordsFrame::with_capacity(RECORDS_HEADER + cut + 12);
        shorter.push(record.timestamp_ms, &record.text[..cut]);
        self.bytes = shorter.finish(self.first);
        true
    }
}

/// Memory of frames that were freed, for the next ones.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(FRAME_TARGET))
    }

    pub(super) fn give(&mut self, bytes: Vec<u8>) {
        let usual = (FRAME_TARGET..=2 * FRAME_TARGET).contains(&bytes.capacity());
        if usual && self.0.len() < MAX_SPARES {
            self.0.push(bytes);
        }
    }

    /// A frame much smaller than its memory is copied out of it, so that a trickle of records does not fill the
    /// window with empty room.
    pub(super) fn right_size(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        if bytes.len() * 2 > bytes.capacity() {
            return bytes;
        }
        let exact = bytes.as_slice().to_vec();
        self.give(bytes);
        exact
    }
}
