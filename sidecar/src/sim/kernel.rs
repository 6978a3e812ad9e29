//! The kernel's part: what was written and not read, who still holds an end, and who hears of what.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use super::agenda::Sleeper;
use crate::intake::sockets::{News, Sockets, Stream};

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    /// Whose it is.
    pub(super) peer: Sleeper,
    /// The peer's user.
    uid: u32,
    /// From the client, at most `bound` bytes; and to it, likewise.
    pub(super) up: VecDeque<u8>,
    pub(super) down: VecDeque<u8>,
    bound: usize,
    pub(super) client_open: bool,
    pub(super) sidecar_open: bool,
    /// The client has more to write than there was room for.
    full: bool,
    /// Where the sidecar has it, and whether something has changed since it was told.
    slot: Option<usize>,
    changed: bool,
}

impl Socket {
    /// The client writes; how many bytes were taken. `None`: nobody reads any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        if !self.sidecar_open {
            return None;
        }
        let taken = bytes.len().min(self.bound.saturating_sub(self.up.len()));
        self.up.extend(&bytes[..taken]);
        self.full = taken < bytes.len();
        self.changed = true;
        Some(taken)
    }

    /// The client reads all that is there.
    pub(super) fn read(&mut self) -> Vec<u8> {
        self.changed |= !self.down.is_empty();
        self.down.drain(..).collect()
    }

    /// The client is gone; of what it wrote last so many bytes never came to be written.
    pub(super) fn leave(&mut self, unwritten: usize) {
        self.up.truncate(self.up.len() - unwritten.min(self.up.len()));
        self.client_open = false;
        self.changed = true;
    }
}

/// All sockets. Whoever holds an end holds this, too.
#[derive(Clone, Debug, Default)]
pub(super) struct Kernel(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    sockets: Vec<Socket>,
    /// Connections that nobody has accepted.
    backlog: VecDeque<usize>,
    /// Sockets of which the client has something to see.
    stirred: Vec<usize>,
    /// What the sidecar has written since somebody asked, by socket.
    said: Vec<(usize, Vec<u8>)>,
}

impl Kernel {
    /// A client connects.
    pub(super) fn connect(&self, peer: Sleeper, uid: u32, bound: usize) -> usize {
        let (up, down) = Default::default();
        let (client_open, sidecar_open, full, slot, changed) = (true, true, false, None, false);
        let mut state = self.0.borrow_mut();
        state.sockets.push(Socket { peer, uid, up, down, bound, client_open, sidecar_open, full, slot, changed });
        let index = state.sockets.len() - 1;
        state.backlog.push_back(index);
        index
    }

    /// One of the sockets.
    pub(super) fn socket(&self, index: usize) -> RefMut<'_, Socket> {
        RefMut::map(self.0.borrow_mut(), |state| &mut state.sockets[index])
    }

    /// How many there are and were.
    pub(super) fn len(&self) -> usize {
        self.0.borrow().sockets.len()
    }

    /// Nobody will accept those who wait.
    pub(super) fn forget_backlog(&self) {
        self.0.borrow_mut().backlog.clear();
    }

    /// What a sidecar is told when it asks what has come.
    pub(super) fn news(&self) -> Vec<News> {
        let state = &mut *self.0.borrow_mut();
        let callers = (!state.backlog.is_empty()).then_some(News::Caller);
        let of = |socket: &mut Socket| {
            std::mem::take(&mut socket.changed).then_some(())?;
            let (readable, closed) = (!socket.up.is_empty(), !socket.client_open);
            Some(News::Of { slot: socket.slot?, readable, writable: socket.down.len() < socket.bound, closed })
        };
        callers.into_iter().chain(state.sockets.iter_mut().filter_map(of)).collect()
    }

    /// Whether a sidecar that waits is woken.
    pub(super) fn has_news(&self) -> bool {
        let state = self.0.borrow();
        !state.backlog.is_empty() || state.sockets.iter().any(|socket| socket.changed && socket.slot.is_some())
    }

    /// The clients that have something to see.
    pub(super) fn take_stirred(&self) -> Vec<Sleeper> {
        let state = &mut *self.0.borrow_mut();
        let mut stirred = std::mem::take(&mut state.stirred);
        stirred.sort_unstable();
        stirred.dedup();
        stirred.into_iter().map(|index| state.sockets[index].peer).collect()
    }

    /// What the sidecar has said since the last time, by socket.
    pub(super) fn take_said(&self) -> Vec<(usize, Vec<u8>)> {
        std::mem::take(&mut self.0.borrow_mut().said)
    }
}

impl Sockets for Kernel {
    type Stream = End;

    fn accept(&mut self) -> io::Result<End> {
        let state = &mut *self.0.borrow_mut();
        let index = state.backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        Ok(End { kernel: self.clone(), index, uid: state.sockets[index].uid })
    }

    fn watch(&mut self, end: &mut End, slot: usize) -> io::Result<()> {
        let mut socket = self.socket(end.index);
        (socket.slot, socket.changed) = (Some(slot), true);
        Ok(())
    }

    fn watch_writes(&mut self, end: &mut End, slot: usize) -> io::Result<()> {
        self.watch(end, slot)
    }

    fn forget(&mut self, end: &mut End) -> io::Result<()> {
        self.socket(end.index).slot = None;
        Ok(())
    }
}

/// The sidecar's end of a socket.
#[derive(Debug)]
pub(super) struct End {
    kernel: Kernel,
    index: usize,
    uid: u32,
}

impl End {
    fn there(&self, bytes: usize) -> io::Result<usize> {
        let socket = self.kernel.socket(self.index);
        match bytes.min(socket.up.len()) {
            0 if socket.client_open => Err(ErrorKind::WouldBlock.into()),
            there => Ok(there),
        }
    }
}

impl Stream for End {
    fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.there(buffer.len())?;
        let socket = self.kernel.socket(self.index);
        buffer.iter_mut().zip(socket.up.iter().take(there)).for_each(|(to, from)| *to = *from);
        Ok(there)
    }

    fn waiting(&self) -> usize {
        self.kernel.socket(self.index).up.len()
    }

    fn uid(&self) -> Option<u32> {
        Some(self.uid)
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.peek(buffer)?;
        let state = &mut *self.kernel.0.borrow_mut();
        let socket = &mut state.sockets[self.index];
        socket.up.drain(..there);
        if std::mem::take(&mut socket.full) {
            state.stirred.push(self.index);
        }
        Ok(there)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let state = &mut *self.kernel.0.borrow_mut();
        let socket = &mut state.sockets[self.index];
        if !socket.client_open {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(socket.bound.saturating_sub(socket.down.len()));
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        socket.down.extend(&bytes[..taken]);
        state.stirred.push(self.index);
        state.said.push((self.index, bytes[..taken].to_vec()));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let state = &mut *self.kernel.0.borrow_mut();
        let socket = &mut state.sockets[self.index];
        socket.sidecar_open = false;
        socket.slot = None;
        socket.up.clear();
        state.stirred.push(self.index);
    }
}
