//! The remote end: the emulator, strict, on a runtime of its own.

use std::time::Duration;

use splashdam_emulator::report::Report;
use splashdam_emulator::{Emulator, Event, Fault, Handle};

use super::until;

/// The default destination of the tests.
pub(crate) const GROUP: &str = "tests";
/// Its stream.
pub(crate) const STREAM: &str = "sidecar";

/// A CloudWatch to be refused by.
#[derive(Debug)]
pub(crate) struct Remote {
    // Before the runtime: it ends in it.
    emulator: Option<Handle>,
    runtime: tokio::runtime::Runtime,
    url: String,
}

impl Remote {
    /// Strict: signatures are checked, groups and streams have to be created.
    pub(crate) fn strict() -> Self {
        Self::of(Emulator::builder())
    }

    /// Only counts numbers.
    pub(crate) fn counting() -> Self {
        Self::of(Emulator::builder().counting())
    }

    pub(crate) fn of(builder: splashdam_emulator::Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let emulator = runtime.block_on(builder.start()).unwrap();
        let url = emulator.endpoint_url();
        Remote { emulator: Some(emulator), runtime, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn emulator(&self) -> &Handle {
        self.emulator.as_ref().expect("it runs until it is shut down")
    }

    /// Adds a fault as the command line would.
    #[track_caller]
    pub(crate) fn fault(&self, fault: &str) {
        self.emulator().faults([fault.parse::<Fault>().unwrap()]).unwrap();
    }

    pub(crate) fn clear_faults(&self) {
        self.emulator().clear_faults();
    }

    /// Resets every connection and refuses new ones for so long.
    pub(crate) fn outage(&self, length: Duration) {
        self.emulator().outage(length);
    }

    pub(crate) fn report(&self) -> Report {
        self.emulator().report()
    }

    /// Calls of an operation so far.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.report().calls.get(operation).map_or(0, |calls| calls.total)
    }

    pub(crate) fn events(&self, group: &str, stream: &str) -> Vec<Event> {
        self.emulator().events(group, stream)
    }

    /// The texts of the default stream.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts_of(STREAM)
    }

    /// The texts of a stream of the default group.
    pub(crate) fn texts_of(&self, stream: &str) -> Vec<String> {
        self.events(GROUP, stream).into_iter().map(|event| event.message).collect()
    }

    /// Waits until so many events have been accepted, wherever.
    #[track_caller]
    pub(crate) fn until_accepted(&self, events: u64) {
        let mut accepted = 0;
        until(&format!("{events} events are accepted"), || {
            accepted = self.report().events.accepted;
            accepted >= events
        });
        assert_eq!(accepted, events, "more than expected");
    }

    /// No limit was broken, whatever went wrong. What it held can be asked before.
    #[track_caller]
    pub(crate) fn no_violation(&self) {
        let violations = self.report().violations;
        assert_eq!(violations.total, 0, "{violations:?}");
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
        self.emulator.take();
    }
}

/// Texts that carry numbers which the endpoint marks: `n=0000000007 filler…`, `length` bytes each.
pub(crate) fn numbered(numbers: std::ops::Range<u64>, length: usize) -> Vec<String> {
    numbers.map(|n| format!("{:x<length$}", format!("n={n:010} "))).collect()
}
