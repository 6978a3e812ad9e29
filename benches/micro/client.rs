//! What logging costs the thread that logs, with a consumer at work: `cargo bench -p splashdam --bench client`.
//!
//! `call`: a call while there is room. Calls come in bursts that the queue can hold; between two, outside of what is timed, the
//! writer gets to send them. The first call of a burst wakes the writer, so a 4,096th of that is in the figure.
//!
//! `sustained`: calls without a pause, timed until the consumer has taken the last one in. Where the queue is full the call
//! waits; what is measured is the slower of the caller, the writer and the consumer, on the CPUs that they share.
//!
//! Every record must have reached the consumer, and none be lost, or the benchmark fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use splashdam::{Client, Level, Overflow};

#[path = "client/consumer.rs"]
mod consumer;

use consumer::Consumer;

/// Calls between two pauses: an eighth of the queue's 32,768 records, and at the larger size less than its 8 MiB.
const BURST: u64 = 4_096;
/// Only a consumer that hangs needs so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a record's text: that of the workloads, and a stack trace.
const SIZES: [usize; 2] = [207, 1_500];

fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call");
    for size in SIZES {
        let text = "x".repeat(size);
        group.throughput(Throughput::Elements(1));
        group.bench_with_input(BenchmarkId::from_parameter(size), &text, |bencher, text| {
            with_client(|client| bencher.iter_custom(|calls| in_bursts(client, text, calls)));
        });
    }
    group.finish();
}

fn sustained(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sustained");
    for size in SIZES {
        let text = "x".repeat(size);
        group.throughput(Throughput::ElementsAndBytes { elements: 1, bytes: size as u64 });
        group.bench_with_input(BenchmarkId::from_parameter(size), &text, |bencher, text| {
            with_client(|client| bencher.iter_custom(|calls| to_the_end(client, text, calls)));
        });
    }
    group.finish();
}

/// Runs a benchmark with a client and its consumer, and checks their accounts afterwards.
fn with_client(bench: impl FnOnce(&Client)) {
    let folder = tempfile::tempdir().unwrap();
    let consumer = Consumer::start(&folder.path().join("s.sock"));
    // Waiting instead of dropping: a record that was dropped would be a call that did not do its work.
    let client = Client::builder(consumer.path()).overflow(Overflow::Block { max_wait: PATIENCE }).build();
    bench(&client);
    let report = client.close(PATIENCE);
    assert!(report.all_delivered(), "{report:?}");
    assert_eq!(consumer.end(), client.stats().logged);
}

fn in_bursts(client: &Client, text: &str, calls: u64) -> Duration {
    let (mut took, mut left) = (Duration::ZERO, calls);
    while left > 0 {
        let burst = left.min(BURST);
        let began = Instant::now();
        for _ in 0..burst {
            black_box(client.log(black_box(text)));
        }
        took += began.elapsed();
        left -= burst;
        assert!(client.flush(Level::Ended, PATIENCE).reached);
    }
    took
}

fn to_the_end(client: &Client, text: &str, calls: u64) -> Duration {
    let began = Instant::now();
    for _ in 0..calls {
        black_box(client.log(black_box(text)));
    }
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    began.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = calls, sustained
}
criterion_main!(benches);
