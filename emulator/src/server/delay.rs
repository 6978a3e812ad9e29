//! A delay that is as long as it says.
//!
//! The runtime's timer goes by whole milliseconds and rounds up: an answer that is to be 5 ms late would be 6.5 ms late, and whoever
//! measures what a round trip costs would blame the one who makes many. So the timer has all but the last two milliseconds, and
//! a thread that may block sleeps through those; the kernel ends that within about 0.1 ms. The runtime has 512 such threads: more
//! calls at once wait for each other.

use std::thread;
use std::time::{Duration, Instant};

/// What the runtime's timer may be late by, with some room.
const COARSE: Duration = Duration::from_millis(2);

/// Returns so much later, never earlier.
pub(super) async fn delay(length: Duration) {
    let until = Instant::now() + length;
    if let Some(coarse) = length.checked_sub(COARSE).filter(|coarse| !coarse.is_zero()) {
        tokio::time::sleep(coarse).await;
    }
    let rest = until.saturating_duration_since(Instant::now());
    if !rest.is_zero() {
        // Only a runtime that is ending refuses, and then nobody waits for the answer.
        let _ = tokio::task::spawn_blocking(move || thread::sleep(rest)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delay_is_never_shorter_than_it_says() {
        for micros in [0, 1, 900, 2_000, 2_100, 5_000, 7_777] {
            let (begin, length) = (Instant::now(), Duration::from_micros(micros));
            delay(length).await;
            assert!(begin.elapsed() >= length, "{micros} µs took {:?}", begin.elapsed());
        }
    }
}
