//! One task: it logs, waits as if it worked, and logs.

use std::fmt::{self, Display, Formatter};
use std::thread;
use std::time::Duration;

use crate::logger::Logger;
use crate::record::{Entry, Level};

/// A task, with the numbers of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    /// Of the request's first record: what the request is called.
    request: u64,
    place: u64,
    first: u64,
    records: u64,
}

/// The tasks of a request whose records are numbered from `first`, as even as whole numbers allow.
pub(super) fn divide(first: u64, tasks: u64, records: u64) -> impl Iterator<Item = Task> {
    // In 128 bits: the product of both may be more than 64 hold.
    let border = move |place: u64| (u128::from(records) * u128::from(place) / u128::from(tasks)) as u64;
    (0..tasks).map(move |place| {
        let (from, to) = (border(place), border(place + 1));
        Task { request: first, place, first: first.saturating_add(from), records: to - from }
    })
}

impl Task {
    /// Half of its records come before the wait, half after it, as from a task that says what it begins and what it found.
    pub(super) fn run(&self, logger: &Logger, wait: Duration) {
        let half = self.records.div_ceil(2);
        (0..half).for_each(|step| self.log(logger, step));
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        (half..self.records).for_each(|step| self.log(logger, step));
    }

    fn log(&self, logger: &Logger, step: u64) {
        let message = Line { place: self.place, step: step + 1, steps: self.records };
        let number = self.first.saturating_add(step);
        let entry = Entry { level: Level::Info, logger: "tasks.calculate", number, request: self.request, message };
        logger.log_blocking(&entry);
    }
}

/// What a task says.
struct Line {
    place: u64,
    step: u64,
    steps: u64,
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { place, step, steps } = self;
        write!(f, "task {place}, step {step} of {steps}: runs of instance i-{place:017x} recalculated")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_spread_evenly_and_numbered_without_a_gap() {
        for (tasks, records) in [(671, 2_117), (7, 23), (5, 3), (3, 0), (1, 10)] {
            let divided: Vec<_> = divide(1_000, tasks, records).collect();
            assert_eq!(divided.len() as u64, tasks);
            let mut next = 1_000;
            for task in &divided {
                assert_eq!(task.first, next);
                assert!((records / tasks..=records.div_ceil(tasks)).contains(&task.records));
                next += task.records;
            }
            assert_eq!(next, 1_000 + records);
        }
    }
}
