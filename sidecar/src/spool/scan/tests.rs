//! Every byte flipped, every length torn, random bytes.

use proptest::prelude::*;

use super::*;
use crate::config::Destination;
use crate::spool::checksum::checksum;
use crate::spool::entry::tests::{encoded, text_run};

const NAME: SegmentName = SegmentName { base: 100, salt: 0x1122_3344_5566_7788 };

/// What a reader gets: `(first, data)` of each good entry, and the ranges lost.
type Seen = (Vec<(u64, Vec<u8>)>, Vec<Range<u64>>);

fn entry(salt: u64, after: u64, first: u64, records: u32, data: &[u8]) -> Vec<u8> {
    let (length, data_sum) = (data.len() as u32, checksum(salt, data));
    let runs = vec![text_run(records)];
    encoded(&Head { data: length, data_sum, records, after, first, arrived_ms: 5, runs }, salt, data)
}

/// A header and four entries, the third of which holds a forged one; also the places where they end.
fn segment() -> (Vec<u8>, Vec<usize>) {
    let destination = Destination::parse("/app", "pod").unwrap();
    let mut bytes = Header { name: NAME, created_ms: 1, destination, channels: Vec::new() }.encode();
    let mut ends = vec![bytes.len()];
    let forged = entry(0x0102_0304_0506_0708, 104, 104, 9, b"forged");
    let entries = [
        entry(NAME.salt, 100, 100, 2, b"one"),
        entry(NAME.salt, 102, 103, 1, b"two"),
        entry(NAME.salt, 104, 104, 3, &forged),
        entry(NAME.salt, 107, 107, 1, b"four"),
    ];
    for entry in entries {
        bytes.extend_from_slice(&entry);
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn read(mut bytes: &[u8], limit: Option<u64>) -> Seen {
    let (mut scan, _) = Scan::begin(NAME, limit, &mut bytes).unwrap();
    let (mut good, mut lost) = (Vec::new(), Vec::new());
    while let Some(found) = scan.step(&mut bytes).unwrap() {
        lost.extend(Some(found.lost.clone()).filter(|lost| !lost.is_empty()));
        if data_is_good(NAME, &found, &mut bytes).unwrap() {
            let from = found.data_at as usize;
            good.push((found.head.first, bytes[from..from + found.head.data as usize].to_vec()));
        } else {
            lost.push(found.head.first..found.head.end());
        }
    }
    (good, lost)
}

#[test]
fn a_segment_is_read_as_it_was_written() {
    let (bytes, _) = segment();
    let (good, lost) = read(&bytes, None);
    assert_eq!(good.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [100, 103, 104, 107]);
    assert_eq!(lost, []);
}

#[test]
fn a_flipped_byte_costs_the_touched_entry_alone() {
    let (bytes, ends) = segment();
    let (whole, _) = read(&bytes, None);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            let mut expected = whole.clone();
            // In the header: nothing but the table.
            let touched = ends.iter().position(|end| at < *end).unwrap();
            if touched > 0 {
                expected.remove(touched - 1);
            }
            let (good, lost) = read(&flipped, None);
            assert_eq!(good, expected, "byte {at} by {flip:x}");
            // The last entry's head shows nowhere but by what the next segment's base says.
            let last_head = touched == 4 && at < ends[4] - 4;
            assert_eq!(lost.len(), usize::from(touched > 0 && !last_head), "byte {at} by {flip:x}: {lost:?}");
        }
    }
}

#[test]
fn a_torn_tail_leaves_what_is_whole() {
    let (bytes, ends) = segment();
    for cut in 0..bytes.len() {
        for rest in [vec![], vec![0; 64], bytes[40..].iter().map(|byte| byte ^ 1).collect()] {
            let torn = [&bytes[..cut], &rest].concat();
            let (good, _) = read(&torn, None);
            let whole = ends[1..].iter().filter(|end| **end <= cut).count();
            assert_eq!(good.len(), whole, "cut at {cut}");
        }
    }
}

#[test]
fn what_lies_above_the_next_segments_base_is_not_read() {
    let (bytes, _) = segment();
    let (good, lost) = read(&bytes, Some(107));
    assert_eq!((good.len(), lost), (3, vec![]));
}

#[test]
fn a_mark_across_two_windows_is_found() {
    let (bytes, ends) = segment();
    let last = &bytes[ends[3]..];
    for shift in 0..70 {
        let damaged = [&bytes[..ends[3]], &vec![7; STRIDE - 40 + shift], last].concat();
        assert_eq!(read(&damaged, None).0.len(), 4, "shift {shift}");
    }
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), at in 0_usize..600) {
        let _ = read(&bytes, None);
        // The same within a segment that is otherwise good: what is good is never invented.
        let (whole, _) = segment();
        let at = at.min(whole.len());
        let rest = whole.len().min(at + bytes.len());
        let mixed = [&whole[..at], &bytes, &whole[rest..]].concat();
        let (expected, _) = read(&whole, None);
        for found in read(&mixed, None).0 {
            prop_assert!(expected.contains(&found));
        }
    }
}
