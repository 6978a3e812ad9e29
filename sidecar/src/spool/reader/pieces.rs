//! What a read has gathered so far: contiguous pieces, and what is left of the payment.

use std::ops::Range;

use crate::engine::budget::Payment;
use crate::engine::chunk::{Chunk, Records};
use crate::engine::lane::LaneId;
use crate::engine::spool::{DiskRun, Piece, Read, ReadBack, Want};
use crate::spool::entry::Head;

/// Most pieces of one read, and most runs: tombstones and runs cost no payment, yet they take memory.
const MOST_PIECES: usize = 256;
const MOST_RUNS: usize = 8_192;

/// The pieces of one read.
#[derive(Debug)]
pub(super) struct Gathered {
    lane: LaneId,
    pieces: Vec<Piece>,
    payment: Payment,
    needs: Option<usize>,
    runs: usize,
    full: bool,
    /// Where the next piece begins.
    pub(super) next: u64,
    /// Where to stop.
    pub(super) to: u64,
    pub(super) want: Want,
    /// What has ended as far as the cursor on disk says, ascending: what cannot be read of it is no loss.
    pub(super) known_ended: Vec<Range<u64>>,
    /// Something in the present segment could not be read.
    pub(super) damaged: bool,
}

impl Gathered {
    pub(super) fn new(read: Read) -> Self {
        let Read { lane, from, to, payment, want } = read;
        let (pieces, needs, runs, full) = (Vec::new(), None, 0, false);
        Gathered {
            lane,
            pieces,
            payment,
            needs,
            runs,
            full,
            next: from,
            to,
            want,
            known_ended: Vec::new(),
            damaged: false,
        }
    }

    pub(super) fn wants_more(&self) -> bool {
        self.next < self.to && !self.full
    }

    /// How many bytes to bring from the disk in one go.
    pub(super) fn stride(&self) -> usize {
        if self.want == Want::Runs {
            0
        } else {
            self.payment.bytes()
        }
    }

    /// Everything up to `end` had ended.
    pub(super) fn ended(&mut self, end: u64) {
        let end = end.min(self.to);
        if self.next < end {
            self.pieces.push(Piece::Ended(self.next..end));
            self.next = end;
        }
    }

    /// Everything up to `end` cannot be read. What is known to have ended anyway is not called a loss.
    pub(super) fn corrupt(&mut self, end: u64, runs: Vec<DiskRun>) {
        // Where the runs are known, they are of one whole chunk.
        let end = if runs.is_empty() { end.min(self.to) } else { end };
        if self.next >= end {
            return;
        }
        if !runs.is_empty() {
            // What of a whole chunk had ended is the engine's to know.
            return self.lose(end, runs);
        }
        for range in self.known_ended.clone().into_iter().filter(|range| range.start < end) {
            self.lose(range.start, Vec::new());
            self.ended(range.end.min(end));
        }
        self.lose(end, Vec::new());
    }

    fn lose(&mut self, end: u64, runs: Vec<DiskRun>) {
        if self.next < end {
            self.damaged = true;
            self.runs += runs.len();
            self.pieces.push(Piece::Corrupt { offsets: self.next..end, runs });
            self.next = end;
        }
    }

    /// A segment has been read as far as is wanted. Whoever drops records drops no more than a segment's.
    pub(super) fn segment_done(&mut self) {
        self.full |= self.want == Want::Runs && !self.pieces.is_empty();
    }

    /// A chunk as it was written.
    pub(super) fn chunk(&mut self, head: &Head, chunk: Chunk, ended: bool) {
        let (first, arrived_ms, runs) = (head.first, head.arrived_ms, head.runs.clone());
        self.runs += runs.len();
        self.pieces.push(Piece::Chunk { first, chunk, runs, arrived_ms, ended });
        self.next = head.end();
    }

    /// Whether another piece with so many runs may be gathered. The first always may.
    pub(super) fn has_room_for(&mut self, runs: usize) -> bool {
        let room = self.pieces.is_empty() || (self.pieces.len() < MOST_PIECES && self.runs + runs <= MOST_RUNS);
        self.full |= !room;
        room
    }

    /// Pays for a chunk, or says what would have been needed for the first.
    pub(super) fn pay(&mut self, bytes: usize) -> Option<Payment> {
        // Not `split` first: it would leave nothing of a payment that is too small.
        if self.payment.bytes() >= bytes {
            return self.payment.split(bytes);
        }
        self.full = true;
        if self.pieces.is_empty() {
            self.needs = Some(bytes);
        }
        None
    }

    /// Whether the segment that was just read is damaged.
    pub(super) fn take_damage(&mut self) -> bool {
        std::mem::take(&mut self.damaged)
    }

    /// Hands over what there is. A failure counts only where there is nothing: the next read will meet it again.
    pub(super) fn finish(self, failure: Option<String>) -> ReadBack {
        let failure = failure.filter(|_| self.pieces.is_empty());
        ReadBack { lane: self.lane, next: self.next, needs: self.needs, failure, pieces: self.pieces }
    }
}

/// Whether all texts are UTF-8. That the records are whole is for [`Chunk::restored`] to see.
pub(super) fn whole_records(data: &[u8]) -> bool {
    Records::new(data).all(|record| simdutf8::basic::from_utf8(record.text).is_ok())
}
