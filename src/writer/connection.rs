//! One connection to the sidecar: bytes out, frames in. What they mean is the writer's business.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use super::socket;
use crate::wire::{self, SidecarFrame, FRAME_OVERHEAD};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Hello is sent or on its way.
    Greeting,
    /// Welcomed.
    Up,
    /// The sidecar reads no more; what it still says is listened to.
    Draining,
}

/// A frame from the sidecar, or what its error said, owned.
#[derive(Debug)]
pub(super) enum Told {
    Welcome(wire::Welcome),
    Ack(wire::Ack),
    FlushDone(wire::FlushDone),
    Draining,
    Error(wire::ErrorCode),
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    pub(super) phase: Phase,
    /// Frames other than records; written before the next records frame, never into the middle of one.
    pub(super) control: Vec<u8>,
    control_at: usize,
    /// How much of the present records frame is written.
    frame_at: usize,
    received: Vec<u8>,
    /// The socket took less than it was offered.
    pub(super) full: bool,
    pub(super) last_frame: Instant,
}

impl Connection {
    pub(super) fn open(path: &Path, hello: &wire::Hello<'_>, now: Instant) -> io::Result<Self> {
        let stream = socket::connect(path)?;
        let mut control = wire::MAGIC.to_vec();
        wire::ClientFrame::Hello(*hello).encode_into(&mut control);
        Ok(Self {
            stream,
            phase: Phase::Greeting,
            control,
            control_at: 0,
            frame_at: 0,
            received: Vec::new(),
            full: false,
            last_frame: now,
        })
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Whether another frame may begin.
    pub(super) fn between_frames(&self) -> bool {
        self.frame_at == 0
    }

    /// Writes control frames. `Ok(true)`: all of them.
    pub(super) fn write_control(&mut self) -> io::Result<bool> {
        while self.control_at < self.control.len() {
            match socket::write(&self.stream, &self.control[self.control_at..])? {
                Some(written) => self.control_at += written,
                None => {
                    self.full = true;
                    return Ok(false);
                }
            }
        }
        self.control.clear();
        self.control_at = 0;
        Ok(true)
    }

    /// Writes (on with) a records frame. `Ok(true)`: all of it.
    pub(super) fn write_frame(&mut self, frame: &[u8]) -> io::Result<bool> {
        while self.frame_at < frame.len() {
            match socket::write(&self.stream, &frame[self.frame_at..])? {
                Some(written) => self.frame_at += written,
                None => {
                    self.full = true;
                    return Ok(false);
                }
            }
        }
        self.frame_at = 0;
        Ok(true)
    }

    /// Reads what is there. `Ok(false)`: the sidecar has closed; what was read before still counts.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        // A sidecar has little to say. One that says more at once is heard again in the next turn.
        for _ in 0..16 {
            match (&self.stream).read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(read) => self.received.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes the frames out that are whole. An error means that the sidecar does not keep to the protocol.
    pub(super) fn take_frames(&mut self) -> Result<Vec<Told>, wire::WireError> {
        let (mut told, mut at) = (Vec::new(), 0);
        // No frame of the sidecar is longer than this; one that claims to be is refused unread.
        while let Some((frame_type, payload, consumed)) = wire::frame(&self.received[at..], 2 * FRAME_OVERHEAD)? {
            match SidecarFrame::decode(frame_type, payload) {
                Ok(SidecarFrame::Welcome(welcome)) => told.push(Told::Welcome(welcome)),
                Ok(SidecarFrame::Ack(ack)) => told.push(Told::Ack(ack)),
                Ok(SidecarFrame::FlushDone(done)) => told.push(Told::FlushDone(done)),
                Ok(SidecarFrame::Draining { .. }) => told.push(Told::Draining),
                Ok(SidecarFrame::Error { code, .. }) => told.push(Told::Error(code)),
                // A later sidecar may have more to tell than this client can understand.
                Err(wire::WireError::UnknownType(_)) => (),
                Err(error) => return Err(error),
            }
            at += consumed;
        }
        self.received.drain(..at);
        Ok(told)
    }
}
