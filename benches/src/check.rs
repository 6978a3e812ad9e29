//! `check`: what has to hold however rough it gets; runs, each said to hold or not, and why.
//!
//! - *mixed*: eight text and eight framed clients at once, some with odd clocks, a remote that throttles and resets.
//! - *hung*: one of three destinations never answers; the other two must hardly notice.
//! - *hostile*: bad clients, a kind at a time; a good one beside them must hardly notice.
//! - *kills*: an outage and three `kill -9` on the way of a million records; all are read back, in order.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::error::Result;
use crate::figures::ProgramArgs;

mod hostile;
mod hung;
mod kills;
mod mixed;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Mixed,
    Hung,
    Hostile,
    Kills,
}

/// Runs what has to hold under load, faults and odd clocks.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only this run
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Records of the mixed run; each destination of the hung one gets as many, the kills' run half
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(10_000..=100_000_000))]
    records: u64,
    /// How often the hung and the hostile runs are repeated; medians are compared
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Where the kills' spool is made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<std::path::PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// One thing that was to hold.
#[derive(Debug)]
pub(crate) struct Finding {
    holds: bool,
    what: String,
}

impl Finding {
    fn new(holds: bool, what: impl Into<String>) -> Self {
        Self { holds, what: what.into() }
    }
}

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode> {
    let programs = args.programs.find()?;
    let spool_in = args.spool_in.clone().unwrap_or_else(std::env::temp_dir);
    let mut all_hold = true;
    for part in [Part::Mixed, Part::Hung, Part::Hostile, Part::Kills] {
        if args.only.is_some_and(|only| only != part) {
            continue;
        }
        let findings = match part {
            Part::Mixed => mixed::run(&programs, args.records)?,
            Part::Hung => hung::run(&programs, args.records, args.rounds)?,
            Part::Hostile => hostile::run(&programs, args.records, args.rounds)?,
            Part::Kills => kills::run(&programs, args.records / 2, &spool_in)?,
        };
        println!("{part:?}");
        for Finding { holds, what } in &findings {
            println!("  {} {what}", if *holds { "holds " } else { "FAILED" });
        }
        all_hold &= findings.iter().all(|finding| finding.holds);
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
