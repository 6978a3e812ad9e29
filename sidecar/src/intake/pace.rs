//! How long to let small writes gather before they are read.
//!
//! A program that writes one record a call costs the reader a system call and a wake-up each, unless the reader lets some
//! gather. The kernel's socket buffer holds [`SOCKET_BUFFER`] bytes, of which every write takes its length and
//! [`WRITE_OVERHEAD`]; a writer blocks when it is full (after 167 writes of 200 bytes). So the pause is as long as the writer,
//! at its present rate, takes to fill half of that: it never blocks, and a read finds many records.

use std::time::Duration;

/// What the kernel lets a Unix stream socket hold by default (`net.core.wmem_default`), in bytes.
const SOCKET_BUFFER: f64 = 212_992.0;

/// What the kernel counts for each write beside its bytes (measured: 167 writes of 200 bytes fill a buffer).
const WRITE_OVERHEAD: f64 = 1_076.0;

/// Longest pause: what a lone record may wait.
const LONGEST: Duration = Duration::from_millis(4);

/// A shorter pause costs more in wake-ups than it saves.
const SHORTEST: Duration = Duration::from_micros(150);

/// Reads of at least this much are a bulk writer's: nothing needs to gather.
const BULK: usize = 32 * 1024;

/// The rate of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    last_read: Duration,
}

impl Pace {
    /// A read brought `bytes` in `records` records. How long this connection can be left alone now; `None`: it has no say.
    pub(crate) fn after_read(&mut self, bytes: usize, records: u64, now: Duration) -> Option<Duration> {
        let since = now.saturating_sub(self.last_read);
        self.last_read = now;
        if bytes >= BULK {
            return Some(Duration::ZERO);
        }
        if records == 0 {
            return None;
        }
        let length = bytes as f64 / records as f64;
        let half = SOCKET_BUFFER / 2.0 / (length + WRITE_OVERHEAD);
        let pause = since.mul_f64((half / records as f64).min(1e6));
        Some(pause.min(LONGEST))
    }
}

/// The shortest of the pauses that the connections allow, if it is worth pausing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pause(Option<Duration>);

impl Pause {
    pub(crate) fn allow(&mut self, pause: Option<Duration>) {
        self.0 = self.0.into_iter().chain(pause).min();
    }

    pub(crate) fn worth_taking(self) -> Option<Duration> {
        self.0.filter(|pause| *pause >= SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(records: u64, bytes: usize, since_us: u64) -> Option<Duration> {
        let mut pace = Pace::default();
        pace.after_read(1, 1, Duration::from_secs(1));
        let pause = pace.after_read(bytes, records, Duration::from_secs(1) + Duration::from_micros(since_us));
        let mut all = Pause::default();
        all.allow(pause);
        all.worth_taking()
    }

    #[test]
    fn a_steady_writer_fills_half_of_the_buffer() {
        // 25,000/s: 25 records of 200 bytes in a millisecond; half the buffer is 83 of them.
        let pause = pause(25, 5_000, 1_000).unwrap();
        assert!((3_200..3_500).contains(&pause.as_micros()), "{pause:?}");
    }

    #[test]
    fn a_slow_writer_waits_no_longer_than_the_longest() {
        assert_eq!(pause(1, 200, 900_000), Some(LONGEST));
    }

    #[test]
    fn fast_and_bulk_writers_are_not_kept_waiting() {
        assert_eq!(pause(100, 20_000, 100), None);
        assert_eq!(pause(300, 65_536, 300), None);
    }
}
