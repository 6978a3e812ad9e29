//! The lines that whoever started the app waits for, on standard error.
//!
//! Standard output belongs to the logs of mode `stdout`. A line that cannot be written has no reader left.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::sink::Ended;

/// The API's last line.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) emitted: u64,
    /// Answered with a 200.
    pub(crate) requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost_in_client: Option<u64>,
    /// Given up in modes `stdout`, `sync` and `queue`.
    pub(crate) failed: u64,
}

pub(crate) fn say(line: impl Display) {
    // One write for a line: several processes share the pipe.
    let line = format!("{line}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// A line that ends the app's output: a word and JSON.
pub(crate) fn say_last(word: &str, what: &impl Serialize) {
    say(format_args!("{word}: {}", serde_json::json!(what)));
}

/// Says which records were given up, if any were.
pub(crate) fn say_failed(ended: &Ended) {
    if !ended.because.is_empty() {
        let given_up = ended.failed + ended.lost_in_client.unwrap_or(0);
        say(format_args!("failed: {given_up} records were given up; the last because: {}", ended.because));
    }
}
