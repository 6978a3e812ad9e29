//! Threads of a test that go on until it is over, be it because it fails.

use std::sync::atomic::{AtomicBool, Ordering};

/// Says when it goes that it is over. Made within a scope, before its first thread: a test that fails there would otherwise wait
/// for ever for threads that nobody ends, and say nothing.
#[derive(Debug)]
pub(crate) struct Over<'a>(&'a AtomicBool);

impl<'a> Over<'a> {
    pub(crate) fn new(over: &'a AtomicBool) -> Self {
        Self(over)
    }
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
