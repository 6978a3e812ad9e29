//! What a record says: the same in all modes, so that a difference between two modes is not one of formatting.
//!
//! `n=0000001234 t=1700000000000000 INFO api.operations request=00000000000004d2 …`: the number and the time for whoever
//! counts what arrives, then what a service's format holds, then filling up to the length that was asked for.

use std::fmt::{self, Display, Write};

/// Bytes of `n=… t=… `: a record is never cut into that.
pub(crate) const SHORTEST: u32 = 32;

/// What a record's end is filled up with.
const FILLING: &str =
    " trace=4bf92f3577b34da6a3ce929d0e0e4736 span=00f067aa0ba902b7 host=ip-10-0-4-17 version=2022.04.1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warning,
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
        })
    }
}

/// One call of the logger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<M> {
    pub(crate) level: Level,
    pub(crate) logger: &'static str,
    /// Its number, by which it is found at the far end.
    pub(crate) number: u64,
    /// Of the request that it belongs to.
    pub(crate) request: u64,
    pub(crate) message: M,
}

/// Formats an entry into `text`, whose memory is used again.
pub(crate) fn write(text: &mut String, entry: &Entry<impl Display>, micros: u64, bytes: usize) {
    let Entry { level, logger, number, request, message } = entry;
    text.clear();
    // Writing to a string cannot fail.
    let _ = write!(text, "n={number:010} t={micros:016} {level} {logger} request={request:016x} {message}");
    text.truncate(text.floor_char_boundary(bytes));
    while text.len() < bytes {
        let missing = bytes - text.len();
        text.push_str(FILLING.get(..missing).unwrap_or(FILLING));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &str, bytes: usize) -> String {
        let entry = Entry { level: Level::Warning, logger: "api", number: 1234, request: 255, message };
        let mut text = "what was there before".to_owned();
        write(&mut text, &entry, 1_700_000_000_000_000, bytes);
        text
    }

    #[test]
    fn a_record_begins_with_its_number_and_time() {
        let text = written("no user", 207);
        assert!(text.starts_with(
            "n=0000001234 t=1700000000000000 WARNING api request=00000000000000ff no user trace=4bf92f3577b34da6"
        ));
        assert_eq!(&text[..SHORTEST as usize], "n=0000001234 t=1700000000000000 ");
    }

    #[test]
    fn a_record_is_as_long_as_asked() {
        for bytes in [SHORTEST as usize, 33, 60, 207, 1_000, 100_000] {
            assert_eq!(written("message", bytes).len(), bytes);
        }
    }

    #[test]
    fn a_cut_does_not_divide_a_character() {
        let full = written("ßßßßßßßß", 80);
        for bytes in 58..72 {
            let cut = written("ßßßßßßßß", bytes);
            // Where half a character went, a blank came.
            assert!(cut.len() == bytes && full.starts_with(cut.trim_end()), "{bytes}");
        }
    }
}
