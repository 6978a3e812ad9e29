//! `recovery`: a sidecar is killed and leaves a spool of some size behind; how soon is the next one of use, and in how much memory?
//!
//! - [`crash`]: one spool filled, left behind and recovered.
//! - [`table`]: the sizes as text, beside the WAL document's figure.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rustix::fs::statvfs;

use crate::error::{io, wrong, Error, Result};
use crate::figures::ProgramArgs;
use crate::keep::Kept;
use crate::results::{RecoveryRun, Skipped};
use crate::run::{Doubles, Run};
use crate::stage::Programs;
use crate::sweeps::account;

pub(crate) mod crash;
mod table;

use crash::{Crash, Recovered};

const GIB: f64 = 1_073_741_824.0;
/// What a record of [`crash::SIZE`] bytes takes on disk, about: docs/spool.md.
const ON_DISK: f64 = 212.0;
/// Of the spool's size so much must be free: it, its spares, and what is written before anything is deleted.
const SPACE: f64 = 2.2;

/// Measures a start after a crash, with so much left in the spool.
#[derive(Debug, Args)]
pub(crate) struct RecoveryArgs {
    /// Size of the spool that is left behind; may be repeated [default: 0.1, 1 and 4]
    #[arg(long, value_name = "GIB", value_parser = gib)]
    gib: Vec<f64>,
    /// Rounds; in each, every size is measured once
    #[arg(long, value_name = "R", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Where spools are made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Also write every run as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// What to recover from.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) programs: Programs,
    pub(crate) gib: Vec<f64>,
    pub(crate) rounds: u32,
    pub(crate) spool_in: PathBuf,
}

impl Options {
    /// Unless somebody says otherwise.
    pub(crate) const GIB: [f64; 3] = [0.1, 1.0, 4.0];
}

/// What became of one size.
#[derive(Debug)]
pub(crate) enum Outcome {
    Measured(Box<RecoveryRun>),
    /// The disk is too small: nothing was found wrong.
    NoRoom(Skipped),
    /// Could not be carried out to its end.
    Failed(Skipped),
}

fn gib(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|gib| (0.001..=64.0).contains(gib));
    number.ok_or_else(|| "a number of GiB from 0.001 to 64".to_owned())
}

pub(crate) fn command(args: &RecoveryArgs, stop: &dyn Fn() -> bool) -> Result<ExitCode> {
    let options = Options {
        programs: args.programs.find()?,
        gib: if args.gib.is_empty() { Options::GIB.to_vec() } else { args.gib.clone() },
        rounds: args.rounds,
        spool_in: args.spool_in.clone().unwrap_or_else(std::env::temp_dir),
    };
    let mut kept = Kept::begin(args.json.as_deref())?;
    let mut failed = false;
    let complete = run(&options, stop, &mut |outcome| match outcome {
        Outcome::Measured(run) => {
            failed |= !run.faults.is_empty();
            kept.results.recoveries.push(*run);
        }
        Outcome::NoRoom(skipped) => kept.results.skipped.push(skipped),
        Outcome::Failed(skipped) => {
            failed = true;
            kept.results.skipped.push(skipped);
        }
    });
    let results = kept.end(complete, args.json.as_deref())?;
    println!("{}", table::render(&results.recoveries, &results.skipped));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures all sizes, and hands each run on as it comes. False where it was stopped before the last.
pub(crate) fn run(options: &Options, stop: &dyn Fn() -> bool, each: &mut dyn FnMut(Outcome)) -> bool {
    for round in 1..=options.rounds {
        for (index, gib) in options.gib.iter().enumerate() {
            if stop() {
                return false;
            }
            eprintln!(
                "[round {round}/{}, {}/{}] recovery from {gib} GiB",
                options.rounds,
                index + 1,
                options.gib.len()
            );
            let skipped = |error: Error| Skipped { what: format!("recovery from {gib} GiB"), why: error.to_string() };
            if let Err(error) = room(&options.spool_in, *gib) {
                each(Outcome::NoRoom(skipped(error)));
                continue;
            }
            match size(options, *gib, round, stop) {
                Ok(Some(run)) => each(Outcome::Measured(Box::new(run))),
                Ok(None) => return false,
                Err(error) => each(Outcome::Failed(skipped(error))),
            }
        }
    }
    true
}

/// One size; nothing where it was stopped meanwhile.
fn size(options: &Options, gib: f64, round: u32, stop: &dyn Fn() -> bool) -> Result<Option<RecoveryRun>> {
    let records = ((gib * GIB / ON_DISK) as u64).max(1);
    // One destination may have two thirds of what all may.
    let max_mib = (gib * 2.0 * 1_024.0).ceil().max(64.0) as u64;
    let crash = Crash { programs: &options.programs, spool_in: &options.spool_in, records, max_mib };
    Ok(crash.recovered(stop)?.map(|recovered| summary(&recovered, records, round)))
}

fn summary(recovered: &Recovered, left: u64, round: u32) -> RecoveryRun {
    let finished = &recovered.finished;
    let records = left + 1;
    let mut faults = Run::of(finished, records, Doubles::Never, Vec::new()).faults;
    faults.extend(recovered.wrong_while_filling());
    RecoveryRun {
        round,
        spool_gib: recovered.bytes as f64 / GIB,
        records: left,
        budget_mib: Some(crash::BUDGET_MIB),
        first_record_seconds: recovered.first_record.as_secs_f64(),
        first_send_seconds: recovered.first_send.as_secs_f64(),
        all_delivered_seconds: recovered.all_delivered.as_secs_f64(),
        peak_until_first_send_mib: recovered.peak_until_first_send,
        peak_mib: finished.resident.peak,
        account: account(finished, records),
        faults,
    }
}

/// Fails where the disk has no room, and says how much it would take.
fn room(folder: &Path, gib: f64) -> Result<()> {
    let asked = statvfs(folder).map_err(|error| io("ask for the free space of", folder.display())(error.into()))?;
    let free = asked.f_bavail as f64 * asked.f_frsize as f64 / GIB;
    enough(free, gib).map_err(|why| wrong(folder.display(), why))
}

fn enough(free: f64, gib: f64) -> std::result::Result<(), String> {
    let needed = gib * SPACE;
    let why = || format!("{free:.1} GiB are free, {needed:.1} needed; name another place with --spool-in");
    (free >= needed).then_some(()).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_must_hold_a_spool_twice_and_a_bit() {
        assert!(enough(2.2, 1.0).is_ok());
        let why = enough(8.7, 4.0).unwrap_err();
        assert_eq!(why, "8.7 GiB are free, 8.8 needed; name another place with --spool-in");
    }

    #[test]
    fn sizes_have_bounds() {
        assert_eq!(gib("0.1"), Ok(0.1));
        assert!(gib("0").is_err() && gib("65").is_err() && gib("NaN").is_err() && gib("x").is_err());
    }
}
