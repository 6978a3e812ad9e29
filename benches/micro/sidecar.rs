//! The pure pieces that each record passes in the sidecar: `cargo bench -p splashdam-sidecar --bench sidecar`.
//!
//! | group | what runs |
//! |---|---|
//! | `lines` | a read of 64 KiB divided into lines and checked as UTF-8 |
//! | `chunk` | records copied into a chunk, and the walk through one |
//! | `body` | a full batch cut out of a lane, and the body of its call: JSON with what needs an escape |
//! | `spool` | a chunk's entry with both its checksums, written and read |
//!
//! Throughput is in records and in bytes of their texts. Nothing here does I/O; `splashdam-bench figures` measures the whole.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion};

#[path = "sidecar/body.rs"]
mod body;
#[path = "sidecar/chunk.rs"]
mod chunk;
#[path = "sidecar/lines.rs"]
mod lines;
#[path = "sidecar/material.rs"]
mod material;
#[path = "sidecar/spool.rs"]
mod spool;

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = lines::bench, chunk::bench, body::bench, spool::bench
}
criterion_main!(benches);
