//! What the engine and the spool say to each other: plain data, no file.
//!
//! The engine decides what goes to disk, in which order and how much; the spool does it and reports. A lane has at most one
//! [`Order`] and one [`Read`] under way, so what waits for a slow disk is bounded by the number of lanes, and what gathers
//! meanwhile becomes one larger append (and, where a sync is asked for, one sync).

use std::ops::Range;
use std::sync::Arc;

use super::budget::Payment;
use super::channel::ClientId;
use super::chunk::Chunk;
use super::lane::LaneId;
use crate::config::Destination;

/// Most ended ranges above the watermark that a cursor keeps.
pub const CURSOR_RANGES: usize = 512;

/// Whose part of a chunk on disk belongs to whom. Like [`Run`](super::chunk::Run), with the client's own id: an index means
/// nothing to the next process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskRun {
    /// Whose records; all zeros for text.
    pub client: ClientId,
    /// Sequence of the first record (0 for text).
    pub first_sequence: u64,
    /// How many sequences end in this run.
    pub sequences: u32,
    /// How many records belong to it.
    pub records: u32,
}

/// One chunk to append.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Offset of its first record.
    pub first: u64,
    /// The records.
    pub chunk: Arc<Chunk>,
    /// Whose they are.
    pub runs: Vec<DiskRun>,
    /// When the first was taken in, in milliseconds since the epoch.
    pub arrived_ms: i64,
    /// All of them have ended: only the runs are written.
    pub ended: bool,
}

/// What is known of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelMark {
    /// Whose.
    pub client: ClientId,
    /// Last contiguous sequence on disk or ended. The spool raises it with the runs it appends.
    pub admitted: u64,
    /// Every sequence up to here has ended.
    pub ended: u64,
    /// Records delivered.
    pub delivered: u64,
    /// Records rejected.
    pub rejected: u64,
    /// Records dropped.
    pub dropped: u64,
    /// Last loss report taken in.
    pub lost_to: u64,
}

/// What of a lane has ended. A lower bound: losing it costs duplicates, never records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Every offset below has ended.
    pub watermark: u64,
    /// What has ended above it, ascending, at most [`CURSOR_RANGES`].
    pub ended: Vec<Range<u64>>,
    /// The lane's channels.
    pub channels: Vec<ChannelMark>,
    /// Nothing was in flight and nothing is going to happen: the last cursor of an orderly end.
    pub clean: bool,
}

/// Records that CloudWatch refused for good, for the dead letter.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Their chunk.
    pub chunk: Arc<Chunk>,
    /// Which of it.
    pub records: Range<u32>,
    /// Why: the name of an [`account::Rejected`](super::account::Rejected).
    pub reason: &'static str,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// Work on one lane's files, done in this order: append, sync if configured, write the cursor, delete the segments of which
/// the cursor says that all has ended. A cursor that names what is not on disk, because the append failed, is not written.
#[derive(Debug)]
pub struct Order {
    /// The lane.
    pub lane: LaneId,
    /// Its destination.
    pub destination: Destination,
    /// Chunks to append, ascending. Offsets between one and the next (and between the last order and this one) have ended.
    pub append: Vec<Entry>,
    /// The offset behind the last of them, or behind what ended instead.
    pub end: u64,
    /// What has ended.
    pub cursor: Option<Cursor>,
    /// Dead letters.
    pub refused: Vec<Refused>,
    /// The lane is not needed any more: delete everything of it. What is ordered later begins anew.
    pub close: bool,
}

/// How an order went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The lane.
    pub lane: LaneId,
    /// Everything appended below this offset is durable now. Less than the order's end where it failed on the way.
    pub end: u64,
    /// Bytes of the lane's files.
    pub lane_bytes: u64,
    /// Bytes of all files of the spool, spares and cursors included.
    pub spool_bytes: u64,
    /// What went wrong, for people. The rest of the order is not done and will be asked for again.
    pub failure: Option<String>,
    /// The lane has records on disk that nobody has looked at: nothing is written before that.
    pub look_first: bool,
}

/// Bring a lane's records back into memory.
#[derive(Debug)]
pub struct Read {
    /// The lane.
    pub lane: LaneId,
    /// From this offset, the first of a chunk.
    pub from: u64,
    /// No further than this: everything below is written.
    pub to: u64,
    /// Pays for the chunks; what they do not need goes back. At least one chunk is read if it pays for that.
    pub payment: Payment,
    /// What is wanted.
    pub want: Want,
}

/// What a [`Read`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Records, to ship them.
    Records,
    /// The same, but what the disk refuses to give is taken for damaged, up to the end of its segment: it was tried often.
    RecordsOrSkip,
    /// Only whose they are, to the end of the segment: they are going to be dropped.
    Runs,
}

/// A piece of what was read; pieces are contiguous.
#[derive(Debug)]
pub enum Piece {
    /// A chunk as it was written, its runs empty until the engine has found their channels.
    Chunk {
        /// Offset of its first record.
        first: u64,
        /// The records (none where only the runs were asked for, or where all had ended when it was written).
        chunk: Chunk,
        /// Whose they are.
        runs: Vec<DiskRun>,
        /// When the first was taken in, in milliseconds since the epoch.
        arrived_ms: i64,
        /// Whether they had ended when it was written.
        ended: bool,
    },
    /// These offsets had ended when their neighbours were written.
    Ended(Range<u64>),
    /// These offsets cannot be read: damaged, or their segment is gone.
    Corrupt {
        /// Which.
        offsets: Range<u64>,
        /// Whose they are, where that can still be read.
        runs: Vec<DiskRun>,
    },
}

/// What a [`Read`] brought.
#[derive(Debug)]
pub struct ReadBack {
    /// The lane.
    pub lane: LaneId,
    /// From `from` on, contiguous.
    pub pieces: Vec<Piece>,
    /// Where the next read begins.
    pub next: u64,
    /// Bytes that the next chunk needs, where the payment was too small for even one.
    pub needs: Option<usize>,
    /// The disk refused: to be tried again later.
    pub failure: Option<String>,
}

/// What a lane left on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The lane.
    pub lane: LaneId,
    /// What has ended; `watermark` is at least the first offset on disk, and no more than `next`.
    pub cursor: Cursor,
    /// The offset behind the last record on disk.
    pub next: u64,
    /// Bytes of the lane's files.
    pub lane_bytes: u64,
    /// Bytes of all files of the spool.
    pub spool_bytes: u64,
    /// What went wrong: then nothing of the lane is known yet, and it is to be tried again.
    pub failure: Option<String>,
}
