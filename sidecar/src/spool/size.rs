//! How much disk records take, from the format alone: for who has to say how large a volume must be. Pure.
//!
//! Everything here is an upper bound for an even flow; what it leaves out is damage (see [`beside`]).

use super::disk::blocks;
use super::entry::{HEAD, RUN};
use super::pool::{MOST_QUARANTINED, MOST_SPARES};
use super::writer::OLD;
use super::{cursor, DEAD_LETTER_BYTES, DEAD_LETTER_FILES, LARGEST_SEGMENT, SMALLEST_SEGMENT};

/// What one segment takes beside its entries: a header with the names and some dozens of channels, and its last block's rest.
const SEGMENT_EXTRA: f64 = 8_192.0;

/// What one lane's records are, each second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Bytes of records as they stand in chunks.
    pub(crate) data: f64,
    /// Chunks.
    pub(crate) chunks: f64,
    /// Runs of all chunks.
    pub(crate) runs: f64,
}

impl Flow {
    /// Bytes that its entries and segments take, a second.
    pub(crate) fn bytes_a_second(self) -> f64 {
        let entries = self.data + self.chunks * HEAD as f64 + self.runs * RUN as f64;
        let segments = entries / SMALLEST_SEGMENT as f64 + 1.0 / OLD.as_secs_f64();
        entries + segments * SEGMENT_EXTRA
    }
}

/// Bytes of a lane's files after so many seconds in which nothing ended.
pub(crate) fn lane_bytes(flow: Flow, seconds: f64) -> f64 {
    let cursor = 2 * blocks(cursor::LONGEST as u64);
    flow.bytes_a_second() * seconds + (cursor + blocks(1)) as f64
}

/// What may stand beside the lanes' files and does not count towards `--spool-max`: quarantine, spares, dead letters.
pub(crate) fn beside() -> u64 {
    (MOST_QUARANTINED + MOST_SPARES) as u64 * LARGEST_SEGMENT + DEAD_LETTER_FILES as u64 * DEAD_LETTER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_is_what_the_documentation_says() {
        assert_eq!(beside(), (64 + 16 + 32) << 20);
    }

    #[test]
    fn records_cost_little_more_than_their_bytes_where_chunks_are_full() {
        let flow = Flow { data: 1e6, chunks: 1e6 / 65_536.0, runs: 1e6 / 65_536.0 };
        let overhead = flow.bytes_a_second() / flow.data - 1.0;
        assert!((0.0..0.05).contains(&overhead), "{overhead}");
    }

    #[test]
    fn a_quiet_lane_costs_its_segments() {
        let nothing = Flow { data: 0.0, chunks: 0.0, runs: 0.0 };
        assert!(lane_bytes(nothing, 0.0) > 2.0 * 73_769.0);
        assert!(lane_bytes(nothing, 10.0) >= lane_bytes(nothing, 0.0) + 2.0 * SEGMENT_EXTRA);
    }
}
