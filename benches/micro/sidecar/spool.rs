//! A chunk as an entry of a segment.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use splashdam_sidecar::engine::budget::Budget;
use splashdam_sidecar::engine::spool::{DiskRun, Entry};
use splashdam_sidecar::spool::entry::{sound, Head, Pieces};

use crate::material::{full_chunk, throughput, Texts, NOW_MS};

const SALT: u64 = 0x5eed_5a17_0000_0001;

pub(crate) fn bench(criterion: &mut Criterion) {
    let budget = Budget::new(64 << 20);
    let chunk = Arc::new(full_chunk(&budget, Texts::Plain));
    let records = chunk.records;
    let runs = vec![DiskRun { client: [0; 16], first_sequence: 0, sequences: records, records }];
    let entry = Entry { first: 0, chunk: Arc::clone(&chunk), runs, arrived_ms: NOW_MS, ended: false };
    let mut bytes = Vec::new();
    Head::of(&entry, 0, SALT).encode(SALT, &mut bytes);
    let head = bytes.len();
    bytes.extend_from_slice(chunk.data());

    let mut group = criterion.benchmark_group("spool");
    group.throughput(throughput(records, chunk.text_bytes));
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            let mut pieces = Pieces::default();
            pieces.push(&Head::of(black_box(&entry), 0, SALT), SALT, chunk.data());
            black_box(pieces.slices().len())
        });
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let (head, data) = black_box(&bytes).split_at(head);
            let head = Head::decode(head, SALT).expect("a head of this salt");
            assert!(sound(&head, SALT, data));
        });
    });
    group.finish();
}
