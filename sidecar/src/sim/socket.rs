//! The kernel's part: what was written and not read, and who still holds an end.

use std::collections::VecDeque;

use super::agenda::Sleeper;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    /// Whose it is.
    pub(super) peer: Sleeper,
    /// From the client, at most `bound` bytes.
    pub(super) up: VecDeque<u8>,
    pub(super) down: VecDeque<u8>,
    pub(super) bound: usize,
    pub(super) client_open: bool,
    pub(super) sidecar_open: bool,
    /// The client has more to write than there was room for.
    pub(super) full: bool,
}

impl Socket {
    pub(super) fn new(peer: Sleeper, bound: usize) -> Self {
        let (up, down) = Default::default();
        Socket { peer, up, down, bound, client_open: true, sidecar_open: true, full: false }
    }

    /// The client writes; how many bytes were taken. `None`: nobody reads any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        if !self.sidecar_open {
            return None;
        }
        let taken = bytes.len().min(self.bound - self.up.len().min(self.bound));
        self.up.extend(&bytes[..taken]);
        self.full = taken < bytes.len();
        Some(taken)
    }

    /// The client is gone; of what it wrote last so many bytes never came to be written.
    pub(super) fn leave(&mut self, unwritten: usize) {
        self.up.truncate(self.up.len() - unwritten.min(self.up.len()));
        self.client_open = false;
    }
}
