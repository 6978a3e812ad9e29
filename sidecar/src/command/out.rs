//! Output of commands. A reader that has gone (`| head`) is no error and must not be a panic.

use std::io::Write;

/// Text to stdout, as it is.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line to stderr, with our name.
pub(super) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "splashdam: {line}");
}
