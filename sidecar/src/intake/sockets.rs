//! The kernel's part, as the intake needs it: connections to accept and to watch, and the bytes of each. What ships asks the kernel
//! through mio; a simulation has sockets of its own.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixListener as StdListener;

use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::RecvFlags;

/// The token of the listener; the waker's is the next, connections follow.
pub(super) const LISTENER: Token = Token(0);
/// The token of the waker.
pub const WAKER: Token = Token(1);
const FIRST: usize = 2;

/// One connection's bytes. Nothing here waits.
pub(crate) trait Stream: Read + Write + Debug {
    /// Reads what is there without taking it.
    fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// How many bytes are there; 0 where nobody can say.
    fn waiting(&self) -> usize;

    /// The user of the process that connected.
    fn uid(&self) -> Option<u32>;
}

/// Where connections come from, and who tells what has come of them: by slot, once for each change.
pub(crate) trait Sockets: Debug {
    /// A connection.
    type Stream: Stream;

    /// Accepts one that waits.
    fn accept(&mut self) -> io::Result<Self::Stream>;

    /// Tells from now on when it can be read.
    fn watch(&mut self, stream: &mut Self::Stream, slot: usize) -> io::Result<()>;

    /// Tells from now on also when it can be written, and anew how it stands.
    fn watch_writes(&mut self, stream: &mut Self::Stream, slot: usize) -> io::Result<()>;

    /// Tells no more of it.
    fn forget(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
}

/// What has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Somebody waits to be accepted.
    Caller,
    /// Something has changed for a connection.
    Of {
        /// Where it is.
        slot: usize,
        /// There may be something to read.
        readable: bool,
        /// There may be room to write.
        writable: bool,
        /// The other side has ended writing, or is gone.
        closed: bool,
    },
}

impl News {
    /// What an event says; nothing where it is the waker's.
    pub(super) fn of(event: &mio::event::Event) -> Option<Self> {
        match event.token() {
            LISTENER => Some(News::Caller),
            WAKER => None,
            Token(token) => Some(News::Of {
                slot: token - FIRST,
                readable: event.is_readable(),
                writable: event.is_writable(),
                closed: event.is_read_closed() || event.is_error(),
            }),
        }
    }
}

impl Stream for UnixStream {
    fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(&*self, buffer, RecvFlags::PEEK)?.0)
    }

    fn waiting(&self) -> usize {
        rustix::io::ioctl_fionread(self).map_or(0, |bytes| bytes as usize)
    }

    fn uid(&self) -> Option<u32> {
        rustix::net::sockopt::socket_peercred(self).ok().map(|peer| peer.uid.as_raw())
    }
}

/// The kernel's sockets, watched by a poll whose registry this is.
#[derive(Debug)]
pub(crate) struct Watched {
    registry: Registry,
    listener: UnixListener,
}

impl Watched {
    /// # Errors
    /// The kernel's, where it refuses to watch the listener.
    pub(super) fn new(registry: Registry, listener: StdListener) -> io::Result<Self> {
        let mut listener = UnixListener::from_std(listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Watched { registry, listener })
    }
}

impl Sockets for Watched {
    type Stream = UnixStream;

    fn accept(&mut self) -> io::Result<UnixStream> {
        self.listener.accept().map(|(stream, _)| stream)
    }

    fn watch(&mut self, stream: &mut UnixStream, slot: usize) -> io::Result<()> {
        self.registry.register(stream, Token(slot + FIRST), Interest::READABLE)
    }

    fn watch_writes(&mut self, stream: &mut UnixStream, slot: usize) -> io::Result<()> {
        self.registry.reregister(stream, Token(slot + FIRST), Interest::READABLE | Interest::WRITABLE)
    }

    fn forget(&mut self, stream: &mut UnixStream) -> io::Result<()> {
        self.registry.deregister(stream)
    }
}
