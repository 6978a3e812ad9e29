//! A full batch, and the body of its call.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use splashdam_sidecar::config::Destination;
use splashdam_sidecar::delivery::body::{self, Body};
use splashdam_sidecar::engine::batch::{cut, Batch, Bounds, Queued};
use splashdam_sidecar::engine::budget::{Budget, Kind};
use splashdam_sidecar::engine::chunk::Chunk;

use crate::material::{full_chunk, throughput, Texts};

/// Chunks of 64 KiB, more than a batch holds.
const CHUNKS: usize = 20;
/// What a body pays for at first: enough for these texts, so that none has to grow.
const BODY: usize = 2 << 20;

pub(crate) fn bench(criterion: &mut Criterion) {
    let budget = Budget::new(64 << 20);
    let destination = Destination::parse("group", "stream").unwrap();
    let mut group = criterion.benchmark_group("body");
    for texts in Texts::ALL {
        let chunks: Vec<_> = (0..CHUNKS).map(|_| Arc::new(full_chunk(&budget, texts))).collect();
        let batch = cut_from(queue(&chunks));
        let bytes = build(&budget, &destination, &batch);
        let json: serde_json::Value = serde_json::from_slice(&bytes.bytes).unwrap();
        assert_eq!(json["logEvents"].as_array().map(Vec::len), Some(batch.records as usize));
        drop(bytes);

        group.throughput(throughput(batch.records, batch.cost - 26 * batch.records));
        group.bench_function(format!("cut_{}", texts.name()), |bencher| {
            bencher.iter_batched(|| queue(&chunks), cut_from, BatchSize::SmallInput);
        });
        group.bench_function(format!("build_{}", texts.name()), |bencher| {
            bencher.iter(|| build(&budget, &destination, black_box(&batch)).bytes.len());
        });
    }
    group.finish();
}

fn queue(chunks: &[Arc<Chunk>]) -> VecDeque<Queued> {
    let mut first = 0;
    let queued = chunks.iter().map(|chunk| {
        let queued = Queued::new(first, Arc::clone(chunk));
        first = queued.end();
        queued
    });
    queued.collect()
}

fn cut_from(mut queue: VecDeque<Queued>) -> Batch {
    let bounds = Bounds { reach: usize::MAX, events: u32::MAX, growth: 1.0, body: BODY };
    let batch = cut(&mut queue, bounds).expect("there are records");
    assert!(batch.parts.len() < CHUNKS, "less than all, so a full one");
    batch
}

fn build(budget: &Arc<Budget>, destination: &Destination, batch: &Batch) -> Body {
    let payment = budget.claim(Kind::Body, BODY).expect("the budget has room for a body");
    body::build(budget, destination, batch, payment).expect("the body fits what was paid for")
}
