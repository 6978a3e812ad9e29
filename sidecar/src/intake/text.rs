//! Lines to records. Pure: bytes in, records out through a closure, nothing kept.

use std::borrow::Cow;

use splashdam::wire::utf8_cut;

use super::open::Pushed;

/// How text is divided.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// The byte after each record.
    pub delimiter: u8,
    /// Longest record, in bytes.
    pub max_record: usize,
}

/// What was taken out of the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes that are done with.
    pub consumed: usize,
    /// Records made of them.
    pub records: u64,
    /// Empty lines among them.
    pub empty: u64,
    /// Records that were repaired.
    pub repaired: u64,
    /// Records that are a part of a longer line.
    pub split: u64,
    /// A record was not taken for want of room; it begins at `consumed`.
    pub full: bool,
}

impl Lines {
    /// Takes all whole lines, and of a line that is not whole what is too long to be one record. At the end of the stream the
    /// last line needs no delimiter.
    pub fn take(&self, data: &[u8], at_end: bool, mut push: impl FnMut(&[u8]) -> Pushed) -> Taken {
        let mut taken = Taken::default();
        let whole = memchr::memrchr(self.delimiter, data).map_or(0, |last| last + 1);
        let valid = simdutf8::basic::from_utf8(&data[..whole]).is_ok();
        for end in memchr::memchr_iter(self.delimiter, &data[..whole]) {
            let line = self.without_cr(&data[taken.consumed..end]);
            if !self.take_line(line, valid, &mut taken, &mut push) {
                return taken;
            }
            // The line with its CR and delimiter, however many pieces it made.
            taken.consumed = end + 1;
        }
        self.take_tail(&data[whole..], at_end, &mut taken, &mut push);
        taken
    }

    fn without_cr<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match line.split_last() {
            Some((b'\r', rest)) if self.delimiter == b'\n' => rest,
            _ => line,
        }
    }

    /// False if there was no room; then `consumed` stands where the line has to go on.
    #[inline]
    fn take_line(&self, line: &[u8], valid: bool, taken: &mut Taken, push: &mut impl FnMut(&[u8]) -> Pushed) -> bool {
        if line.is_empty() {
            taken.empty += 1;
            return true;
        }
        if valid && line.len() <= self.max_record {
            let ours = push(line) == Pushed::Taken;
            taken.records += u64::from(ours);
            taken.full = !ours;
            return ours;
        }
        self.take_pieces(line, 0, taken, push)
    }

    fn take_tail(&self, tail: &[u8], at_end: bool, taken: &mut Taken, push: &mut impl FnMut(&[u8]) -> Pushed) {
        if at_end {
            let end = taken.consumed + tail.len();
            if !tail.is_empty() && self.take_line(self.without_cr(tail), false, taken, push) {
                taken.consumed = end;
            }
            return;
        }
        // One byte more than the longest record may be its CR; and a character is never judged before all of it is there.
        let keep = self.max_record.max(3) + 1;
        if tail.len() > keep {
            self.take_pieces(tail, keep, taken, push);
        }
    }

    /// Takes pieces of `text` until at most `keep` bytes are left.
    fn take_pieces(&self, text: &[u8], keep: usize, taken: &mut Taken, push: &mut impl FnMut(&[u8]) -> Pushed) -> bool {
        let mut rest = text;
        while rest.len() > keep {
            let (length, piece) = next_piece(rest, self.max_record);
            if push(&piece) == Pushed::Full {
                taken.full = true;
                return false;
            }
            taken.records += 1;
            taken.repaired += u64::from(matches!(piece, Cow::Owned(_)));
            taken.split += u64::from(length < text.len());
            taken.consumed += length;
            rest = &rest[length..];
        }
        true
    }
}

/// The next record of a text that is too long or not UTF-8: how many bytes it takes, and its repaired text. Never empty.
pub(crate) fn next_piece(text: &[u8], max_record: usize) -> (usize, Cow<'_, [u8]>) {
    let length = utf8_cut(text, max_record);
    if simdutf8::basic::from_utf8(&text[..length]).is_ok() {
        return (length, Cow::Borrowed(&text[..length]));
    }
    // Each bad byte becomes three: a third always fits, but of a text that is cut by the byte.
    let length = utf8_cut(text, (max_record / 3).max(1)).min(length);
    let length = match std::str::from_utf8(&text[..length]) {
        Err(error) if 3 * length > max_record => error.valid_up_to().max(1),
        _ => length,
    };
    (length, Cow::Owned(String::from_utf8_lossy(&text[..length]).into_owned().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINES: Lines = Lines { delimiter: b'\n', max_record: 12 };

    fn take(data: &[u8], at_end: bool) -> (Vec<String>, Taken) {
        let mut records = Vec::new();
        let taken = LINES.take(data, at_end, |text| {
            records.push(String::from_utf8(text.to_vec()).unwrap());
            Pushed::Taken
        });
        (records, taken)
    }

    #[test]
    fn a_line_is_a_record() {
        let (records, taken) = take(b"one\ntwo\r\n\n{\"a\": 1}\npart", false);
        assert_eq!(records, ["one", "two", "{\"a\": 1}"]);
        assert_eq!((taken.consumed, taken.records, taken.empty), (19, 3, 1));
    }

    #[test]
    fn the_last_line_counts_at_the_end_of_the_stream() {
        let (records, taken) = take(b"one\nlast\r", true);
        assert_eq!((records, taken.consumed), (vec!["one".to_owned(), "last".to_owned()], 9));
        assert_eq!(take(b"", true).1, Taken::default());
        assert_eq!(take(b"\r", true).1.empty, 1);
    }

    #[test]
    fn a_long_line_becomes_several_records_at_character_borders() {
        let text = "ßßßßßßßßß"; // 18 bytes, cut at 12
        let (records, taken) = take(format!("{text}\n").as_bytes(), false);
        assert_eq!(records, ["ßßßßßß", "ßßß"]);
        assert_eq!((taken.records, taken.split, taken.consumed), (2, 2, 19));
    }

    #[test]
    fn a_line_that_never_ends_is_taken_as_it_comes() {
        let (records, taken) = take(&[b'x'; 40], false);
        assert_eq!((records.len(), taken.consumed), (3, 36));
        assert_eq!(take(&[b'x'; 13], false).1.consumed, 0, "the 13th byte may be a CR");
    }

    #[test]
    fn invalid_utf8_is_repaired_and_counted() {
        let (records, taken) = take(b"ok\n\xff\xfeab\nfine\n", false);
        assert_eq!(records.concat(), "ok\u{fffd}\u{fffd}abfine");
        assert!(taken.repaired >= 1 && taken.consumed == 13);
    }

    #[test]
    fn a_repaired_record_is_no_longer_than_the_longest_even_where_that_is_short() {
        for max_record in 3..40 {
            let mut lines = Vec::new();
            Lines { delimiter: b'\n', max_record }.take(&[0x80; 60], true, |text| {
                lines.push(text.len());
                Pushed::Taken
            });
            assert!(
                lines.iter().sum::<usize>() == 180 && lines.iter().all(|length| *length <= max_record),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn nul_delimited_records_have_lines() {
        let lines = Lines { delimiter: 0, max_record: 100 };
        let mut records = Vec::new();
        lines.take(b"a\nb\r\0c\0", false, |text| {
            records.push(text.to_vec());
            Pushed::Taken
        });
        assert_eq!(records, [b"a\nb\r".to_vec(), b"c".to_vec()]);
    }

    proptest! {
        /// However the bytes are cut into reads and wherever room runs out: the same text arrives, none lost, none twice.
        #[test]
        fn nothing_is_lost_whatever_the_reads_and_the_room(
            lines in prop::collection::vec("[a-zß]{1,30}", 0..30),
            reads in prop::collection::vec(1usize..50, 1..50),
            full_at in prop::collection::vec(any::<bool>(), 64),
        ) {
            let stream = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
            let (mut rest, mut output, mut position, mut calls) = (Vec::new(), Vec::new(), 0, 0);
            let mut reads = reads.iter().cycle();
            let mut push = |text: &[u8]| {
                calls += 1;
                if full_at[calls % 64] && calls % 3 == 0 { return Pushed::Full; }
                assert!(!text.is_empty() && text.len() <= LINES.max_record);
                output.extend_from_slice(text);
                Pushed::Taken
            };
            while position < stream.len() || !rest.is_empty() {
                let end = (position + reads.next().unwrap()).min(stream.len());
                rest.extend_from_slice(&stream[position..end]);
                position = end;
                let taken = LINES.take(&rest, position == stream.len(), &mut push);
                rest.drain(..taken.consumed);
            }
            prop_assert_eq!(String::from_utf8(output).unwrap(), lines.concat());
        }
    }
}
