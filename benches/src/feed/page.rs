//! A thousand prebuilt lines of which only the changed digits are touched, so that feeding costs next to nothing.
//!
//! Page `k` holds the numbers `1000 k` to `1000 k + 999`: the last three digits of each line never change, and the
//! seven before them are the same in all lines. Turning from a page to the next but one mostly stores one byte a line.

use super::line::{digits, Form, DIGITS};

/// Lines of a page.
pub(super) const LINES: u64 = 1_000;
const FIXED: usize = 3;
const TURNING: usize = DIGITS - FIXED;

#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// Length of a line with its newline.
    pub(super) stride: usize,
    /// Where in a line the number begins.
    column: usize,
    shown: [u8; TURNING],
}

impl Page {
    pub(super) fn new(form: Form) -> Self {
        let (mut line, column) = form.template();
        line.push(b'\n');
        let mut bytes = Vec::with_capacity(line.len() * LINES as usize);
        for number in 0..LINES {
            digits(&mut line[column..column + DIGITS], number);
            bytes.extend_from_slice(&line);
        }
        Self { bytes, stride: line.len(), column, shown: [b'0'; TURNING] }
    }

    /// Shows page `k`.
    pub(super) fn turn(&mut self, k: u64) {
        let mut next = [0; TURNING];
        digits(&mut next, k);
        let Some(first) = (0..TURNING).find(|&digit| next[digit] != self.shown[digit]) else { return };
        let changed = &next[first..];
        let (from, to) = (self.column + first, self.column + TURNING);
        for line in self.bytes.chunks_exact_mut(self.stride) {
            match changed {
                [digit] => line[to - 1] = *digit,
                more => line[from..to].copy_from_slice(more),
            }
        }
        self.shown = next;
    }

    /// The lines from the `from`-th up to, but without, the `to`-th.
    pub(super) fn lines(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[from as usize * self.stride..to as usize * self.stride]
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Shape;
    use super::*;

    #[test]
    fn every_number_is_there_after_any_turn() {
        let mut page = Page::new(Form { shape: Shape::Text, size: 40, stamped: false });
        for k in [0, 1, 3, 9, 11, 99, 101, 9_999_999, 10] {
            page.turn(k);
            for (index, line) in page.lines(0, LINES).split_inclusive(|byte| *byte == b'\n').enumerate() {
                let text = std::str::from_utf8(line).unwrap();
                assert_eq!(text.len(), 41);
                assert!(text.starts_with(&format!("n={:010} ", k * 1_000 + index as u64)), "{text}");
            }
        }
        assert_eq!(page.lines(3, 5).len(), 82);
    }
}
