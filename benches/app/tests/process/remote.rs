//! The endpoint: the emulator in strict mode, in this process.

use std::collections::BTreeSet;

use splashdam_emulator::{Emulator, Fault, FaultKind, Handle};
use tokio::runtime::Runtime;

pub(crate) struct Remote {
    runtime: Runtime,
    handle: Handle,
}

impl Remote {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = runtime.block_on(Emulator::builder().start()).unwrap();
        Self { runtime, handle }
    }

    pub(crate) fn url(&self) -> String {
        self.handle.endpoint_url()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.handle.faults([fault]).unwrap();
    }

    /// Calls of PutLogEvents so far.
    pub(crate) fn puts(&self) -> u64 {
        self.handle.report().calls.get("PutLogEvents").map_or(0, |calls| calls.total)
    }

    /// Whether a call hangs or has hung.
    pub(crate) fn has_hung(&self) -> bool {
        self.handle.report().faults.contains_key(&FaultKind::Hang)
    }

    /// Ends it. Exactly these numbers have arrived, each once, and no limit was violated.
    #[track_caller]
    pub(crate) fn has(self, numbers: impl IntoIterator<Item = u64>) {
        let events = self.handle.events("bench", "bench");
        let report = self.runtime.block_on(self.handle.shutdown());
        assert_eq!(report.violations.total, 0, "{:?}", report.violations);
        let arrived: Vec<u64> = events.iter().map(|event| number(&event.message)).collect();
        let different: BTreeSet<u64> = arrived.iter().copied().collect();
        assert_eq!(different, numbers.into_iter().collect());
        assert_eq!(arrived.len(), different.len(), "some came twice");
        assert_eq!(report.marks.unmarked, 0);
        assert_eq!(report.freshness_micros.count, arrived.len() as u64, "each carries its time");
    }
}

/// The number of a record.
pub(crate) fn number(text: &str) -> u64 {
    text.strip_prefix("n=").and_then(|rest| rest.get(..10)).unwrap().parse().unwrap()
}
