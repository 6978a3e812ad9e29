//! What one record looks like: a number of ten digits, perhaps the time it was due, and filling up to the size.

use clap::ValueEnum;

/// Digits of a record's number.
pub(super) const DIGITS: usize = 10;
/// Digits of a time in microseconds since the epoch.
const TIME_DIGITS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// `n=0000000001 a line of plain text …`
    Text,
    /// An object of five fields with 18 quotes.
    Json,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) shape: Shape,
    /// Bytes of the record, without the newline.
    pub(super) size: usize,
    /// Whether the due time follows the number, as ` t=…`.
    pub(super) stamped: bool,
}

impl Form {
    /// A record with zeros for its number; returns it and where the number begins.
    pub(super) fn template(self) -> (Vec<u8>, usize) {
        let stamp = if self.stamped { format!(" t={}", "0".repeat(TIME_DIGITS)) } else { String::new() };
        let number = "0".repeat(DIGITS);
        let (head, tail) = match self.shape {
            Shape::Text => ("n=", ""),
            Shape::Json => ("{\"message\":\"n=", "\"}"),
        };
        let mut line = format!("{head}{number}{stamp} request done");
        if self.shape == Shape::Json {
            line.push_str("\",\"level\":\"INFO\",\"target\":\"shop::orders\",\"status\":200,\"path\":\"/v1/orders/");
        }
        let filling = "abcdefghijklmnopqrstuvwxyz 0123456789 ".bytes().cycle();
        let room = self.size.saturating_sub(line.len() + tail.len());
        let mut line = line.into_bytes();
        line.extend(filling.take(room));
        line.extend_from_slice(tail.as_bytes());
        // A text may be cut to a smaller size, but its number stays.
        if self.shape == Shape::Text {
            line.truncate(self.size.max(head.len() + DIGITS + stamp.len()));
        }
        (line, head.len())
    }

    /// Writes number and time into a record made by [`Self::template`].
    pub(super) fn stamp(self, line: &mut [u8], at: usize, number: u64, micros: u64) {
        digits(&mut line[at..at + DIGITS], number);
        if self.stamped {
            let begin = at + DIGITS + " t=".len();
            digits(&mut line[begin..begin + TIME_DIGITS], micros);
        }
    }
}

/// Writes a number with leading zeros.
pub(super) fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_its_size_its_number_and_its_quotes() {
        for stamped in [false, true] {
            let form = Form { shape: Shape::Json, size: 200, stamped };
            let (mut line, at) = form.template();
            form.stamp(&mut line, at, 42, 1_700_000_000_000_001);
            assert_eq!(line.len(), 200);
            assert_eq!(line.iter().filter(|byte| **byte == b'"').count(), 18);
            let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
            let message = json["message"].as_str().unwrap();
            assert!(message.starts_with("n=0000000042 "));
            assert_eq!(message.contains(" t=1700000000000001 "), stamped);
        }
        let (line, at) = Form { shape: Shape::Text, size: 12, stamped: false }.template();
        assert_eq!((line.as_slice(), at), (&b"n=0000000000"[..], 2));
    }
}
