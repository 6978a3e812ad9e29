//! Long runs say how far they are and how long it still takes.

use std::time::{Duration, Instant};

/// A line on stderr for each step.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    /// What all steps together were thought to take, and those that are over.
    expected: f64,
    done: f64,
}

impl Progress {
    /// `seconds` is the guess for everything.
    pub(crate) fn new(seconds: f64) -> Self {
        Self { began: Instant::now(), expected: seconds, done: 0.0 }
    }

    /// Says that a step begins.
    pub(crate) fn begin(&self, what: &str) {
        eprintln!("[{:>5}, {} left] {what}", clock(self.began.elapsed()), clock(self.left()));
    }

    /// Says what a step came to; it was guessed to take so long.
    pub(crate) fn end(&mut self, guessed: f64, what: &str) {
        self.done += guessed;
        if !what.is_empty() {
            note(what);
        }
    }

    /// What is left of the guess, corrected by how the steps so far kept to theirs.
    fn left(&self) -> Duration {
        let rest = (self.expected - self.done).max(0.0);
        // A few seconds say little about the pace.
        let pace = if self.done < 10.0 { 1.0 } else { self.began.elapsed().as_secs_f64() / self.done };
        Duration::from_secs_f64(rest * pace)
    }
}

/// Something about the step that is under way, or was.
pub(crate) fn note(what: &str) {
    eprintln!("                     {what}");
}

fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_scaled_by_the_pace_so_far() {
        let began = Instant::now().checked_sub(Duration::from_secs(40)).unwrap();
        let progress = Progress { began, expected: 100.0, done: 20.0 };
        let left = progress.left().as_secs_f64();
        assert!((160.0..165.0).contains(&left), "{left}");
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(clock(Duration::from_secs(3_661)), "1:01:01");
    }
}
