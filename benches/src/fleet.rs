//! `fleet`: many sidecars on one account's quota, simulated on virtual time.
//!
//! ```text
//! scenario ─► world ─┬─► sidecar × n   the engine that ships with the settings that ship, and its apps
//!                    ├─► account       quotas, streams, outages
//!                    └─► tally ─► summary ─► checks ─► table, plots, JSON
//! ```
//!
//! The engine is linked, not imitated: its batching, rates, backoff and jitter are the sidecar's own. Simulated are the account,
//! the network's latency and the apps. There is no clock and no thread: the same seed gives the same output. `docs/fleet.md`
//! says what is assumed and what comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::error::{io, wrong, Result};
use crate::provenance;

mod account;
mod checks;
mod client;
mod plots;
mod scenario;
mod sidecar;
mod summary;
mod table;
mod tally;
mod world;

use checks::Check;
use scenario::{Event, Sabotage, Scenario};
use summary::Summary;
use tally::Second;

/// Simulates a fleet of sidecars, and checks that it lives within the account's quota.
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Sidecars of the fleet
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sidecars: u32,
    /// Same seed, same output
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// What happens to it
    #[arg(long, value_enum, default_value = "all")]
    scenario: Which,
    /// Part of an account's default quota (5000 PutLogEvents/s, 50 CreateLogStream/s); 0.006 for 300 sidecars is what 50000 have
    #[arg(long, value_name = "X", default_value = "1", value_parser = scale)]
    quota_scale: f64,
    /// Also write the plots into this folder
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Also write everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Take something out of the engine, to see that the checks find it
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

/// Which scenarios to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// All pods start within a second, and no stream exists
    Deploy,
    /// The account cannot be reached for two minutes
    Outage,
    /// One pod's app flushes after each record, on 64 streams
    Noisy,
    /// One after the other
    All,
}

impl Which {
    fn events(self) -> Vec<Event> {
        match self {
            Which::Deploy => vec![Event::Deploy],
            Which::Outage => vec![Event::Outage],
            Which::Noisy => vec![Event::Noisy],
            Which::All => Event::ALL.to_vec(),
        }
    }
}

/// One scenario, played.
#[derive(Debug, Serialize)]
struct Run {
    scenario: Scenario,
    summary: Summary,
    checks: Vec<Check>,
    seconds: Vec<Second>,
}

fn scale(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|scale| (1e-6..=1e3).contains(scale));
    number.ok_or_else(|| "a number from 0.000001 to 1000".to_owned())
}

/// Plays the scenarios and prints a table of each; exit status 1 where something does not hold.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn run(args: &FleetArgs) -> Result<ExitCode> {
    provenance::can_write(args.json.as_deref())?;
    let mut runs = Vec::new();
    for event in args.scenario.events() {
        let run = play(args, event)?;
        println!("{}", table::render(&run.scenario, &run.summary, &run.checks));
        if let Some(folder) = &args.svg {
            plots::write(&run.scenario, &run.seconds, folder)?;
        }
        runs.push(run);
    }
    if let Some(path) = &args.json {
        write_json(&runs, path)?;
    }
    let holds = runs.iter().flat_map(|run| &run.checks).all(Check::holds);
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn play(args: &FleetArgs, event: Event) -> Result<Run> {
    let mut scenario = Scenario::new(event, args.sidecars as usize, args.seed, args.quota_scale);
    scenario.sabotage = args.sabotage;
    let tally = world::play(&scenario)?;
    let summary = Summary::of(&scenario, &tally);
    let checks = checks::checks(&scenario, &summary);
    Ok(Run { scenario, summary, checks, seconds: tally.seconds })
}

fn write_json(runs: &[Run], path: &Path) -> Result<()> {
    let json = serde_json::to_vec(runs).map_err(|error| wrong("the runs as JSON", error))?;
    std::fs::write(path, json).map_err(io("write", path.display()))
}
