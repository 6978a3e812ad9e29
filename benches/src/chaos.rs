//! `chaos`: the shipped sidecar with a spool, killed again and again under a remote that fails in every way we know, while many
//! clients log numbered records; in the end every number is accounted for.
//!
//! ```text
//! plan ──► course ─┬─► weather    what is wrong with the remote: faults, keys, names, outages
//!  (seed)          ├─► lives      the sidecars, one after the other: kill -9, SIGTERM; what kernel and /metrics say of each
//!                  ├─► crowd      processes of framed clients (`client`, the shipped crate), some of them killed
//!                  └─► text       text clients
//!                        └─► verdict (pure) ─► table, JSON
//! ```
//!
//! The plan is the same for the same seed and length; a run of whole processes cannot be bit-exact. All heals in the end: what is
//! then not at the endpoint, and was not refused by it, is lost.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::error::{io, wrong, Result};
use crate::figures::ProgramArgs;
use crate::provenance;

mod asked;
mod cast;
mod client;
mod course;
mod crowd;
mod launcher;
mod lives;
mod phases;
mod plan;
mod table;
mod text;
mod verdict;
mod weather;

pub(crate) use client::{run as client, ClientArgs};
use plan::{Plan, Scale};
use verdict::{Facts, Finding};

/// Of the sidecar that is killed: what the plan has to know.
const DEADLINE: f64 = 2.0;
const TIME_OUT: f64 = 2.0;
/// Seconds of the run for each kill, unless told otherwise; a long run has a hundred.
const PER_KILL: f64 = 3.0;
const MOST_KILLS: u32 = 100;

/// Kills sidecars and clients again and again under a failing remote, and accounts for every record.
#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    /// Same seed, same plan; one is drawn and printed unless given
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// How long it goes on, healing not included
    #[arg(long, value_name = "M", default_value_t = 6.0, value_parser = minutes)]
    minutes: f64,
    /// Kills of the sidecar [default: one in three seconds, at most 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: Option<u32>,
    /// Framed records a second, over all clients that stay
    #[arg(long, value_name = "R", default_value_t = 24_000, value_parser = clap::value_parser!(u64).range(100..=200_000))]
    rate: u64,
    /// Only print the plan
    #[arg(long)]
    plan: bool,
    /// Where the spool is made [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Also write everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

fn minutes(text: &str) -> std::result::Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.2..=1_440.0).contains(minutes));
    minutes.ok_or_else(|| "a number from 0.2 to 1440".to_owned())
}

/// What a run came to.
#[derive(Debug, Serialize)]
struct Run {
    plan: Plan,
    command: String,
    phases: Vec<phases::Phase>,
    /// Records that framed clients logged a second while it went on.
    framed_per_second: f64,
    facts: Facts,
    findings: Vec<Finding>,
}

/// Runs, prints the table; exit status 1 where something does not hold.
///
/// # Errors
/// What kept it from coming to its end, with the command that repeats it.
pub(crate) fn run(args: &ChaosArgs) -> Result<ExitCode> {
    provenance::can_write(args.json.as_deref())?;
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let seconds = args.minutes * 60.0;
    let kills = args.kills.unwrap_or(((seconds / PER_KILL) as u32).clamp(1, MOST_KILLS));
    let plan = Plan::draw(seed, Scale { seconds, kills, deadline: DEADLINE, time_out: TIME_OUT });
    let command =
        format!("splashdam-bench chaos --seed {seed} --minutes {} --kills {kills} --rate {}", args.minutes, args.rate);
    println!("{command}");
    if args.plan {
        println!("{}", table::plan(&plan));
        return Ok(ExitCode::SUCCESS);
    }
    let spool_in = args.spool_in.clone().unwrap_or_else(std::env::temp_dir);
    let outcome = course::run(&args.programs.find()?, &plan, args.rate, &spool_in);
    let course::Outcome { phases, framed_per_second, facts } = outcome.map_err(|error| wrong(&command, error))?;
    let findings = verdict::findings(&facts);
    let run = Run { plan, command, phases, framed_per_second, facts, findings };
    println!("{}", table::render(&run));
    if let Some(path) = &args.json {
        let json = serde_json::to_vec(&run).map_err(|error| wrong("the run as JSON", error))?;
        std::fs::write(path, json).map_err(io("write", path.display()))?;
    }
    let holds = run.findings.iter().all(|finding| finding.holds);
    if !holds {
        println!("FAILED: seed {seed}; to repeat: {}", run.command);
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
