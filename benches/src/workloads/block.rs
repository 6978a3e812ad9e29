//! Rigs of some modes side by side, loaded in turn.

use super::rig::{Load, Rig, Setup};
use super::session::Session;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::results::{ApiRun, Drive, Mode, Phase};

/// Rigs of some modes, for one app and remote.
pub(super) struct Block {
    rigs: Vec<Rig>,
    /// Why no more runs are made; those that were stay.
    trouble: Option<Error>,
}

impl Block {
    pub(super) fn start(session: &Session, modes: &[Mode], setup: &Setup) -> Result<Self> {
        let rig = |mode: &Mode| Rig::start(session, Setup { mode: *mode, ..setup.clone() });
        Ok(Self { rigs: modes.iter().map(rig).collect::<Result<_>>()?, trouble: None })
    }

    /// Loads each rig once, each round beginning with another one.
    pub(super) fn round(&mut self, round: u32, load: &Load) {
        for index in self.order(round) {
            self.load_one(index, load, round);
        }
    }

    fn order(&self, round: u32) -> impl Iterator<Item = usize> {
        let count = self.rigs.len();
        (0..count).map(move |index| (index + round as usize) % count)
    }

    /// Offers each mode a share of its own maximum, as long as it has kept up; what it could not hold by chance it is asked twice.
    pub(super) fn rung(&mut self, most: &[f64], share: f64, load: impl Fn(Drive) -> Load) {
        for index in self.order(0) {
            let rung = load(Drive::Open { rate: rounded(most[index] * share), phase: Phase::Ladder });
            // What could not keep up has a queue that the next rung would wait behind.
            if self.rigs[index].latest().is_none_or(keeps_up) {
                self.load_one(index, &rung, 0);
                if !self.rigs[index].latest().is_none_or(keeps_up) {
                    self.rigs[index].discard_latest();
                    self.load_one(index, &rung, 0);
                }
            }
        }
    }

    /// What each rig's latest run has reached.
    pub(super) fn reached(&self) -> Vec<f64> {
        self.rigs.iter().map(|rig| rig.latest().map_or(0.0, |run| run.per_second)).collect()
    }

    /// Loads the rig of one mode, and says how many answers a second that brought; none where it could not be done.
    pub(super) fn load(&mut self, mode: Mode, load: &Load, round: u32) -> f64 {
        let Some(index) = self.rigs.iter().position(|rig| rig.mode() == mode) else { return 0.0 };
        self.load_one(index, load, round);
        self.rigs[index].latest().map_or(0.0, |run| run.per_second)
    }

    fn load_one(&mut self, index: usize, load: &Load, round: u32) {
        if self.trouble.is_none() && !interrupt::asked() {
            self.trouble = self.rigs[index].load(load, round).err();
        }
    }

    /// Ends the rigs and keeps their runs; says what was lost where. Runs that were made stay, whatever came after.
    pub(super) fn finish(self, session: &mut Session) -> Result<String> {
        let (mut said, mut trouble) = (Vec::new(), self.trouble);
        for rig in self.rigs {
            let mode = rig.mode();
            match rig.finish() {
                Ok(runs) => {
                    said.push(summary(mode, &runs));
                    session.results.api.extend(runs);
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        trouble.map_or_else(|| Ok(said.join("; ")), Err)
    }
}

fn summary(mode: Mode, runs: &[ApiRun]) -> String {
    let mut medians: Vec<u64> = runs.iter().map(|run| run.latency.p50).collect();
    medians.sort_unstable();
    let median = medians.get(medians.len() / 2).copied().unwrap_or_default();
    let lost: u64 = runs.iter().map(|run| run.account.lost).sum();
    let faults: usize = runs.iter().map(|run| run.faults.len()).sum();
    let errors: u64 = runs.iter().map(|run| run.errors).sum();
    let mut text = format!("{mode} {:.2} ms", median as f64 / 1e3);
    for (count, what) in [(lost, "lost"), (errors, "errors"), (faults as u64, "FAULTS")] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

/// Whether an open-loop run was answered about as fast as it was asked; the other kinds always are.
fn keeps_up(run: &ApiRun) -> bool {
    match run.drive {
        Drive::Open { rate, .. } => run.errors == 0 && run.per_second > 0.9 * rate,
        _ => true,
    }
}

/// A rate that can be read and typed again: three digits.
pub(super) fn rounded(rate: f64) -> f64 {
    if rate < 1.0 {
        return 1.0;
    }
    let unit = 10_f64.powf((rate.log10().floor() - 2.0).max(0.0));
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (rate, expected) in [(0.2, 1.0), (7.4, 7.0), (123.4, 123.0), (16_537.0, 16_500.0)] {
            assert_eq!(rounded(rate), expected);
        }
    }
}
