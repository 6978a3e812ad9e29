//! Where a batch ends: at a chunk's border, inside a chunk, between two milliseconds, at the edge of the day it may span.

use super::*;
use crate::engine::budget::Kind;
use crate::engine::chunk::{ChunkBuilder, Run, CHUNK_OVERHEAD, RECORD_HEADER};

const DAY: i64 = 24 * HOUR;

/// A chunk of records of `cost` bytes each, as the API measures them.
fn sized(budget: &Arc<Budget>, costs: &[u32]) -> Chunk {
    let texts: Vec<_> = costs.iter().map(|cost| "x".repeat((cost - EVENT_OVERHEAD) as usize)).collect();
    chunk_of(budget, &texts.iter().map(|text| (1, &**text)).collect::<Vec<_>>())
}

/// What is left of a queue: the timestamps of what is in no batch.
fn left(queue: &VecDeque<Queued>) -> Vec<i64> {
    let of = |queued: &Queued| -> Vec<i64> {
        let ranges = queued.todo.iter().flat_map(|range| queued.chunk.range(range.clone()));
        ranges.map(|record| record.timestamp_ms).collect()
    };
    queue.iter().flat_map(of).collect()
}

/// A batch says how many records it has and what they cost.
fn check_sums(batch: &Batch) {
    let records: u32 = batch.parts.iter().map(Part::len).sum();
    let cost: u32 = batch.parts.iter().map(|part| cost_of(&part.chunk, &part.records)).sum();
    assert_eq!((batch.records, batch.cost), (records, cost));
}

#[test]
fn a_batch_that_is_95_percent_full_ends_at_the_chunks_border_and_one_that_is_not_inside_the_next() {
    let budget = Budget::new(64 << 20);
    for (first, records) in [(FULL_ENOUGH, 1), (FULL_ENOUGH - 1, 2)] {
        let mut queue = queue_of(vec![sized(&budget, &[first]), sized(&budget, &[1_000, BATCH_BYTES / 2])]);
        let batch = cut(&mut queue, WIDE).unwrap();
        assert_eq!(batch.records, records, "behind {first} bytes");
        check_sums(&batch);
    }
}

#[test]
fn a_chunk_that_only_touches_the_window_gives_what_lies_in_it() {
    let budget = Budget::new(1 << 20);
    // The window is a day around the first chunk's records, which are of 40 hours and a minute later.
    let at = 40 * HOUR;
    let minute = 60_000;
    for (next, taken) in [
        ([at + DAY, at + DAY + 1], vec![at + DAY]),
        ([at + DAY + 1, at + DAY + 2], vec![]),
        ([at + minute - DAY - 1, at + minute - DAY], vec![at + minute - DAY]),
        ([at + minute - DAY - 2, at + minute - DAY - 1], vec![]),
        ([at + HOUR, at + 30 * HOUR], vec![at + HOUR]),
        ([at - 30 * HOUR, at - HOUR], vec![at - HOUR]),
    ] {
        let first = chunk_of(&budget, &[(at, "a"), (at + minute, "b")]);
        let mut queue = queue_of(vec![first, chunk_of(&budget, &next.map(|stamp| (stamp, "x")))]);
        let batch = cut(&mut queue, WIDE).unwrap();
        assert_eq!(stamps(&batch)[2..], taken, "of {next:?}");
        assert_eq!(left(&queue), next.into_iter().filter(|stamp| !taken.contains(stamp)).collect::<Vec<_>>());
        check_sums(&batch);
    }
}

#[test]
fn a_record_that_is_too_large_closes_the_batch_only_where_it_lies_in_the_window() {
    let budget = Budget::new(64 << 20);
    let large = "x".repeat(BATCH_BYTES as usize - 30);
    for (stamp, taken) in [(30 * HOUR, vec![0, 1, 2]), (2, vec![0, 1])] {
        // The chunk as a whole spans more than a day, so it is taken record by record.
        let records = [(0, "a"), (1, "b"), (stamp, &*large), (2, "c"), (60 * HOUR, "d")];
        let mut queue = queue_of(vec![chunk_of(&budget, &records)]);
        assert_eq!(stamps(&cut(&mut queue, WIDE).unwrap()), taken);
    }
}

#[test]
fn a_batch_is_as_old_as_its_oldest_chunk() {
    let budget = Budget::new(1 << 20);
    let arrived_at = |second: u64| {
        let payment = budget.claim(Kind::Chunk, RECORD_HEADER + 1 + CHUNK_OVERHEAD).unwrap();
        let mut builder = ChunkBuilder::new(&budget, payment, RECORD_HEADER + 1, Duration::from_secs(second));
        builder.push(1, b"x");
        builder.own(Run::of_text(1));
        builder.seal()
    };
    for seconds in [[5, 3, 4], [3, 4, 5], [4, 5, 3]] {
        let mut queue = queue_of(seconds.map(arrived_at).into());
        assert_eq!(cut(&mut queue, WIDE).unwrap().arrived, Duration::from_secs(3), "{seconds:?}");
    }
}

#[test]
fn a_twentieth_of_a_batch_is_given_back_so_that_the_cut_falls_between_milliseconds_and_no_more() {
    let budget = Budget::new(1 << 20);
    // A hundred records go; of the last millisecond so many are within them, and more behind.
    let narrow = Bounds { events: 100, ..WIDE };
    for (within, records) in [(1, 99), (5, 95), (6, 100), (7, 100)] {
        let stamps: Vec<_> = (0..150).map(|index| (if index < 100 - within { 1 } else { 2 }, "text")).collect();
        let mut queue = queue_of(vec![chunk_of(&budget, &stamps)]);
        let batch = cut(&mut queue, narrow).unwrap();
        assert_eq!(batch.records, records, "{within} of the last millisecond");
        check_sums(&batch);
        assert_eq!(left(&queue).len() as u32, 150 - records, "the others wait");
    }
    // Nor where the millisecond ends with the batch, or the chunk is not in order.
    let ends_here: Vec<_> =
        (0..150).map(|index| (if index < 98 { 1 } else { 2 + i64::from(index >= 100) }, "x")).collect();
    let mixed: Vec<_> = (0..150).map(|index| (if index == 50 || index >= 98 { 2 } else { 1 }, "x")).collect();
    for records in [ends_here, mixed] {
        let mut queue = queue_of(vec![chunk_of(&budget, &records)]);
        assert_eq!(cut(&mut queue, narrow).unwrap().records, 100);
    }
}

#[test]
fn both_halves_know_of_the_batch_what_it_knew() {
    let budget = Budget::new(1 << 20);
    let mut queue = queue_of(vec![chunk_of(&budget, &[(1, "a"), (2, "bb")]), chunk_of(&budget, &[(3, "ccc")])]);
    let batch = Batch { arrived: Duration::from_secs(7), tries: 3, trial: Some(2), ..cut(&mut queue, WIDE).unwrap() };
    let (left, right) = batch.halve();
    assert_eq!((stamps(&left), stamps(&right)), (vec![1, 2], vec![3]));
    for half in [left, right] {
        assert_eq!(half.parts.len(), 1, "no part without a record");
        assert_eq!((half.arrived, half.tries, half.trial), (Duration::from_secs(7), 3, Some(2)));
        check_sums(&half);
    }
}

#[test]
fn what_is_put_back_joins_only_what_it_touches() {
    let budget = Budget::new(1 << 20);
    let mut queue = queue_of(vec![chunk_of(&budget, &[(1, "x"); 10])]);
    queue[0].todo = Vec::new();
    for (records, todo) in
        [(4..5, vec![4..5]), (8..9, vec![4..5, 8..9]), (1..2, vec![1..2, 4..5, 8..9]), (5..8, vec![1..2, 4..9])]
    {
        put_back(&mut queue[0], records);
        assert_eq!(queue[0].todo, todo);
    }
}
