//! The listening socket: bound without a race, over a stale one but never over somebody else's.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::{fchmod, flock, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Longest path of a Unix socket (`sun_path` without its final NUL).
const PATH_BYTES: usize = 107;

/// Connections that the kernel completes before we accept them.
pub(super) const BACKLOG: u16 = 1_024;

/// How often, and with which pauses, it is tried to be alone in the socket's directory: a second in all.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path is too long for a socket.
    #[error("socket {path}: the path has {length} bytes, at most {PATH_BYTES} are possible; choose a shorter one")]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// Something else lives there.
    #[error("socket {0}: there is something that is no socket; it is not ours to remove")]
    NotASocket(PathBuf),
    /// A program answers there.
    #[error("socket {0}: another program listens there; is a splashdam running already?")]
    InUse(PathBuf),
    /// The directory is missing.
    #[error("socket {path}: its directory does not exist; create it, or choose another path with --socket")]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("socket {path}: cannot {what}: {source}")]
    Failed {
        /// The path.
        path: PathBuf,
        /// The operation.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// A bound socket; its file goes when it is dropped, if it is still ours.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    file: Option<File>,
}

/// Which file it is: device and inode. The latter is not given to another one for as long as our socket is open.
type File = (u64, u64);

impl Listener {
    /// Binds `path` with the given permission bits.
    ///
    /// # Errors
    /// See [`SocketError`]; each says what to do.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, SocketError> {
        let length = path.as_os_str().len();
        if length > PATH_BYTES {
            return Err(SocketError::TooLong { path: path.to_owned(), length });
        }
        if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
            return Err(SocketError::NoDirectory { path: path.to_owned() });
        }
        let failed = |what| move |error: Errno| failure(path, what, error.into());
        let address = SocketAddrUnix::new(path).map_err(failed("use the path"))?;
        // Between bind and listen it looks like a stale one: who starts at the same time must not take it for that.
        let _turn = alone_in(path.parent());
        remove_stale(path, &address)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(failed("make a socket"))?;
        // Set before bind, the mode is there from the file's first moment on; the umask would take bits away.
        fchmod(&socket, Mode::from_raw_mode(mode)).map_err(failed("set the mode"))?;
        bind_whatever_umask(&socket, &address).map_err(failed("bind"))?;
        rustix::net::listen(&socket, BACKLOG.into()).map_err(failed("listen"))?;
        Ok(Listener { listener: UnixListener::from(socket), path: path.to_owned(), file: file_at(path) })
    }

    /// A second handle for the event loop.
    pub(crate) fn try_clone(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Listener {
    /// Takes the file away, if it is still ours: nobody new can connect, and is told so.
    pub(crate) fn unlink(&self) {
        let there = file_at(&self.path);
        if there.is_some() && there == self.file {
            // It is the end: nobody is left to whom a failure would matter.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// Binds without the umask, which is the whole process's: one at a time.
fn bind_whatever_umask(socket: &OwnedFd, address: &SocketAddrUnix) -> Result<(), Errno> {
    static UMASK: Mutex<()> = Mutex::new(());
    let _turn = UMASK.lock();
    let umask = rustix::process::umask(Mode::empty());
    let bound = rustix::net::bind(socket, address);
    rustix::process::umask(umask);
    bound
}

/// Keeps others that start in this directory waiting, as far as the directory can be locked at all.
fn alone_in(directory: Option<&Path>) -> Option<OwnedFd> {
    let here = Path::new(".");
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(here);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty()).ok()?;
    // Others hold it for a moment only; whoever holds it for longer must not keep us from starting.
    for _ in 0..LOCK_TRIES {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN) => std::thread::sleep(LOCK_PAUSE),
            _ => break,
        }
    }
    Some(directory)
}

fn file_at(path: &Path) -> Option<File> {
    std::fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Connects as far as that takes no waiting: who listens may be hung, with more waiting for it than it may have.
fn knock(address: &SocketAddrUnix) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, address) {
        Err(Errno::AGAIN) => Ok(()),
        other => other,
    }
}

fn remove_stale(path: &Path, address: &SocketAddrUnix) -> Result<(), SocketError> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match knock(address) {
        Err(Errno::CONNREFUSED) => {
            std::fs::remove_file(path).map_err(|source| failure(path, "remove the stale socket", source))
        }
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(failure(path, "find out whether somebody listens", error.into())),
        Ok(()) => Err(SocketError::InUse(path.to_owned())),
    }
}

fn failure(path: &Path, what: &'static str, source: io::Error) -> SocketError {
    SocketError::Failed { path: path.to_owned(), what, source }
}

#[cfg(test)]
mod tests;
