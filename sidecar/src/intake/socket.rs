//! The listening socket: bound without a race, over a stale one but never over somebody else's.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{fchmod, Mode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Longest path of a Unix socket (`sun_path` without its final NUL).
const PATH_BYTES: usize = 107;

/// Connections that the kernel completes before we accept them.
const BACKLOG: i32 = 1_024;

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
    inode: Option<u64>,
}

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
        remove_stale(path)?;
        let failed = |what| move |error: rustix::io::Errno| failure(path, what, error.into());
        let address = SocketAddrUnix::new(path).map_err(failed("use the path"))?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(failed("make a socket"))?;
        // Set before bind, the mode is there from the file's first moment on; the umask would take bits away.
        fchmod(&socket, Mode::from_raw_mode(mode)).map_err(failed("set the mode"))?;
        let umask = rustix::process::umask(Mode::empty());
        let bound = rustix::net::bind(&socket, &address);
        rustix::process::umask(umask);
        bound.map_err(failed("bind"))?;
        rustix::net::listen(&socket, BACKLOG).map_err(failed("listen"))?;
        let inode = std::fs::symlink_metadata(path).ok().map(|metadata| metadata.ino());
        Ok(Listener { listener: UnixListener::from(socket), path: path.to_owned(), inode })
    }

    /// A second handle for the event loop.
    pub(crate) fn try_clone(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Listener {
    /// Takes the file away, if it is still ours: nobody new can connect, and is told so.
    pub(crate) fn unlink(&self) {
        let there = std::fs::symlink_metadata(&self.path).ok().map(|metadata| metadata.ino());
        if there.is_some() && there == self.inode {
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

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| failure(path, "remove the stale socket", source))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failure(path, "find out whether somebody listens", source)),
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
    }
}

fn failure(path: &Path, what: &'static str, source: io::Error) -> SocketError {
    SocketError::Failed { path: path.to_owned(), what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_mode_is_right_and_the_file_goes_with_the_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = Listener::bind(&path, 0o660).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind");
        let listener = Listener::bind(&path, 0o600).unwrap();
        assert!(matches!(Listener::bind(&path, 0o600), Err(SocketError::InUse(_))));
        drop(listener);
    }

    #[test]
    fn what_is_not_a_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        assert!(matches!(Listener::bind(&file, 0o600), Err(SocketError::NotASocket(_))));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(Listener::bind(&link, 0o600), Err(SocketError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }

    #[test]
    fn errors_say_what_to_do() {
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        assert!(Listener::bind(&long, 0o600).unwrap_err().to_string().contains("shorter"));
        let missing = Path::new("/nowhere/at/all.sock");
        assert!(Listener::bind(missing, 0o600).unwrap_err().to_string().contains("--socket"));
    }
}
