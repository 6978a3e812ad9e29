//! `shipper`: lines to a Unix stream socket, one write for each record, as somebody else's shipper takes them.
//!
//! One connection for the whole process; a reader that is slow makes the caller wait. A line that cannot be written is written once more
//! on a new connection. What cannot be written then is given up, and so may be what was written into a connection that broke:
//! nobody answers a line, so of that the app knows nothing.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::failures::Failures;
use super::Ended;
use crate::error::{self, Result};

#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    /// None after a write that failed.
    connection: Mutex<Option<UnixStream>>,
    failures: Failures,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = UnixStream::connect(path).map_err(error::io("connect to", path.display()))?;
        let path = path.to_owned();
        Ok(Self { path, connection: Mutex::new(Some(connection)), failures: Failures::default() })
    }

    /// Writes the text as a line. `text` lends its memory for the line's end.
    pub(crate) fn write(&self, text: &mut String) {
        text.push('\n');
        // Held while it is written, so that no line stands within another.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let line = text.as_bytes();
        let on_that = connection.as_mut().is_some_and(|connection| connection.write_all(line).is_ok());
        if on_that {
            return;
        }
        *connection = match self.write_anew(line) {
            Ok(new) => Some(new),
            Err(error) => {
                self.failures.note(1, format_args!("{}: {error}", self.path.display()));
                None
            }
        };
    }

    fn write_anew(&self, line: &[u8]) -> io::Result<UnixStream> {
        let mut connection = UnixStream::connect(&self.path)?;
        connection.write_all(line)?;
        Ok(connection)
    }

    /// What was written is the shipper's; there is nothing to wait for.
    pub(crate) fn ended(&self) -> Ended {
        let Ended { failed, because, .. } = self.failures.ended();
        Ended { lost_in_client: Some(failed), failed: 0, because }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn accept(listener: &UnixListener) -> BufReader<UnixStream> {
        BufReader::new(listener.accept().unwrap().0)
    }

    fn line(from: &mut impl BufRead) -> String {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn a_broken_connection_is_made_anew_and_what_nobody_takes_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let lines = Lines::open(&path).unwrap();
        let mut first = accept(&listener);
        lines.write(&mut "one".to_owned());
        assert_eq!(line(&mut first), "one\n");

        drop(first);
        lines.write(&mut "two".to_owned());
        let mut second = accept(&listener);
        assert_eq!(line(&mut second), "two\n");
        assert_eq!(lines.ended(), Ended { lost_in_client: Some(0), ..Ended::default() });

        drop((second, listener));
        lines.write(&mut "three".to_owned());
        lines.write(&mut "four".to_owned());
        let ended = lines.ended();
        assert_eq!((ended.lost_in_client, ended.failed), (Some(2), 0));
        assert!(ended.because.contains("refused"), "{ended:?}");

        std::fs::remove_file(&path).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        lines.write(&mut "five".to_owned());
        assert_eq!(line(&mut accept(&listener)), "five\n");
        assert_eq!(lines.ended().lost_in_client, Some(2));
    }

    #[test]
    fn without_a_listener_it_does_not_begin() {
        let error = Lines::open(Path::new("/not/there")).unwrap_err().to_string();
        assert!(error.contains("cannot connect to /not/there"), "{error}");
    }
}
