//! Finds the records of a `PutLogEvents` body without parsing it.
//!
//! What is found is a plain list of numbers, marked only when the call is accepted.
//!
//! # What makes it right
//! Inside a JSON string every quote is escaped, so the key `"message":` cannot occur in a text.
//!
//! # Limits
//! It trusts that the body is JSON of the right shape. The size is an upper bound, exact for compact JSON with
//! 13-digit timestamps and no escapes; a caller that finds it over the limit must look closer.

use memchr::memmem::Finder;

use crate::limits::EVENT_OVERHEAD;
use crate::marks::{Markers, REACH};

const KEY: &[u8] = b"\"message\":";
/// `{"timestamp":1700000000000,"message":""},`
const ENVELOPE: usize = 41;
/// Longest marker, escaped.
pub(crate) const MAX_MARKER: usize = 48;
/// How much of a text can matter: what may come before the marker, both markers, both numbers.
const WINDOW: usize = REACH + 2 * MAX_MARKER + 2 * 20;

/// What was found in one body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) records: usize,
    pub(crate) unmarked: u64,
    pub(crate) numbers: Vec<u64>,
    pub(crate) emitted: Vec<u64>,
    /// No less than the batch's size as AWS counts it.
    pub(crate) bytes_at_most: usize,
}

/// A scanner for one form of marker.
#[derive(Debug)]
pub(crate) struct Scanner {
    key: Finder<'static>,
    markers: Markers,
}

impl Scanner {
    pub(crate) fn new(markers: &Markers) -> Self {
        Self { key: Finder::new(KEY), markers: markers.escaped() }
    }

    /// Looks through a whole body.
    pub(crate) fn scan(&self, body: &[u8]) -> Found {
        let mut found = Found { numbers: Vec::with_capacity(body.len() / 160), ..Found::default() };
        for at in self.key.find_iter(body) {
            found.records += 1;
            match self.record(&body[at + KEY.len()..]) {
                Some((number, emitted)) => {
                    found.numbers.push(number);
                    found.emitted.extend(emitted);
                }
                None => found.unmarked += 1,
            }
        }
        // The list of events is all that counts; the last of them has no comma.
        let begin = memchr::memchr(b'[', body).map_or(0, |at| at + 1);
        let end = memchr::memrchr(b']', body).unwrap_or(body.len());
        let envelopes = found.records * (ENVELOPE - EVENT_OVERHEAD);
        found.bytes_at_most = (end + 1).saturating_sub(begin + envelopes);
        found
    }

    #[inline]
    fn record(&self, after_key: &[u8]) -> Option<(u64, Option<u64>)> {
        let text = after_key.trim_ascii_start().strip_prefix(b"\"")?;
        if text.starts_with(self.markers.number.as_bytes()) {
            return self.markers.read(text);
        }
        self.markers.read(&text[..end_of_text(text)])
    }
}

/// Where the string ends, as far as the marker may reach. A short text must not borrow its neighbour's number.
fn end_of_text(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().take(WINDOW).enumerate() {
        match byte {
            b'"' if !escaped => return at,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How many bytes of `json` are spent on escapes: what its strings will be shorter by, once decoded.
pub(crate) fn escape_cost(json: &[u8]) -> usize {
    let mut cost = 0;
    let mut next = 0;
    for at in memchr::memchr_iter(b'\\', json) {
        if at < next {
            continue;
        }
        next = at + 2;
        cost += match json.get(at + 1) {
            Some(b'u') => unicode_escape_cost(json.get(at + 2..at + 6)),
            _ => 1,
        };
    }
    cost
}

/// `\u0041` is six bytes for one, two or three; each half of a surrogate pair is six for two.
fn unicode_escape_cost(hex: Option<&[u8]>) -> usize {
    let text = hex.and_then(|hex| std::str::from_utf8(hex).ok());
    match text.and_then(|text| u32::from_str_radix(text, 16).ok()) {
        Some(0..=0x7f) => 5,
        Some(0x80..=0x7ff | 0xd800..=0xdfff) => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_BATCH_BYTES;

    fn body(messages: &[String]) -> String {
        let events: Vec<_> = messages
            .iter()
            .map(|m| format!(r#"{{"timestamp":1700000000000,"message":{}}}"#, serde_json::Value::from(m.as_str())))
            .collect();
        format!(r#"{{"logGroupName":"g","logStreamName":"s","logEvents":[{}]}}"#, events.join(","))
    }

    fn numbered(count: u64, text: &str) -> Vec<String> {
        (0..count).map(|n| format!("n={n:010} t={} {text}", n + 5)).collect()
    }

    fn scan(body: &str) -> Found {
        Scanner::new(&Markers::default()).scan(body.as_bytes())
    }

    #[test]
    fn every_number_is_found_and_no_quoted_one() {
        let found = scan(&body(&numbered(40, r#"a "message":"n=5" \"message\":\"n=6 \\"#)));
        assert_eq!(found.numbers, (0..40).collect::<Vec<_>>());
        assert_eq!(found.emitted, (5..45).collect::<Vec<_>>());
        assert_eq!((found.records, found.unmarked), (40, 0));
    }

    #[test]
    fn a_text_without_a_number_does_not_borrow_the_next() {
        let found = scan(&body(&["hello".to_owned(), "say \"".to_owned(), "n=3".to_owned()]));
        assert_eq!((found.records, found.unmarked), (3, 2));
        assert_eq!(found.numbers, [3]);
    }

    #[test]
    fn spaces_after_the_key_are_allowed() {
        let found = scan(r#"{"logEvents": [{"timestamp": 1, "message": "n=1 x"}]}"#);
        assert_eq!(found.numbers, [1]);
    }

    #[test]
    fn the_size_is_exact_for_plain_text_and_an_upper_bound_otherwise() {
        let size = |messages: &[String]| messages.iter().map(|m| m.len() + EVENT_OVERHEAD).sum::<usize>();
        let plain = numbered(100, "plain");
        assert_eq!(scan(&body(&plain)).bytes_at_most, size(&plain));
        let escapes = numbered(100, "\"quoted\" \u{1} \\ \n é");
        let json = body(&escapes);
        let bound = scan(&json).bytes_at_most;
        assert!(bound > size(&escapes));
        assert_eq!(bound - escape_cost(json.as_bytes()), size(&escapes));
    }

    #[test]
    fn escapes_cost_what_decoding_saves() {
        for (json, decoded) in [
            (r#""\"\\\n""#, 3),
            (r#""\u0041""#, 1),
            (r#""\u00e9""#, 2),
            (r#""\u20ac""#, 3),
            (r#""\ud83d\ude00""#, 4),
            (r#""\\u0041""#, 6),
        ] {
            let text: String = serde_json::from_str(json).unwrap();
            assert_eq!(text.len(), decoded);
            assert_eq!(json.len() - 2 - escape_cost(json.as_bytes()), decoded, "{json}");
        }
    }

    #[test]
    fn a_full_batch_is_seen_as_full() {
        let messages = vec!["x".repeat(MAX_BATCH_BYTES / 2 - EVENT_OVERHEAD); 2];
        assert_eq!(scan(&body(&messages)).bytes_at_most, MAX_BATCH_BYTES);
    }

    /// Prints what the scan costs: `cargo test --release -p splashdam-emulator cost -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn cost() {
        let text = "x".repeat(200 - "n=0000000000 t=1700000000000000 ".len());
        let messages: Vec<_> =
            (0..4_600).map(|n| format!("n={n:010} t={} {text}", 1_700_000_000_000_000_u64 + n)).collect();
        let json = body(&messages);
        let (scanner, mut marks) = (Scanner::new(&Markers::default()), crate::marks::Marks::new(5_000));
        let rounds = 4_000;
        // CPU time, for others may be using the machine.
        let begin = crate::cpu::used();
        for _ in 0..rounds {
            let found = scanner.scan(json.as_bytes());
            found.numbers.iter().for_each(|number| marks.mark(*number));
        }
        let seconds = crate::cpu::used().user_seconds - begin.user_seconds;
        let per_million = seconds / f64::from(rounds) / 4_600.0 * 1e6;
        println!("scan and mark: {per_million:.4} s of CPU per million records of 200 bytes");
        assert_eq!(marks.unique, 4_600);
    }
}
