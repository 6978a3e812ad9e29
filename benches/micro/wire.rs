//! The protocol's frames, to bytes and back: `cargo bench -p splashdam --bench wire`.
//!
//! Throughput is in records and in bytes on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use splashdam::wire::{self, Ack, ClientFrame, Records, RecordsFrame, SidecarFrame};

const NOW_MS: i64 = 1_700_000_000_000;
/// About what the writer puts into one frame.
const FRAME_BYTES: usize = 64 * 1024;
const SIZES: [usize; 2] = [207, 1_500];

fn frame_of(text: &[u8], memory: Vec<u8>) -> Vec<u8> {
    let mut frame = RecordsFrame::reuse(memory);
    while frame.len() + text.len() + wire::RECORD_HEADER <= FRAME_BYTES {
        frame.push(NOW_MS, black_box(text));
    }
    frame.finish(1)
}

/// Reads a frame as a sidecar does, each record's text included. Returns how many there are, and their bytes.
fn read(bytes: &[u8]) -> (u32, usize) {
    let (kind, payload, _) = wire::frame(bytes, u32::MAX).unwrap().expect("a whole frame");
    let ClientFrame::Records { count, body, .. } = ClientFrame::decode(kind, payload).unwrap() else {
        unreachable!("it was made as a frame of records")
    };
    let texts = Records::new(body, count).map(|record| record.unwrap().1.len()).sum();
    (count, texts)
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("records_frame");
    for size in SIZES {
        let text = vec![b'x'; size];
        let bytes = frame_of(&text, Vec::new());
        let (count, texts) = read(&bytes);
        assert_eq!(texts, count as usize * size);
        group.throughput(Throughput::ElementsAndBytes { elements: count.into(), bytes: bytes.len() as u64 });
        group.bench_function(BenchmarkId::new("encode", size), |bencher| {
            let mut memory = Vec::with_capacity(FRAME_BYTES);
            bencher.iter(|| {
                memory = frame_of(&text, std::mem::take(&mut memory));
                black_box(memory.len())
            });
        });
        group.bench_function(BenchmarkId::new("decode", size), |bencher| bencher.iter(|| read(black_box(&bytes))));
    }
    group.finish();
}

fn acks(criterion: &mut Criterion) {
    let ack =
        Ack { admitted_to: 1_000, durable_to: 900, ended_to: 800, delivered: 790, rejected: 10, ..Ack::default() };
    let frame = SidecarFrame::Ack(ack);
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    let mut group = criterion.benchmark_group("ack");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |bencher| {
        let mut out = Vec::with_capacity(bytes.len());
        bencher.iter(|| {
            out.clear();
            black_box(&frame).encode_into(&mut out);
            black_box(out.len())
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let (kind, payload, _) = wire::frame(black_box(&bytes), u32::MAX).unwrap().expect("a whole frame");
            assert_eq!(SidecarFrame::decode(kind, payload).unwrap(), frame);
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = records, acks
}
criterion_main!(benches);
