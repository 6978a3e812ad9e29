//! What is noted of a run: calls in each second, and how each sidecar fared.

use std::time::Duration;

use serde::Serialize;

use super::account::Answer;

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Second {
    /// PutLogEvents calls.
    pub(super) puts: u32,
    /// Of these, refused for their rate.
    pub(super) throttled: u32,
    /// Of these, to a stream that did not exist.
    pub(super) missing: u32,
    /// Of these, in vain because nobody was there.
    pub(super) in_vain: u32,
    /// Calls of the noisy app, among `puts`.
    pub(super) noisy: u32,
    /// Of these, refused for their rate.
    pub(super) noisy_throttled: u32,
    /// CreateLogStream calls.
    pub(super) creates: u32,
    /// Of these, refused for their rate.
    pub(super) creates_throttled: u32,
    /// Of these, done.
    pub(super) created: u32,
    /// Age of the oldest record that waits anywhere at its end, in seconds; the noisy app's left out.
    pub(super) oldest: f64,
}

/// How one sidecar fared.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Fate {
    /// When it started, in seconds.
    pub(super) started: f64,
    /// From what happened, or from its start where that came later, to its next delivery, in seconds.
    pub(super) first_delivery: Option<f64>,
    /// Its accepted calls while the fleet was calm.
    pub(super) accepted: u32,
    /// From SIGTERM to the last record's end, in seconds.
    pub(super) drained: Option<f64>,
    pub(super) received: u64,
    pub(super) delivered: u64,
    /// Rejected or dropped, or not ended at the end.
    pub(super) lost: u64,
    pub(super) possible_duplicates: u64,
    /// Whether its account added up each time that it was looked at.
    pub(super) adds_up: bool,
}

/// The notes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) seconds: Vec<Second>,
    pub(super) fates: Vec<Fate>,
    /// Ages of batches' oldest records at their delivery while the fleet was calm, in seconds.
    pub(super) ages: Vec<f64>,
}

impl Tally {
    pub(super) fn new(sidecars: usize) -> Self {
        Self { fates: vec![Fate { adds_up: true, ..Fate::default() }; sidecars], ..Self::default() }
    }

    pub(super) fn second(&mut self, at: Duration) -> &mut Second {
        let index = at.as_secs() as usize;
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second::default());
        }
        &mut self.seconds[index]
    }

    pub(super) fn put(&mut self, at: Duration, answer: Answer, noisy: bool) {
        let second = self.second(at);
        second.puts += 1;
        second.noisy += u32::from(noisy);
        match answer {
            Answer::Done => {}
            Answer::Throttled => {
                second.throttled += 1;
                second.noisy_throttled += u32::from(noisy);
            }
            Answer::Missing => second.missing += 1,
            Answer::Refused | Answer::Silent => second.in_vain += 1,
        }
    }

    pub(super) fn create(&mut self, at: Duration, answer: Answer) {
        let second = self.second(at);
        second.creates += 1;
        second.creates_throttled += u32::from(answer == Answer::Throttled);
        second.created += u32::from(answer == Answer::Done);
    }
}
