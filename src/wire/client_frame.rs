//! Frames from the client to the sidecar.

use super::field::{patch_length, put_frame, put_str, Fields};
use super::record::append_record;
use super::{frame_type, Level, Records, WireError, RECORDS_HEADER};

/// Who a client is and where its records go: the first frame of a connection, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The lowest version the client speaks.
    pub min_version: u16,
    /// The highest version the client speaks.
    pub max_version: u16,
    /// 128 random bits for each process incarnation.
    pub client_id: [u8; 16],
    /// The client's process.
    pub pid: u32,
    /// F: the oldest sequence that the client still holds, or the next it will use.
    pub oldest: u64,
    /// The app's name.
    pub app: &'a str,
    /// The log group; empty means the sidecar's own.
    pub group: &'a str,
    /// The log stream; empty means the sidecar's own.
    pub stream: &'a str,
}

/// Records that the client itself had to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost<'a> {
    /// 1, 2, 3, … for each client id, so that a report that is resent is told once.
    pub report: u64,
    /// How many records.
    pub count: u64,
    /// The lowest timestamp among them, in milliseconds.
    pub from_ms: i64,
    /// The highest timestamp among them, in milliseconds.
    pub to_ms: i64,
    /// Why, in a word.
    pub reason: &'a str,
}

/// A frame from the client, borrowed from the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientFrame<'a> {
    /// Who it is.
    Hello(Hello<'a>),
    /// Records `first_sequence`, + 1, + 2, …
    Records {
        /// The sequence of the first record, at least 1.
        first_sequence: u64,
        /// How many records there are, at least 1.
        count: u32,
        /// The encoded records; read them with [`Records`].
        body: &'a [u8],
    },
    /// Asks for an answer once everything sent so far has reached a level.
    Flush {
        /// Comes back in the answer.
        ticket: u64,
        /// How far.
        level: Level,
        /// When to answer all the same.
        timeout_ms: u32,
    },
    /// Records the client dropped.
    Lost(Lost<'a>),
    /// The client is done.
    Bye,
}

impl<'a> ClientFrame<'a> {
    /// Appends the whole frame, its length and type included.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        match *self {
            ClientFrame::Hello(hello) => put_frame(out, frame_type::HELLO, |out| {
                out.extend_from_slice(&hello.min_version.to_le_bytes());
                out.extend_from_slice(&hello.max_version.to_le_bytes());
                out.extend_from_slice(&hello.client_id);
                out.extend_from_slice(&hello.pid.to_le_bytes());
                out.extend_from_slice(&hello.oldest.to_le_bytes());
                put_str(out, hello.app);
                put_str(out, hello.group);
                put_str(out, hello.stream);
            }),
            ClientFrame::Records { first_sequence, count, body } => {
                put_frame(out, frame_type::RECORDS, |out| {
                    out.extend_from_slice(&first_sequence.to_le_bytes());
                    out.extend_from_slice(&count.to_le_bytes());
                    out.extend_from_slice(body);
                });
            }
            ClientFrame::Flush { ticket, level, timeout_ms } => {
                put_frame(out, frame_type::FLUSH, |out| {
                    out.extend_from_slice(&ticket.to_le_bytes());
                    out.push(level as u8);
                    out.extend_from_slice(&timeout_ms.to_le_bytes());
                });
            }
            ClientFrame::Lost(lost) => put_frame(out, frame_type::LOST, |out| {
                out.extend_from_slice(&lost.report.to_le_bytes());
                out.extend_from_slice(&lost.count.to_le_bytes());
                out.extend_from_slice(&lost.from_ms.to_le_bytes());
                out.extend_from_slice(&lost.to_ms.to_le_bytes());
                put_str(out, lost.reason);
            }),
            ClientFrame::Bye => put_frame(out, frame_type::BYE, |_| ()),
        }
    }

    /// Reads a frame from its type and payload, as [`frame`](super::frame) gives them.
    ///
    /// The records inside a records frame are not looked at: [`Records`] checks them as it goes.
    pub fn decode(frame_type: u8, payload: &'a [u8]) -> Result<Self, WireError> {
        let fields = Fields::new(payload);
        match frame_type {
            frame_type::HELLO => decode_hello(fields),
            frame_type::RECORDS => decode_records(fields),
            frame_type::FLUSH => decode_flush(fields),
            frame_type::LOST => decode_lost(fields),
            frame_type::BYE => Ok(ClientFrame::Bye),
            unknown => Err(WireError::UnknownType(unknown)),
        }
    }
}

fn decode_hello(mut fields: Fields<'_>) -> Result<ClientFrame<'_>, WireError> {
    let hello = Hello {
        min_version: fields.u16()?,
        max_version: fields.u16()?,
        client_id: fields.array()?,
        pid: fields.u32()?,
        oldest: fields.u64()?,
        app: fields.str()?,
        group: fields.str()?,
        stream: fields.str()?,
    };
    if hello.min_version == 0 || hello.min_version > hello.max_version {
        return Err(WireError::BadVersions);
    }
    if hello.oldest == 0 {
        return Err(WireError::BadSequence);
    }
    Ok(ClientFrame::Hello(hello))
}

fn decode_records(mut fields: Fields<'_>) -> Result<ClientFrame<'_>, WireError> {
    let first_sequence = fields.u64()?;
    let count = fields.u32()?;
    // The sequence after the last one must exist too: it is the next F.
    if first_sequence == 0 || count == 0 || first_sequence.checked_add(count.into()).is_none() {
        return Err(WireError::BadSequence);
    }
    Ok(ClientFrame::Records { first_sequence, count, body: fields.rest() })
}

fn decode_flush(mut fields: Fields<'_>) -> Result<ClientFrame<'_>, WireError> {
    Ok(ClientFrame::Flush { ticket: fields.u64()?, level: Level::from_wire(fields.u8()?)?, timeout_ms: fields.u32()? })
}

fn decode_lost(mut fields: Fields<'_>) -> Result<ClientFrame<'_>, WireError> {
    Ok(ClientFrame::Lost(Lost {
        report: fields.u64()?,
        count: fields.u64()?,
        from_ms: fields.i64()?,
        to_ms: fields.i64()?,
        reason: fields.str()?,
    }))
}

/// A records frame that grows in place: append records, then [`finish`](RecordsFrame::finish) writes its header.
///
/// Sender's side only. The bytes are those of one whole frame, ready for the socket and for sending again.
#[derive(Debug)]
pub struct RecordsFrame {
    bytes: Vec<u8>,
    count: u32,
}

impl RecordsFrame {
    /// An empty frame that has room for `capacity` bytes before it must grow.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::reuse(Vec::with_capacity(capacity))
    }

    /// An empty frame in memory that is already there; what it held is gone.
    pub fn reuse(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(RECORDS_HEADER, 0);
        Self { bytes, count: 0 }
    }

    /// Appends a record.
    pub fn push(&mut self, timestamp_ms: i64, text: &[u8]) {
        append_record(&mut self.bytes, timestamp_ms, text);
        self.count += 1;
    }

    /// Appends a record that is already encoded, header and text.
    pub fn push_encoded(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// How many records it holds.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The bytes of the whole frame so far, its header included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no record yet. Such a frame must not be sent.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the header; the bytes are the whole frame.
    pub fn finish(mut self, first_sequence: u64) -> Vec<u8> {
        patch_length(&mut self.bytes, 0);
        self.bytes[4] = frame_type::RECORDS;
        self.bytes[5..13].copy_from_slice(&first_sequence.to_le_bytes());
        self.bytes[13..RECORDS_HEADER].copy_from_slice(&self.count.to_le_bytes());
        self.bytes
    }

    /// The records so far.
    pub fn records(&self) -> Records<'_> {
        Records::new(&self.bytes[RECORDS_HEADER..], self.count)
    }
}
