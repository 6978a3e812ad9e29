//! The wire protocol, pure: bytes to frames and back.
//!
//! This is the one encoding that the client and the sidecar share; `docs/protocol.md` is its specification and
//! `tests/vectors/protocol.json` its examples, for clients in other languages too. Every public name here is
//! exempt from the crate's version promise: it follows the protocol's version instead.
//!
//! Layout: [`record`](Record) is what a frame carries; [`ClientFrame`] and [`SidecarFrame`] are the two directions;
//! [`frame`] splits a stream into frames; [`first_bytes`] tells framed clients from text ones.
//!
//! Limits: nothing is allocated that a sender's length field asks for. A length is refused before its bytes are
//! there, and decoded frames borrow from the bytes they were read from. No input panics.
//!
//! Absent: this module does no I/O, reads no clock, and knows nothing of lanes, queues or retries.

mod client_frame;
mod error;
mod field;
mod record;
mod sidecar_frame;
mod split;

pub use client_frame::{ClientFrame, Hello, Lost, RecordsFrame};
pub use error::{ErrorCode, WireError};
pub use record::{append_record, Record, Records};
pub use sidecar_frame::{Ack, FlushDone, FlushStatus, SidecarFrame, Welcome};
pub use split::{first_bytes, frame, utf8_cut, Framed, Kind};

/// What a framed client sends first. `0xFF` never occurs in UTF-8. The sidecar sends no magic.
pub const MAGIC: [u8; 4] = [0xFF, b'S', b'P', b'D'];

/// The lowest protocol version that this crate speaks.
pub const MIN_VERSION: u16 = 1;
/// The highest protocol version that this crate speaks.
pub const MAX_VERSION: u16 = 1;

/// The bytes before a record's text: timestamp `i64`, length `u32`.
pub const RECORD_HEADER: usize = 12;
/// The bytes before a frame's payload: length `u32`, type `u8`. The length counts the type and the payload.
pub const FRAME_HEADER: usize = 5;
/// The bytes before the first record of a records frame: the frame's header, first sequence `u64`, count `u32`.
pub const RECORDS_HEADER: usize = FRAME_HEADER + 12;

/// The longest text of one record where nothing else is configured.
pub const DEFAULT_MAX_RECORD: u32 = 256 * 1024;
/// What a frame may hold beyond `max_record`.
pub const FRAME_OVERHEAD: u32 = 65_536;
/// The largest length of a hello, which comes before the welcome tells `max_frame`.
pub const MAX_HELLO: u32 = 65_536;
/// How many flushes may wait on one connection.
pub const MAX_WAITING_FLUSHES: usize = 64;

/// The bit in a welcome's flags that says *durable means disk*; without it durable means ended.
pub const FLAG_DURABLE_IS_DISK: u8 = 1;
/// The bit in a welcome's flags that says that the destination was refused and the default one is used.
pub const FLAG_DESTINATION_REFUSED: u8 = 2;
/// The bit in a welcome's flags that says that records are accepted and dropped.
pub const FLAG_DISABLED: u8 = 4;
/// The bit in a welcome's flags that says that the channel was known, so its counts go on; without it they start at 0.
pub const FLAG_KNOWN_CHANNEL: u8 = 8;

/// Frame types, the fifth byte of every frame. Those of the sidecar have the high bit set.
pub mod frame_type {
    /// Client: who it is and where its records go.
    pub const HELLO: u8 = 0x01;
    /// Client: records.
    pub const RECORDS: u8 = 0x02;
    /// Client: a barrier that asks for an answer.
    pub const FLUSH: u8 = 0x03;
    /// Client: records it had to drop itself.
    pub const LOST: u8 = 0x04;
    /// Client: it is done.
    pub const BYE: u8 = 0x05;
    /// Sidecar: the answer to hello.
    pub const WELCOME: u8 = 0x81;
    /// Sidecar: the channel's watermarks and counts.
    pub const ACK: u8 = 0x82;
    /// Sidecar: the answer to a flush.
    pub const FLUSH_DONE: u8 = 0x83;
    /// Sidecar: it is about to stop.
    pub const DRAINING: u8 = 0x84;
    /// Sidecar: why it closes the connection.
    pub const ERROR: u8 = 0x85;
}

/// How far records must have come before a flush answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// In the sidecar's memory.
    Admitted = 1,
    /// On the sidecar's disk; without a spool the same as [`Level::Ended`].
    Durable = 2,
    /// Delivered, rejected or dropped: it has an outcome.
    Ended = 3,
}

impl Level {
    /// The level that a byte on the wire stands for.
    pub fn from_wire(level: u8) -> Result<Self, WireError> {
        match level {
            1 => Ok(Level::Admitted),
            2 => Ok(Level::Durable),
            3 => Ok(Level::Ended),
            other => Err(WireError::BadLevel(other)),
        }
    }
}
