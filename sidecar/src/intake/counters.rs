//! What the intake counts beside records, and how it tells the rest of the process who is connected.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counters of the intake. Gauges are set, the others only rise.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: Counter),+ }
    };
}

counters! {
    /// Connections accepted.
    accepted,
    /// Connections refused or evicted at the cap.
    turned_away,
    /// Connections refused because of their user.
    refused_users,
    /// Connections now, also those that have sent nothing.
    connected,
    /// Text connections now (a connection that has sent nothing is none).
    text,
    /// Framed connections now.
    framed,
    /// Connections that sent at least a byte, ever.
    clients,
    /// Milliseconds of monotonic time when text was last read.
    text_read_ms,
    /// Milliseconds of monotonic time when the last client left, 0 while one is here.
    left_ms,
    /// Text connections that wait for room now.
    blocked_text,
    /// Empty lines skipped.
    empty_lines,
    /// Records whose UTF-8 was repaired.
    repaired,
    /// Pieces of records that were too long, and lines cut because lines that were not whole took all the room for such.
    split,
    /// Connections closed for breaking the protocol.
    protocol_errors,
    /// Framed clients sent to the default destination because theirs was refused.
    refused_destinations,
    /// Bytes read from clients.
    bytes,
}

/// One number that many may read and the intake writes. Who sees a change sees what was changed before it, too.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Release);
    }

    /// Takes from it.
    pub fn sub(&self, less: u64) {
        self.0.fetch_sub(less, Ordering::Release);
    }

    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }
}
