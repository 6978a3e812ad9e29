//! What can be wrong with bytes from the other side, and the codes by which the sidecar says so.

use std::fmt;

/// Why bytes are not a frame or not a record. Each is final for the connection they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A frame's length is 0; it has at least a type.
    EmptyFrame,
    /// A frame's length is beyond the limit.
    FrameTooLarge {
        /// The length that the frame claims.
        length: u32,
        /// The largest one allowed.
        max: u32,
    },
    /// A frame type that this direction does not have.
    UnknownType(u8),
    /// A field or a record goes on after the end of its frame.
    Truncated,
    /// Bytes after the last record of a records frame.
    TrailingBytes,
    /// A `str` is not UTF-8. (A record's text may be anything: the sidecar repairs it.)
    BadUtf8,
    /// A hello whose lowest version is above its highest, or is 0.
    BadVersions,
    /// A sequence of 0, a records frame without records, or one that runs over the last sequence.
    BadSequence,
    /// A flush level that does not exist.
    BadLevel(u8),
    /// A status of a flush_done that does not exist.
    BadStatus(u8),
}

impl WireError {
    /// The code by which the sidecar answers a client that sent this.
    pub fn code(&self) -> ErrorCode {
        match self {
            WireError::FrameTooLarge { .. } => ErrorCode::FRAME_TOO_LARGE,
            WireError::BadSequence => ErrorCode::BAD_SEQUENCE,
            WireError::BadVersions => ErrorCode::UNSUPPORTED_VERSION,
            _ => ErrorCode::BAD_FRAME,
        }
    }

    /// A short constant name, as the test vectors have it.
    pub fn name(&self) -> &'static str {
        match self {
            WireError::EmptyFrame => "empty_frame",
            WireError::FrameTooLarge { .. } => "frame_too_large",
            WireError::UnknownType(_) => "unknown_type",
            WireError::Truncated => "truncated",
            WireError::TrailingBytes => "trailing_bytes",
            WireError::BadUtf8 => "bad_utf8",
            WireError::BadVersions => "bad_versions",
            WireError::BadSequence => "bad_sequence",
            WireError::BadLevel(_) => "bad_level",
            WireError::BadStatus(_) => "bad_status",
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::EmptyFrame => write!(f, "a frame of length 0: it needs at least its type"),
            WireError::FrameTooLarge { length, max } => {
                write!(f, "a frame of {length} bytes, at most {max} are allowed")
            }
            WireError::UnknownType(byte) => write!(f, "frame type {byte:#04x} is unknown"),
            WireError::Truncated => write!(f, "a field goes on after the end of its frame"),
            WireError::TrailingBytes => write!(f, "bytes after the last record of a records frame"),
            WireError::BadUtf8 => write!(f, "a text field is not UTF-8"),
            WireError::BadVersions => {
                write!(f, "the hello's lowest version is 0 or above its highest")
            }
            WireError::BadSequence => {
                write!(f, "sequences start at 1, and a records frame holds at least one record")
            }
            WireError::BadLevel(byte) => write!(f, "flush level {byte} is unknown"),
            WireError::BadStatus(byte) => write!(f, "flush status {byte} is unknown"),
        }
    }
}

impl std::error::Error for WireError {}

/// The code of an error frame. A number rather than an enum: a newer sidecar may know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// Not a frame, or not one that fits here.
    pub const BAD_FRAME: Self = Self(1);
    /// Longer than `max_frame`.
    pub const FRAME_TOO_LARGE: Self = Self(2);
    /// No version that both know.
    pub const UNSUPPORTED_VERSION: Self = Self(3);
    /// A gap in the sequences.
    pub const BAD_SEQUENCE: Self = Self(4);
    /// A newer connection of this channel took over.
    pub const FENCED: Self = Self(5);
    /// The limit of connections is reached.
    pub const BUSY: Self = Self(6);
    /// A frame was not whole within 10 s.
    pub const FRAME_TIMEOUT: Self = Self(7);
    /// The sidecar is stopping.
    pub const SHUTTING_DOWN: Self = Self(8);
    /// The client's process is one of a user that may not connect.
    pub const NOT_PERMITTED: Self = Self(9);
}
