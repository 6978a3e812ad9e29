//! A folder of our own for the socket, gone when the demo is.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        let base = std::env::temp_dir();
        let process = std::process::id();
        // Somebody else's leftovers are in nobody's way: the next number is taken.
        let mut tries = (0..100).map(|number| base.join(format!("splashdam-demo-{process}-{number}")));
        let mut make = std::fs::DirBuilder::new();
        make.mode(0o700);
        let made = tries.find_map(|path| match make.create(&path) {
            Ok(()) => Some(Ok(Scratch(path))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(error)),
        });
        made.unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind in a folder for temporary things harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_and_goes() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        assert!(path.is_dir() && Scratch::new().unwrap().path() != path);
        drop(scratch);
        assert!(!path.exists());
    }
}
