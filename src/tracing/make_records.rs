//! A writer for `tracing_subscriber`'s `fmt` layer: what one event writes becomes one record.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

use crate::client::Client;
use crate::writer::is_writer;

/// Makes a writer for each event.
///
/// ```
/// # let client = splashdam::Client::builder("/tmp/example.sock").build();
/// tracing_subscriber::fmt()
///     .without_time()
///     .with_ansi(false)
///     .with_writer(splashdam::tracing::MakeRecords::new(client))
///     .init();
/// ```
#[derive(Debug, Clone)]
pub struct MakeRecords(Client);

impl MakeRecords {
    /// Records go to this client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl<'a> MakeWriter<'a> for MakeRecords {
    type Writer = RecordWriter<'a>;

    fn make_writer(&'a self) -> RecordWriter<'a> {
        RecordWriter { client: &self.0, text: Vec::new() }
    }
}

/// Collects what is written and logs it when it is dropped, without the newline at its end.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    client: &'a Client,
    text: Vec<u8>,
}

impl io::Write for RecordWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RecordWriter<'_> {
    fn drop(&mut self) {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        if !text.is_empty() && !is_writer() {
            self.client.log_bytes(text);
        }
    }
}
