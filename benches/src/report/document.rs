//! What the source documents measured, to stand beside our figures. Other machines, other networks: the shape may be
//! compared, the numbers may not.

use crate::results::Shape;

/// A row of the document's table of parallel requests (cloudigrade, April 2022): `concurrent` on two pods with Watchtower,
/// each thread 300 times; medians of its three runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parallel {
    pub(super) threads: u32,
    pub(super) average_ms: f64,
    pub(super) median_ms: f64,
    pub(super) per_minute: f64,
}

pub(super) const PODS: f64 = 2.0;

pub(super) const PARALLEL: [Parallel; 9] = [
    row(1, 86.0, 77.0, 689.0),
    row(2, 103.0, 80.0, 1_158.0),
    row(3, 134.0, 105.0, 1_334.0),
    row(4, 171.0, 148.0, 1_379.0),
    row(6, 227.0, 203.0, 1_548.0),
    row(8, 274.0, 252.0, 1_717.0),
    row(10, 326.0, 294.0, 1_682.0),
    row(15, 527.0, 498.0, 1_669.0),
    row(20, 736.0, 697.0, 1_581.0),
];

const fn row(threads: u32, average_ms: f64, median_ms: f64, per_minute: f64) -> Parallel {
    Parallel { threads, average_ms, median_ms, per_minute }
}

/// Seconds of a request that fans out into tasks: least, average, greatest of ten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fanout {
    pub(super) least: f64,
    pub(super) average: f64,
    pub(super) greatest: f64,
}

/// With Watchtower, synchronous (cloudigrade, April 2022).
pub(super) const WITH_SYNC: Fanout = Fanout { least: 135.26, average: 166.13, greatest: 201.59 };
/// Without it.
pub(super) const WITHOUT: Fanout = Fanout { least: 10.81, average: 15.01, greatest: 25.39 };
/// The document's own ratio of the two.
pub(super) const TIMES: f64 = 11.0;

/// Whether a request is the document's: 671 tasks that take 15 s with two workers.
pub(super) fn is_its(shape: &Shape) -> bool {
    (shape.tasks, shape.records) == (671, 2_117) && (14.0..16.0).contains(&without_logging(shape))
}

/// Seconds of a request that only waits.
fn without_logging(shape: &Shape) -> f64 {
    shape.tasks as f64 * shape.task_ms / 1e3 / f64::from(shape.workers.max(1))
}

/// At which latency of a call that ratio appears by arithmetic, in ms: where each worker waits for its own calls, and where
/// all wait for one another. None where a request takes no time of its own.
pub(super) fn times_at_ms(shape: &Shape) -> Option<(f64, f64)> {
    let more = 1e3 * (TIMES - 1.0) * without_logging(shape);
    let serial = more / shape.records as f64;
    (serial > 0.0 && serial.is_finite()).then(|| (serial * f64::from(shape.workers.max(1)), serial))
}

/// How long a start after a crash took at a million samples a second (Prometheus 2's write-ahead log).
pub(super) const RECOVERY_SECONDS: f64 = 1_500.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_beside_the_documents_ratio_is_right() {
        let shape = Shape { tasks: 671, records: 2_117, bytes: 207, task_ms: 44.7, workers: 2 };
        let (apart, serial) = times_at_ms(&shape).unwrap();
        assert!((apart - 143.0).abs() < 2.0 && (serial - 71.0).abs() < 1.0, "{apart} {serial}");
        assert!(is_its(&shape) && !is_its(&Shape { task_ms: 4.47, ..shape }));
        assert!(times_at_ms(&Shape { task_ms: 0.0, ..shape }).is_none());
        assert!((WITH_SYNC.average / WITHOUT.average - TIMES).abs() < 0.1);
    }
}
