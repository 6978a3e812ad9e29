//! Text into records, by the rules of the socket's text clients. Pure, and bounded by the longest record.

use splashdam::wire::{utf8_cut, DEFAULT_MAX_RECORD};

/// Longest record; longer lines become several.
const LONGEST: usize = DEFAULT_MAX_RECORD as usize;

/// The line that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes more text in and logs what is whole.
    pub(super) fn push(&mut self, text: &[u8], log: &mut impl FnMut(&str)) {
        let mut rest = text;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if self.partial.is_empty() {
                record(without_cr(&rest[..end]), log);
            } else {
                self.partial.extend_from_slice(&rest[..end]);
                self.cut(log);
                record(without_cr(&self.partial), log);
                self.partial.clear();
            }
            rest = &rest[end + 1..];
        }
        self.partial.extend_from_slice(rest);
        self.cut(log);
    }

    /// The last line needs no end.
    pub(super) fn finish(self, log: &mut impl FnMut(&str)) {
        record(&self.partial, log);
    }

    /// Logs what a line has beyond the longest record, between two characters.
    fn cut(&mut self, log: &mut impl FnMut(&str)) {
        // The CR of a line that ends exactly here must not become a record.
        while self.partial.len() > LONGEST + 1 {
            let cut = utf8_cut(&self.partial, LONGEST);
            record(&self.partial[..cut], log);
            self.partial.drain(..cut);
        }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn record(text: &[u8], log: &mut impl FnMut(&str)) {
    if !text.is_empty() {
        log(&String::from_utf8_lossy(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(parts: &[&[u8]]) -> Vec<String> {
        let mut records = Vec::new();
        let mut log = |text: &str| records.push(text.to_owned());
        let mut lines = Lines::default();
        for part in parts {
            lines.push(part, &mut log);
        }
        lines.finish(&mut log);
        records
    }

    #[test]
    fn however_the_text_comes_the_records_are_the_same() {
        let text = b"one\r\n\n\r\ntw\ro\nthree \xFF\nlast".as_slice();
        let whole = records(&[text]);
        assert_eq!(whole, ["one", "tw\ro", "three \u{FFFD}", "last"]);
        for at in 0..text.len() {
            assert_eq!(records(&[&text[..at], &text[at..]]), whole, "{at}");
        }
        assert!(records(&[b"", b"\n", b"\r\n"]).is_empty());
    }

    #[test]
    fn long_lines_are_split_between_characters() {
        let line = "ü".repeat(LONGEST);
        let parts: Vec<&[u8]> = line.as_bytes().chunks(10_001).collect();
        let records = records(&parts);
        assert_eq!(records.concat(), line);
        assert!(records.iter().all(|record| record.len() <= LONGEST + 1), "bounded");
    }

    #[test]
    fn a_line_of_the_longest_length_stays_one() {
        let line = "x".repeat(LONGEST);
        assert_eq!(records(&[format!("{line}\r\nnext").as_bytes()]), [line.as_str(), "next"]);
    }
}
