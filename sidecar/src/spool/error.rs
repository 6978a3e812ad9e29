//! Why a spool cannot be opened.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// The spool's folder cannot be used. Nothing *in* it makes opening fail.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the spool {} is in use by another splashdam: stop that one, or give this one a --spool-dir of its own", .0.display())]
    Locked(PathBuf),
    /// It cannot be made, read or written.
    #[error("cannot {what} {}: {source}. Set --spool-dir to a folder on a file system that this user may write to", path.display())]
    Unusable {
        /// What was being done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl OpenError {
    /// Whether it is the disk's trouble, which may pass and may come to a spool at work as well, and no mistake in the configuration: it
    /// can only be read, is full, broken, or gone.
    #[must_use]
    pub fn is_disk_trouble(&self) -> bool {
        const TROUBLES: [Errno; 5] = [Errno::ROFS, Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::STALE];
        match self {
            OpenError::Locked(_) => false,
            OpenError::Unusable { source, .. } => {
                Errno::from_io_error(source).is_some_and(|errno| TROUBLES.contains(&errno))
            }
        }
    }

    /// Says what was being done with what.
    pub(super) fn unusable(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| OpenError::Unusable { what, path, source }
    }
}
