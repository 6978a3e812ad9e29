//! Where a request's tasks report their end, and where it waits for the last of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::sample::Sample;

/// Most durations that are kept.
const DURATIONS: usize = 100_000;

#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug)]
struct State {
    left: u64,
    durations: Sample,
}

impl Default for Board {
    fn default() -> Self {
        Self { state: Mutex::new(State { left: 0, durations: Sample::new(DURATIONS) }), over: Condvar::new() }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many tasks are about to be handed out.
    pub(super) fn expect(&self, tasks: u64) {
        self.lock().left += tasks;
    }

    /// A task has ended.
    pub(super) fn ended(&self, took: Duration) {
        let mut state = self.lock();
        state.durations.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        state.left = state.left.saturating_sub(1);
        if state.left == 0 {
            drop(state);
            self.over.notify_all();
        }
    }

    /// Waits until no task is left. Each of them ends: what it waits for is bounded by the sink.
    pub(super) fn wait(&self) {
        let state = self.over.wait_while(self.lock(), |state| state.left > 0);
        drop(state.unwrap_or_else(PoisonError::into_inner));
    }

    /// Forgets the durations: what comes now is measured.
    pub(super) fn forget(&self) {
        self.lock().durations = Sample::new(DURATIONS);
    }

    /// The durations so far in microseconds, in no particular order.
    pub(super) fn durations(&self) -> Vec<u64> {
        self.lock().durations.values().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_over_with_its_last_task() {
        let board = Board::default();
        board.expect(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| board.ended(Duration::from_micros(7)));
            }
            board.wait();
            assert_eq!(board.durations(), [7, 7, 7]);
        });
        board.forget();
        assert!(board.durations().is_empty());
        board.wait();
    }
}
