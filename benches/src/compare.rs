//! `compare`: what changed between two files of results, and whether the rounds can tell.
//!
//! ```text
//! file ─► read ─► series: what was measured ─► quantity ─► a value a round ─► verdict ─► show
//! ```
//!
//! Runs are matched by all that they were to do. The two files come from two runs of the benchmark, so nothing pairs their
//! rounds: medians are compared by unpaired bootstrap, and what befell the machine between the two runs is in the difference.
//! Only rounds of one run cancel that out. Runs that do not count are left out. A soak's slope has an interval of its own, and
//! is not compared. Verdicts are of one quantity each; whether anything at all is slower is [`slower`]'s to say, which reckons with
//! how many were looked at.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::error::Result;

mod api;
mod read;
mod series;
mod show;
mod slower;
mod verdict;

use series::Series;
use slower::Certain;
use verdict::Row;

/// The exit status where the rounds are too few for any answer.
const UNDECIDED: u8 = 3;

/// Says what changed between two files of results.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Results to start from
    a: PathBuf,
    /// Results that are compared with them
    b: PathBuf,
    /// A change within so many percent is none
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = parse_margin)]
    margin: f64,
    /// Of what the intervals draw by chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Exit with 1 if anything is slower, or takes more, for certain and by more than the margin; with 3 where that could not be decided
    #[arg(long)]
    fail_on_slower: bool,
}

pub(crate) fn run(args: &CompareArgs) -> Result<ExitCode> {
    let (a, b) = (read::results(&args.a)?, read::results(&args.b)?);
    for warning in read::differences(&a, &b) {
        eprintln!("warning: {warning}");
    }
    let (a, b) = (Series::of(&a), Series::of(&b));
    let rows = rows(&a, &b, args.margin / 100.0, args.seed);
    let certain = slower::holm(&rows.iter().map(|row| row.slower).collect::<Vec<_>>());
    println!("{}", show::table(&rows, &certain, &a, &b));
    Ok(if args.fail_on_slower { status(&certain) } else { ExitCode::SUCCESS })
}

/// Nothing slower is good news only where it could have been seen.
fn status(certain: &Certain) -> ExitCode {
    if certain.slower.contains(&true) {
        ExitCode::FAILURE
    } else if certain.can_tell {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNDECIDED)
    }
}

/// What both have.
fn rows(a: &Series, b: &Series, margin: f64, seed: u64) -> Vec<Row> {
    let both = a.values.iter().filter_map(|(key, of_a)| Some((key, of_a, b.values.get(key)?)));
    both.map(|(key, of_a, of_b)| Row::of(key.clone(), of_a, of_b, margin, seed)).collect()
}

fn parse_margin(text: &str) -> std::result::Result<f64, String> {
    let margin: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match margin {
        margin if margin > 0.0 && margin < 100.0 => Ok(margin),
        _ => Err("a margin is above 0 and below 100 percent".to_owned()),
    }
}

#[cfg(test)]
mod tests;
