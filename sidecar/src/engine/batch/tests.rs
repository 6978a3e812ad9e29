use super::super::budget::Budget;
use super::super::chunk::tests::chunk_of;
use super::*;
use proptest::prelude::*;

mod cutting;
mod notes;

const WIDE: Bounds = Bounds { reach: usize::MAX, growth: 1.2, body: usize::MAX, events: u32::MAX };
const HOUR: i64 = 3_600_000;

fn queue_of(chunks: Vec<Chunk>) -> VecDeque<Queued> {
    let mut first = 0;
    let queued = chunks.into_iter().map(|chunk| {
        let records = chunk.records;
        let queued = Queued::new(first, chunk);
        first += u64::from(records);
        queued
    });
    queued.collect()
}

fn stamps(batch: &Batch) -> Vec<i64> {
    let each = batch.parts.iter().flat_map(|part| part.chunk.range(part.records.clone()));
    each.map(|record| record.timestamp_ms).collect()
}

#[test]
fn whole_chunks_fill_a_batch_to_95_percent_and_more() {
    let budget = Budget::new(64 << 20);
    let text = "x".repeat(188);
    let chunks = (0..40).map(|c| chunk_of(&budget, &(0..309).map(|r| (c * 309 + r, &*text)).collect::<Vec<_>>()));
    let mut queue = queue_of(chunks.collect());
    let batch = cut(&mut queue, WIDE).unwrap();
    assert!(batch.cost <= BATCH_BYTES && batch.cost >= FULL_ENOUGH, "cost {}", batch.cost);
}

#[test]
fn a_batch_ends_at_the_byte_limit_exactly() {
    let budget = Budget::new(64 << 20);
    let text = "x".repeat(65_536 - 26);
    let mut chunks: Vec<_> = (0..16).map(|i| chunk_of(&budget, &[(i, &*text)])).collect();
    chunks.push(chunk_of(&budget, &[(16, "one more")]));
    let mut queue = queue_of(chunks);
    let batch = cut(&mut queue, WIDE).unwrap();
    assert_eq!((batch.cost, batch.records), (BATCH_BYTES, 16));
    assert_eq!(cut(&mut queue, WIDE).unwrap().records, 1);
}

#[test]
fn a_batch_ends_at_ten_thousand_events() {
    let budget = Budget::new(64 << 20);
    let chunks = (0..11).map(|c| chunk_of(&budget, &(0..1000).map(|r| (c * 1000 + r, "x")).collect::<Vec<_>>()));
    let mut queue = queue_of(chunks.collect());
    assert_eq!(cut(&mut queue, WIDE).unwrap().records, BATCH_EVENTS);
    assert_eq!(cut(&mut queue, WIDE).unwrap().records, 1000);
    assert!(cut(&mut queue, WIDE).is_none());
}

#[test]
fn a_batch_ends_where_it_was_told_to_inside_a_chunk_or_at_its_border() {
    let budget = Budget::new(64 << 20);
    let chunks = (0..3).map(|c| chunk_of(&budget, &(0..250).map(|r| (c * 250 + r, "x")).collect::<Vec<_>>()));
    let mut queue = queue_of(chunks.collect());
    let narrow = Bounds { events: 100, ..WIDE };
    let batches: Vec<_> = std::iter::from_fn(|| cut(&mut queue, narrow)).collect();
    assert!(batches[..7].iter().all(|batch| batch.records == 100));
    assert_eq!(batches.iter().flat_map(stamps).collect::<Vec<_>>(), (0..750).collect::<Vec<_>>());
    let mut queue = queue_of((0..4).map(|c| chunk_of(&budget, &[(c, "x"); 50])).collect());
    assert_eq!(cut(&mut queue, narrow).unwrap().parts.len(), 2);
}

#[test]
fn a_span_of_24_hours_fits_and_one_millisecond_more_does_not() {
    let budget = Budget::new(1 << 20);
    let mut queue = queue_of(vec![chunk_of(&budget, &[(0, "a"), (24 * HOUR, "b"), (24 * HOUR + 1, "c")])]);
    assert_eq!(stamps(&cut(&mut queue, WIDE).unwrap()), [0, 24 * HOUR]);
    assert_eq!(stamps(&cut(&mut queue, WIDE).unwrap()), [24 * HOUR + 1]);
}

#[test]
fn two_clients_a_day_apart_make_two_batches() {
    let budget = Budget::new(1 << 20);
    let mixed: Vec<_> = (0..10).map(|i| if i % 2 == 0 { (i, "old") } else { (30 * HOUR + i, "new") }).collect();
    let mut queue = queue_of((0..5).map(|_| chunk_of(&budget, &mixed)).collect());
    let batches: Vec<_> = std::iter::from_fn(|| cut(&mut queue, WIDE)).collect();
    assert_eq!(batches.iter().map(|b| b.records).collect::<Vec<_>>(), [25, 25]);
}

#[test]
fn the_cut_falls_between_milliseconds_where_it_is_cheap() {
    let budget = Budget::new(64 << 20);
    let text = "x".repeat(1000);
    let chunks = (0..30).map(|c| chunk_of(&budget, &(0..60).map(|r| ((c * 60 + r) / 7, &*text)).collect::<Vec<_>>()));
    let mut queue = queue_of(chunks.collect());
    let (first, second) = (cut(&mut queue, WIDE).unwrap(), cut(&mut queue, WIDE).unwrap());
    assert!(stamps(&first).iter().max() < stamps(&second).iter().min());
    assert!(first.cost >= BATCH_BYTES / 100 * 90);
}

#[test]
fn nothing_beyond_the_reach_is_taken() {
    let budget = Budget::new(1 << 20);
    let mut queue = queue_of((0..10).map(|i| chunk_of(&budget, &[(i, "x")])).collect());
    let reach = queue[0].chunk.paid() * 3;
    assert_eq!(cut(&mut queue, Bounds { reach, ..WIDE }).unwrap().records, 4);
    assert!(cut(&mut queue, Bounds { reach, ..WIDE }).is_none());
}

#[test]
fn a_batch_is_no_larger_than_the_memory_for_its_body() {
    let budget = Budget::new(64 << 20);
    let text = "x".repeat(952);
    let mut queue = queue_of((0..10).map(|i| chunk_of(&budget, &[(i, &*text); 50])).collect());
    let bounds = Bounds { growth: 2.0, body: 100_000, ..WIDE };
    // 952 bytes of text may become 1,904, and 48 around them.
    assert_eq!(cut(&mut queue, bounds).unwrap().records, 51);
    assert_eq!(cut(&mut queue, Bounds { body: 0, ..bounds }).unwrap().records, 1, "one record goes in any case");
}

#[test]
fn halves_hold_the_same_records() {
    let budget = Budget::new(1 << 20);
    let mut queue =
        queue_of(vec![chunk_of(&budget, &[(1, "a"), (2, "b"), (3, "c")]), chunk_of(&budget, &[(4, "d"), (5, "e")])]);
    let (left, right) = cut(&mut queue, WIDE).unwrap().halve();
    assert_eq!((stamps(&left), stamps(&right)), (vec![1, 2, 3], vec![4, 5]));
    assert_eq!((left.cost, right.cost), (81, 54));
}

#[test]
fn what_is_put_back_joins_its_neighbours() {
    let budget = Budget::new(1 << 20);
    let mut queue = queue_of(vec![chunk_of(&budget, &[(1, "a"), (2, "b"), (3, "c"), (4, "d")])]);
    queue[0].todo = vec![0..1, 3..4];
    put_back(&mut queue[0], 1..3);
    assert_eq!(queue[0].todo, vec![0..4]);
}

proptest! {
    /// Whatever the records: each is in exactly one batch, and no batch breaks a limit.
    #[test]
    fn every_record_is_in_one_batch_within_the_limits(
        chunks in prop::collection::vec(prop::collection::vec((0i64..100 * HOUR, 1usize..60_000), 1..8), 1..30),
    ) {
        let budget = Budget::new(1 << 30);
        let texts: Vec<Vec<(i64, String)>> =
            chunks.iter().map(|c| c.iter().map(|(t, n)| (*t, "x".repeat(*n))).collect()).collect();
        let made = texts.iter().map(|c| chunk_of(&budget, &c.iter().map(|(t, s)| (*t, &**s)).collect::<Vec<_>>()));
        let mut queue = queue_of(made.collect());
        let mut seen = std::collections::BTreeSet::new();
        while let Some(batch) = cut(&mut queue, WIDE) {
            let all = stamps(&batch);
            prop_assert!(batch.cost <= BATCH_BYTES && batch.records <= BATCH_EVENTS);
            prop_assert!(all.iter().max().unwrap() - all.iter().min().unwrap() <= BATCH_SPAN_MS);
            prop_assert_eq!(all.len(), batch.records as usize);
            for part in &batch.parts {
                for index in part.records.clone() {
                    prop_assert!(seen.insert(part.first + u64::from(index)));
                }
            }
        }
        prop_assert_eq!(seen.len(), chunks.iter().map(Vec::len).sum::<usize>());
    }
}
