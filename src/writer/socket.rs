//! A Unix stream socket that never blocks, and the one place where the writer waits.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::{fcntl_setfd, FdFlags};
use rustix::net::{send, socket, AddressFamily, SendFlags, SocketAddrUnix, SocketType};

/// A sidecar that died must not kill the app: a program may have put SIGPIPE back to its default.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// Connects at once or not at all: a listener whose backlog is full would make a blocking connect wait for ever.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    let fd = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    rustix::net::connect(&stream, &SocketAddrUnix::new(path)?)?;
    Ok(stream)
}

/// Writes what the socket takes: `Ok(None)` if nothing now.
pub(super) fn write(stream: &UnixStream, bytes: &[u8]) -> io::Result<Option<usize>> {
    loop {
        return match send(stream, bytes, SEND) {
            Ok(written) => Ok(Some(written)),
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
}

/// Waits until the waker was poked, the connection can be read (or written, if that is wanted), or time is up.
pub(super) fn wait(waker: Option<&UnixStream>, connection: Option<(&UnixStream, bool)>, timeout: Duration) {
    let mut fds = Vec::with_capacity(2);
    if let Some(waker) = waker {
        fds.push(PollFd::from_borrowed_fd(waker.as_fd(), PollFlags::IN));
    }
    if let Some((stream, writing)) = connection {
        let wanted = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        fds.push(PollFd::from_borrowed_fd(stream.as_fd(), wanted));
    }
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // An interrupted wait is only a short one. Any other error cannot be told to anybody, and must not spin.
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => (),
        Err(_) => std::thread::sleep(Duration::from_millis(10)),
    }
}
