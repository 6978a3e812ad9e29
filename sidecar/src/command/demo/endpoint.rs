//! The endpoint: strict, 20 ms away, now and then too busy.

use splashdam_emulator::{Emulator, Error, Fault, FaultKind, Handle, Latency};

/// How far away.
const LATENCY_MS: f64 = 20.0;
/// How often it is too busy by chance.
const BUSY: f64 = 0.02;
/// It is also too busy once early on for certain, so that a short demo shows a retry, too.
const BUSY_AFTER: u64 = 5;
/// Events kept for reading back: nobody does.
const KEPT: (u64, u64) = (1_000, 16 << 20);

/// Starts an endpoint that marks so many numbers. Groups and streams are the sidecar's to create.
pub(super) async fn start(records: u64) -> Result<Handle, Error> {
    let busy = || Fault::new(FaultKind::Throttle).on("PutLogEvents");
    let mut first = busy().times(1);
    first.skip = BUSY_AFTER;
    Emulator::builder()
        .fault(Fault::latency(Latency::Fixed(LATENCY_MS)))
        .fault(first)
        .fault(busy().with_probability(BUSY))
        .count_max(records + 1)
        .expect(records)
        .store_max(KEPT.0, KEPT.1)
        .start()
        .await
}
