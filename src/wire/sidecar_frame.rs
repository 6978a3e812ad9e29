//! Frames from the sidecar to the client.

use super::field::{put_frame, put_str, Fields};
use super::{frame_type, ErrorCode, WireError};
use super::{FLAG_DESTINATION_REFUSED, FLAG_DISABLED, FLAG_DURABLE_IS_DISK, FLAG_KNOWN_CHANNEL};

/// The answer to hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The highest version that both know.
    pub version: u16,
    /// See the `FLAG_…` constants. Bits that are not known are ignored.
    pub flags: u8,
    /// Random for each start of the sidecar.
    pub instance: [u8; 16],
    /// N: the last contiguous sequence that the sidecar has.
    pub resume: u64,
    /// The longest text that is not split.
    pub max_record: u32,
    /// The largest length of a frame.
    pub max_frame: u32,
}

impl Welcome {
    /// Whether *durable* means on disk; else it means *ended*.
    pub fn durable_is_disk(&self) -> bool {
        self.flags & FLAG_DURABLE_IS_DISK != 0
    }

    /// Whether the destination was refused, and the default one is used.
    pub fn destination_refused(&self) -> bool {
        self.flags & FLAG_DESTINATION_REFUSED != 0
    }

    /// Whether records are accepted and dropped.
    pub fn disabled(&self) -> bool {
        self.flags & FLAG_DISABLED != 0
    }

    /// Whether the sidecar knew the channel, so that its counts go on; else they start at 0.
    pub fn known_channel(&self) -> bool {
        self.flags & FLAG_KNOWN_CHANNEL != 0
    }
}

/// The channel's watermarks, each inclusive and 0 for none, and its cumulative counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack {
    /// The last sequence in memory.
    pub admitted_to: u64,
    /// The last sequence that is safe.
    pub durable_to: u64,
    /// The last sequence up to which all have an outcome.
    pub ended_to: u64,
    /// How many were delivered.
    pub delivered: u64,
    /// How many were rejected.
    pub rejected: u64,
    /// How many were dropped.
    pub dropped: u64,
    /// The last lost report taken in.
    pub lost_to: u64,
}

impl Ack {
    /// The later of two acks of one channel: everything in them only rises.
    #[must_use]
    pub fn latest(self, other: Ack) -> Ack {
        Ack {
            admitted_to: self.admitted_to.max(other.admitted_to),
            durable_to: self.durable_to.max(other.durable_to),
            ended_to: self.ended_to.max(other.ended_to),
            delivered: self.delivered.max(other.delivered),
            rejected: self.rejected.max(other.rejected),
            dropped: self.dropped.max(other.dropped),
            lost_to: self.lost_to.max(other.lost_to),
        }
    }
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FlushStatus {
    /// The watermark passed.
    Reached = 0,
    /// Time ran out, or too many flushes were waiting.
    TimedOut = 1,
}

/// The answer to a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushDone {
    /// The flush's own.
    pub ticket: u64,
    /// How it ended.
    pub status: FlushStatus,
    /// Cumulative, as in [`Ack`].
    pub delivered: u64,
    /// Cumulative, as in [`Ack`].
    pub rejected: u64,
    /// Cumulative, as in [`Ack`].
    pub dropped: u64,
    /// Of the channel, on disk and not ended at that moment.
    pub spooled: u64,
    /// Of the channel, in memory and not ended at that moment.
    pub pending: u64,
}

/// A frame from the sidecar, borrowed from the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarFrame<'a> {
    /// The answer to hello.
    Welcome(Welcome),
    /// Where the channel stands.
    Ack(Ack),
    /// The answer to a flush.
    FlushDone(FlushDone),
    /// It is about to stop and reads no more.
    Draining {
        /// How long it will still try to ship.
        deadline_ms: u32,
    },
    /// It closes the connection, and why.
    Error {
        /// What kind of error.
        code: ErrorCode,
        /// For people.
        text: &'a str,
    },
}

impl<'a> SidecarFrame<'a> {
    /// Appends the whole frame, its length and type included.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        match *self {
            SidecarFrame::Welcome(welcome) => put_frame(out, frame_type::WELCOME, |out| {
                out.extend_from_slice(&welcome.version.to_le_bytes());
                out.push(welcome.flags);
                out.extend_from_slice(&welcome.instance);
                out.extend_from_slice(&welcome.resume.to_le_bytes());
                out.extend_from_slice(&welcome.max_record.to_le_bytes());
                out.extend_from_slice(&welcome.max_frame.to_le_bytes());
            }),
            SidecarFrame::Ack(ack) => put_frame(out, frame_type::ACK, |out| {
                let fields = [
                    ack.admitted_to,
                    ack.durable_to,
                    ack.ended_to,
                    ack.delivered,
                    ack.rejected,
                    ack.dropped,
                    ack.lost_to,
                ];
                put_u64s(out, &fields);
            }),
            SidecarFrame::FlushDone(done) => put_frame(out, frame_type::FLUSH_DONE, |out| {
                put_u64s(out, &[done.ticket]);
                out.push(done.status as u8);
                let fields = [done.delivered, done.rejected, done.dropped, done.spooled, done.pending];
                put_u64s(out, &fields);
            }),
            SidecarFrame::Draining { deadline_ms } => {
                put_frame(out, frame_type::DRAINING, |out| {
                    out.extend_from_slice(&deadline_ms.to_le_bytes());
                });
            }
            SidecarFrame::Error { code, text } => put_frame(out, frame_type::ERROR, |out| {
                out.extend_from_slice(&code.0.to_le_bytes());
                put_str(out, text);
            }),
        }
    }

    /// Reads a frame from its type and payload, as [`frame`](super::frame) gives them.
    pub fn decode(frame_type: u8, payload: &'a [u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(payload);
        match frame_type {
            frame_type::WELCOME => decode_welcome(fields),
            frame_type::ACK => decode_ack(fields),
            frame_type::FLUSH_DONE => decode_flush_done(fields),
            frame_type::DRAINING => Ok(SidecarFrame::Draining { deadline_ms: fields.u32()? }),
            frame_type::ERROR => Ok(SidecarFrame::Error { code: ErrorCode(fields.u16()?), text: fields.str()? }),
            unknown => Err(WireError::UnknownType(unknown)),
        }
    }
}

fn put_u64s(out: &mut Vec<u8>, fields: &[u64]) {
    for field in fields {
        out.extend_from_slice(&field.to_le_bytes());
    }
}

fn decode_welcome(mut fields: Fields<'_>) -> Result<SidecarFrame<'_>, WireError> {
    Ok(SidecarFrame::Welcome(Welcome {
        version: fields.u16()?,
        flags: fields.u8()?,
        instance: fields.array()?,
        resume: fields.u64()?,
        max_record: fields.u32()?,
        max_frame: fields.u32()?,
    }))
}

fn decode_ack(mut fields: Fields<'_>) -> Result<SidecarFrame<'_>, WireError> {
    Ok(SidecarFrame::Ack(Ack {
        admitted_to: fields.u64()?,
        durable_to: fields.u64()?,
        ended_to: fields.u64()?,
        delivered: fields.u64()?,
        rejected: fields.u64()?,
        dropped: fields.u64()?,
        lost_to: fields.u64()?,
    }))
}

fn decode_flush_done(mut fields: Fields<'_>) -> Result<SidecarFrame<'_>, WireError> {
    Ok(SidecarFrame::FlushDone(FlushDone {
        ticket: fields.u64()?,
        status: match fields.u8()? {
            0 => FlushStatus::Reached,
            1 => FlushStatus::TimedOut,
            other => return Err(WireError::BadStatus(other)),
        },
        delivered: fields.u64()?,
        rejected: fields.u64()?,
        dropped: fields.u64()?,
        spooled: fields.u64()?,
        pending: fields.u64()?,
    }))
}
