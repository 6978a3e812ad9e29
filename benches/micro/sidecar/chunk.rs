//! Records into a chunk, and through one.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use splashdam_sidecar::engine::budget::Budget;

use crate::material::{builder, fill, full_chunk, throughput, Texts};

pub(crate) fn bench(criterion: &mut Criterion) {
    let budget = Budget::new(64 << 20);
    let text = Texts::Plain.text();
    let chunk = full_chunk(&budget, Texts::Plain);
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(throughput(chunk.records, chunk.text_bytes));
    group.bench_function("fill", |bencher| {
        // Blocks come out of the budget's free list, as in a sidecar at work.
        bencher.iter_batched(
            || builder(&budget),
            |builder| fill(builder, black_box(text.as_bytes())).seal(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("walk", |bencher| {
        bencher.iter(|| black_box(&chunk).iter().map(|record| record.text.len()).sum::<usize>());
    });
    group.finish();
}
