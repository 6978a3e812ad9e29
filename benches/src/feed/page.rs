//! A thousand prebuilt lines of which only the changed digits are touched, so that feeding costs next to nothing.
//!
//! Page `k` holds the numbers `1000 k` to `1000 k + 999`: the last three digits of each line never change, and the
//! seven before them are the same in all lines. Turning from a page to the next but one mostly stores one byte a line.
//! Where a thousand lines on each connection would take too much memory, a page has a hundred or ten.

use super::line::{digits, Form, DIGITS};

/// What all pages of a feeder may take, as far as ten lines a page allow.
const ROOM: usize = 64 << 20;
/// A connection has two.
const PAGES: usize = 2;

/// How many lines a page has: a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    /// Digits of a number that say which line of a page it is.
    fixed: usize,
}

impl Lines {
    /// For lines of one form on so many connections.
    pub(super) fn fitting(form: Form, connections: u64) -> Self {
        let stride = form.template().0.len() + 1;
        let each = ROOM / PAGES / (connections.max(1) as usize);
        let fits = |fixed: &usize| 10_usize.pow(*fixed as u32) * stride <= each;
        Self { fixed: [3, 2].into_iter().find(fits).unwrap_or(1) }
    }

    pub(super) fn count(self) -> u64 {
        10_u64.pow(self.fixed as u32)
    }
}

#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// Length of a line with its newline.
    pub(super) stride: usize,
    /// Where in a line the number begins.
    column: usize,
    lines: Lines,
    /// The digits before the fixed ones, behind zeros where these are fewer than [`DIGITS`].
    shown: [u8; DIGITS],
}

impl Page {
    pub(super) fn new(form: Form, lines: Lines) -> Self {
        let (mut line, column) = form.template();
        line.push(b'\n');
        let mut bytes = Vec::with_capacity(line.len() * lines.count() as usize);
        for number in 0..lines.count() {
            digits(&mut line[column..column + DIGITS], number);
            bytes.extend_from_slice(&line);
        }
        Self { bytes, stride: line.len(), column, lines, shown: [b'0'; DIGITS] }
    }

    /// Shows page `k`.
    pub(super) fn turn(&mut self, k: u64) {
        let mut next = [0; DIGITS];
        digits(&mut next, k);
        let fixed = self.lines.fixed;
        let Some(first) = (fixed..DIGITS).find(|&digit| next[digit] != self.shown[digit]) else { return };
        let changed = &next[first..];
        let (from, to) = (self.column + first - fixed, self.column + DIGITS - fixed);
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
        for fixed in [3, 2, 1] {
            let lines = Lines { fixed };
            let mut page = Page::new(Form { shape: Shape::Text, size: 40, stamped: false }, lines);
            for k in [0, 1, 3, 9, 11, 99, 101, 9_999_999, 10] {
                page.turn(k);
                for (index, line) in page.lines(0, lines.count()).split_inclusive(|byte| *byte == b'\n').enumerate() {
                    let text = std::str::from_utf8(line).unwrap();
                    assert_eq!(text.len(), 41);
                    assert!(text.starts_with(&format!("n={:010} ", k * lines.count() + index as u64)), "{text}");
                }
            }
            assert_eq!(page.lines(3, 5).len(), 82);
        }
    }

    #[test]
    fn pages_are_as_large_as_there_is_room() {
        let lines = |size, connections| Lines::fitting(Form { shape: Shape::Text, size, stamped: false }, connections);
        for (size, connections, count) in
            [(200, 2, 1_000), (200, 1_000, 100), (10_000, 2, 1_000), (100_000, 2, 100), (200_000, 1_000, 10)]
        {
            assert_eq!(lines(size, connections).count(), count, "{size} bytes on {connections}");
        }
    }
}
