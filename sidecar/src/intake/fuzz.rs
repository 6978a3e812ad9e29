//! Text into records: delimiter, longest record, reads, room and end come from the first bytes, the rest is the stream.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // this is how a fuzzer hears of it

use super::open::Pushed;
use super::text::Lines;

/// Tries one stream.
pub fn run(data: &[u8]) {
    let Some((&[delimiter, most, step, full, late], stream)) = data.split_first_chunk::<5>() else { return };
    let lines = Lines { delimiter: if delimiter % 2 == 0 { b'\n' } else { 0 }, max_record: 1 + usize::from(most) };
    let whole = records(lines, stream, Course { step: stream.len().max(1), full: 0, late: false });
    let course = Course { step: usize::from(step).max(1), full, late: late % 2 == 1 };
    let pieces = records(lines, stream, course);
    assert_eq!(pieces, whole, "other records with other reads");
    let (read, sent) = (collapsed(&whole.concat()), collapsed(&repaired(lines, stream)));
    assert_eq!(read, sent, "not what was sent");
    // Below a character's four bytes a record is one character.
    assert!(whole.iter().all(|record| !record.is_empty() && record.len() <= lines.max_record.max(4)));
}

/// How a stream arrives.
#[derive(Clone, Copy)]
struct Course {
    /// Bytes of a read.
    step: usize,
    /// Every so manieth record finds no room at first; 0 or 1: each does at once.
    full: u8,
    /// The end is seen after the last byte, not with it.
    late: bool,
}

/// The records of a stream.
fn records(lines: Lines, stream: &[u8], course: Course) -> Vec<String> {
    let (mut rest, mut records, mut asked) = (Vec::new(), Vec::new(), 0_u64);
    let mut reads = stream.chunks(course.step).peekable();
    let mut ended = false;
    while !ended || !rest.is_empty() {
        rest.extend_from_slice(reads.next().unwrap_or_default());
        let at_end = reads.peek().is_none() && (ended || !course.late);
        ended = reads.peek().is_none();
        let before = records.len();
        let taken = lines.take(&rest, at_end, |text| {
            asked += 1;
            if course.full > 1 && asked % u64::from(course.full) == 0 {
                return Pushed::Full;
            }
            records.push(String::from_utf8(text.to_vec()).expect("a record is UTF-8"));
            Pushed::Taken
        });
        assert_eq!(taken.records, (records.len() - before) as u64);
        assert!(taken.consumed <= rest.len() && (!at_end || taken.full || taken.consumed == rest.len()));
        // What is not taken is bounded: a longest record with its CR, where there was room.
        rest.drain(..taken.consumed);
        assert!(taken.full || rest.len() <= lines.max_record.max(3) + 1);
    }
    records
}

/// The stream as it should arrive: without delimiters and empty lines, bad bytes replaced.
fn repaired(lines: Lines, stream: &[u8]) -> String {
    let without_cr = |line: &[u8]| match line.split_last() {
        Some((b'\r', rest)) if lines.delimiter == b'\n' => rest.to_vec(),
        _ => line.to_vec(),
    };
    let texts = stream.split(|byte| *byte == lines.delimiter).map(without_cr);
    texts.map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

/// With one sign for several bad bytes in a row: where a cut falls decides how many there are.
fn collapsed(text: &str) -> String {
    let mut last = None;
    let bad = char::REPLACEMENT_CHARACTER;
    text.chars().filter(|c| last.replace(*c) != Some(*c) || *c != bad).collect()
}
