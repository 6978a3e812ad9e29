//! What all parts of a run share: the programs, the results so far, the progress.

use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;

use super::app::Apps;
use crate::error::Result;
use crate::interrupt;
use crate::progress::Progress;
use crate::record::external::External;
use crate::results::{App, Results, Skipped};
use crate::stage::Programs;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) programs: Programs,
    pub(crate) apps: Apps,
    pub(crate) results: Results,
    /// Apps that can run here.
    pub(crate) able: Vec<App>,
    /// For what outlives a single run: the apps' databases.
    pub(crate) folder: TempDir,
    /// Where spools are made.
    pub(crate) spool_in: PathBuf,
    /// What is to be measured in the sidecar's place, too.
    pub(crate) shipper: Option<External>,
    /// Where the rows of the load record are appended.
    pub(crate) history: Option<PathBuf>,
    pub(crate) pace: Pace,
}

/// Whether steps are taken or only counted.
#[derive(Debug)]
pub(crate) enum Pace {
    /// The sum of the steps' guesses so far, in seconds.
    Planning(f64),
    Running(Progress),
}

impl Session {
    /// For the endpoint of the next run: the same in each session of the same parts, another for each run.
    pub(crate) fn next_seed(&self) -> u64 {
        let results = &self.results;
        results.seed.wrapping_mul(1_000_003).wrapping_add((results.api.len() + results.tasks.len()) as u64)
    }

    /// Takes a step: says that it begins, does it, and notes why it failed if it did. Nothing once the end was asked for.
    pub(crate) fn step(&mut self, what: &str, guessed: f64, work: impl FnOnce(&mut Self) -> Result<String>) {
        match &mut self.pace {
            Pace::Planning(sum) => {
                *sum += guessed;
                return;
            }
            Pace::Running(_) if interrupt::asked() => return,
            Pace::Running(progress) => progress.begin(what),
        }
        let said = match work(self) {
            Ok(said) => said,
            Err(_) if interrupt::asked() => "interrupted".to_owned(),
            Err(error) => {
                let why = error.to_string();
                self.results.skipped.push(Skipped { what: what.to_owned(), why: why.clone() });
                format!("failed: {why}")
            }
        };
        if let Pace::Running(progress) = &mut self.pace {
            progress.end(guessed, &said);
        }
    }

    /// Counts what `parts` would take, then does it.
    pub(crate) fn take(&mut self, parts: impl Fn(&mut Self)) {
        self.pace = Pace::Planning(0.0);
        parts(self);
        let Pace::Planning(guessed) = self.pace else { return };
        self.pace = Pace::Running(Progress::new(guessed));
        let since = Instant::now();
        parts(self);
        crate::provenance::close(&mut self.results, since, !interrupt::asked());
    }
}
