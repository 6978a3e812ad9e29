//! Lines to standard output, one write for each record, as apps in containers do.
//!
//! A pipe whose reader is slow makes the caller wait: that is what this way of logging does.

use std::io::Write;

use super::failures::Failures;

#[derive(Debug, Default)]
pub(crate) struct Stdout {
    failures: Failures,
}

impl Stdout {
    /// Writes the text as a line. `text` lends its memory for the line's end.
    pub(crate) fn write(&self, text: &mut String) {
        text.push('\n');
        // Standard output passes a whole line on at once; nothing stays in its buffer.
        if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes()) {
            self.failures.note(1, format_args!("standard output: {error}"));
        }
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.failures
    }
}
