//! What is to be run: rungs, with and without spool, healthy and through an outage.

use std::path::PathBuf;
use std::time::Duration;

use super::external::External;
use super::remote::Remote;
use crate::error::{wrong, Result};
use crate::results::Condition;
use crate::stage::Programs;

/// Lines a minute; the last is the 333,333 a second of the pipeline document.
pub(crate) const LADDER: [u64; 8] = [20_000, 40_000, 96_000, 200_000, 400_000, 800_000, 4_000_000, 20_000_000];
/// The budget, and what a process needs beside it (docs/operations.md).
pub(crate) const LIMIT_MIB: u64 = 64 + 40;
/// From here on a write holds what became due within a millisecond: a write for each line would measure the writer.
const GATHER_FROM_PER_SECOND: f64 = 20_000.0;
const GATHER: Duration = Duration::from_millis(1);
/// So many numbers take an eighth of as many bytes at the endpoint.
const MOST_RECORDS: u64 = 2_000_000_000;

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) programs: Programs,
    /// Lines a minute.
    pub(crate) rungs: Vec<u64>,
    /// How long lines are due.
    pub(crate) hold: Duration,
    pub(crate) spools: Vec<bool>,
    pub(crate) conditions: Vec<Condition>,
    /// How long the remote refuses, in the middle of the hold.
    pub(crate) outage: Duration,
    /// How long what is late may still be written and delivered after the hold.
    pub(crate) drain: Duration,
    /// Bytes of a line, without its end.
    pub(crate) size: u64,
    pub(crate) remote: Remote,
    /// The kernel's limit; the sidecar derives its budget from it.
    pub(crate) limit_mib: Option<u64>,
    pub(crate) spool_in: PathBuf,
    /// In our sidecar's place.
    pub(crate) shipper: Option<External>,
}

/// One run of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) per_minute: u64,
    pub(crate) spool: bool,
    pub(crate) condition: Condition,
}

impl Rung {
    pub(crate) fn per_second(self) -> f64 {
        self.per_minute as f64 / 60.0
    }

    /// How long what is due is gathered before it is written.
    pub(crate) fn gather(self) -> Duration {
        if self.per_second() < GATHER_FROM_PER_SECOND {
            Duration::ZERO
        } else {
            GATHER
        }
    }

    pub(crate) fn label(self) -> String {
        let spool = if self.spool { "spool" } else { "no spool" };
        format!("{} lines/min, {spool}, {}", super::table::thousands(self.per_minute), condition(self.condition))
    }
}

pub(crate) fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Healthy => "healthy",
        Condition::Outage => "outage",
    }
}

impl Options {
    /// What is to be run, in order; the error says what cannot be.
    pub(crate) fn plan(&self) -> Result<Vec<Rung>> {
        self.check()?;
        let mut plan = Vec::new();
        for &per_minute in &self.rungs {
            for &spool in &self.spools {
                plan.extend(self.conditions.iter().map(|&condition| Rung { per_minute, spool, condition }));
            }
        }
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        if self.conditions.contains(&Condition::Outage) && self.outage >= self.hold {
            let (outage, hold) = (self.outage.as_secs_f64(), self.hold.as_secs_f64());
            return Err(wrong("--outage", format!("{outage} s do not fit into a hold of {hold} s")));
        }
        if self.shipper.is_some() && self.spools.contains(&true) {
            return Err(wrong("--spool", "is the sidecar's; another shipper's own settings say what it keeps on disk"));
        }
        let most = self.rungs.iter().copied().max().unwrap_or_default();
        if self.records(most) > MOST_RECORDS {
            let least = "choose a shorter --hold or a lower --rung";
            return Err(wrong(
                "--hold",
                format!("{} lines are more than can be numbered; {least}", self.records(most)),
            ));
        }
        Ok(())
    }

    /// Lines of a whole hold.
    pub(crate) fn records(&self, per_minute: u64) -> u64 {
        ((per_minute as f64 / 60.0 * self.hold.as_secs_f64()).round() as u64).max(1)
    }

    /// How long the plan takes where all goes well: each run's hold, and a few seconds to begin, catch up and end.
    pub(crate) fn expected(&self) -> Duration {
        let runs = self.rungs.len() * self.spools.len() * self.conditions.len();
        (self.hold + Duration::from_secs(4)) * u32::try_from(runs).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::record) fn options() -> Options {
        Options {
            programs: Programs { splashdam: "s".into(), emulator: "e".into(), examples: "x".into() },
            rungs: vec![600, 20_000_000],
            hold: Duration::from_secs(6),
            spools: vec![false, true],
            conditions: vec![Condition::Healthy, Condition::Outage],
            outage: Duration::from_secs(2),
            drain: Duration::from_secs(10),
            size: 200,
            remote: "10".parse().unwrap(),
            limit_mib: None,
            spool_in: "/tmp".into(),
            shipper: None,
        }
    }

    #[test]
    fn every_combination_once_rung_by_rung() {
        let plan = options().plan().unwrap();
        assert_eq!(plan.len(), 8);
        assert!(plan[..4].iter().all(|rung| rung.per_minute == 600));
        let labels: Vec<_> = plan.iter().map(|rung| rung.label()).collect();
        assert_eq!(labels[0], "600 lines/min, no spool, healthy");
        assert_eq!(labels[7], "20,000,000 lines/min, spool, outage");
        assert_eq!(plan[0].gather(), Duration::ZERO);
        assert_eq!(plan[7].gather(), Duration::from_millis(1));
        assert_eq!(options().expected(), Duration::from_secs(80));
    }

    #[test]
    fn a_hold_has_its_lines() {
        assert_eq!(options().records(600), 60);
        assert_eq!(options().records(20_000_000), 2_000_000);
        assert_eq!(options().records(1), 1);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let long = Options { outage: Duration::from_secs(6), ..options() };
        assert!(long.plan().unwrap_err().to_string().contains("hold"));
        let healthy = Options { conditions: vec![Condition::Healthy], ..long };
        assert!(healthy.plan().is_ok());
        let huge = Options { hold: Duration::from_secs(7_200), ..options() };
        assert!(huge.plan().unwrap_err().to_string().contains("--rung"));
        let external = External::parse("cat", "unix:/x", None, None).unwrap();
        let spooled = Options { shipper: Some(external), ..options() };
        assert!(spooled.plan().unwrap_err().to_string().contains("--spool"));
    }
}
