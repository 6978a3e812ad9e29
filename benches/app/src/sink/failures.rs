//! Records that were given up: how many, and why the last of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Ended;

#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<(u64, String)>);

impl Failures {
    fn lock(&self) -> MutexGuard<'_, (u64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, records: u64, because: impl ToString) {
        if records > 0 {
            let mut noted = self.lock();
            *noted = (noted.0 + records, because.to_string());
        }
    }

    pub(crate) fn ended(&self) -> Ended {
        let (failed, because) = self.lock().clone();
        Ended { lost_in_client: None, failed, because }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_reason_is_kept() {
        let failures = Failures::default();
        assert_eq!(failures.ended(), Ended::default());
        failures.note(2, "first");
        failures.note(3, "second");
        failures.note(0, "nothing");
        let ended = failures.ended();
        assert_eq!((ended.failed, ended.because.as_str(), ended.lost_in_client), (5, "second", None));
    }
}
