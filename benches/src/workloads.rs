//! `workloads`: what logging costs an API and a task queue, in each mode, and what a sidecar would change.
//!
//! ```text
//! parts ─► session.step ─┬─► rig    far side (endpoint, sidecar) + app's servers ◄── load generator, a process of its own
//!                        ├─► task   far side + app's workers, which time their requests themselves
//!                        └─► record, sweeps, recovery, soak: the pipeline without an app
//!                                    results ─► tables, JSON, HTML
//! ```
//!
//! [`scale`] says how much of everything, [`api`] and [`tasks`] what is run in which order; [`block`] puts rigs side by side; [`far`], [`rig`] and [`task`] run one
//! thing; [`app`] and [`program`] are the processes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::error::{io, wrong, Result};
use crate::figures::ProgramArgs;
use crate::record::external::{External, ShipperArgs};
use crate::results::{App, Results, Skipped};
use crate::{provenance, report, stage};

mod api;
mod app;
mod block;
mod far;
mod pipeline;
mod program;
mod remote;
mod rig;
mod scale;
mod session;
mod task;
mod tasks;
mod usage;

use scale::{Scale, Set};
use session::{Pace, Session};

/// Measures the workloads: all parts of a set, or some.
#[derive(Debug, Args)]
pub(crate) struct WorkloadsArgs {
    /// How much is measured
    #[arg(long, value_enum, default_value_t = Set::Small)]
    set: Set,
    /// Only this part; may be repeated
    #[arg(long, value_enum, value_name = "PART")]
    part: Vec<Part>,
    /// Only this app; may be repeated
    #[arg(long, value_enum, value_name = "APP")]
    app: Vec<App>,
    /// Rounds of the parts `pairs` and `tasks`, instead of the set's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// Seconds of each run of the parts `pairs` and `ladder`, instead of the set's
    #[arg(long, value_name = "S", value_parser = crate::record::args::seconds)]
    seconds: Option<f64>,
    /// Write everything that was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report: one HTML file that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Where spools are made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Append the rows of the load record to this CSV file; made if it is not there
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Of everything that is drawn by chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    shipper: ShipperArgs,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    apps: app::AppArgs,
}

/// A part of the workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// API: one request after the other, all modes
    Serial,
    /// API: 1 to 20 threads
    Threads,
    /// API: open loop, rung by rung up to the maximum
    Ladder,
    /// API: null and splashdam in turn at OK load, many rounds
    Pairs,
    /// One request that fans out into 671 tasks
    Tasks,
    /// One that fans out into thousands
    LargeTasks,
    /// The distance at which the seed's factor of eleven appears
    ElevenTimes,
    /// Lines offered at rising rates, and through an outage
    Load,
    /// One parameter of the pipeline at a time
    Sweeps,
    /// A start after a crash
    Recovery,
    /// A long steady load
    Soak,
}

impl Part {
    fn run(self, session: &mut Session, scale: &Scale) {
        match self {
            Self::Serial => api::serial(session, scale),
            Self::Threads => api::threads(session, scale),
            Self::Ladder => api::ladder(session, scale),
            Self::Pairs => api::pairs(session, scale),
            Self::Tasks => tasks::tasks(session, scale),
            Self::LargeTasks => tasks::large(session, scale),
            Self::ElevenTimes => tasks::eleven_times(session, scale),
            Self::Load => pipeline::load(session, scale),
            Self::Sweeps => pipeline::sweep(session, scale),
            Self::Recovery => pipeline::recover(session, scale),
            Self::Soak => pipeline::soak(session, scale),
        }
    }

    /// Whether it also measures what `--shipper` names.
    fn takes_a_shipper(self) -> bool {
        matches!(self, Self::Tasks | Self::Load)
    }

    /// Whether it is an app that is measured, and not the pipeline alone.
    fn has_app(self) -> bool {
        !matches!(self, Self::Load | Self::Sweeps | Self::Recovery | Self::Soak)
    }

    /// What a set measures where no part is named.
    fn of(set: Set) -> Vec<Self> {
        let mut parts = vec![Self::Pairs, Self::Serial, Self::Threads, Self::Ladder, Self::Tasks, Self::Load];
        if set != Set::Small {
            parts.extend([Self::LargeTasks, Self::Sweeps, Self::Recovery, Self::Soak]);
        }
        // It takes the seed's minutes, whatever the set.
        if set == Set::Full {
            parts.push(Self::ElevenTimes);
        }
        parts
    }
}

pub(crate) fn run(args: &WorkloadsArgs) -> Result<ExitCode> {
    let mut scale = Scale::of(args.set);
    if let Some(rounds) = args.rounds {
        (scale.pairs, scale.task_rounds) = (rounds, rounds);
    }
    if let Some(seconds) = args.seconds {
        (scale.pair_seconds, scale.ladder_seconds) = (seconds, seconds);
    }
    let parts = if args.part.is_empty() { Part::of(args.set) } else { args.part.clone() };
    let shipper = args.shipper.external()?;
    if shipper.is_some() && !parts.iter().any(|part| part.takes_a_shipper()) {
        return Err(wrong("--shipper", "is for the parts `tasks` and `load`; name one of them, or no part at all"));
    }
    let mut session = begin(args, &parts, shipper)?;
    session.take(|session| parts.iter().for_each(|part| part.run(session, &scale)));

    let results = session.results;
    // Files first: a terminal that is gone must not take them along.
    if let Some(path) = &args.json {
        write_json(path, &results)?;
    }
    if let Some(path) = &args.html {
        std::fs::write(path, report::html(&results)).map_err(io("write", path.display()))?;
    }
    let written = [("results", &args.json), ("report", &args.html)];
    let places = written.iter().filter_map(|(what, path)| Some(format!("{what}: {}\n", path.as_ref()?.display())));
    print(&format!("{}\n{}", report::tables(&results), places.collect::<String>()))?;
    Ok(if sound(&results) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn begin(args: &WorkloadsArgs, parts: &[Part], shipper: Option<External>) -> Result<Session> {
    provenance::can_write([&args.json, &args.html, &args.history].into_iter().flatten().map(PathBuf::as_path))?;
    let programs = args.programs.find()?;
    let apps = args.apps.find()?;
    let mut results = provenance::begin(args.seed);
    results
        .versions
        .extend(provenance::version_of(&programs.splashdam).map(|version| ("splashdam".to_owned(), version)));
    if let Some(shipper) = &shipper {
        results.versions.insert(format!("shipper {}", shipper.name), shipper.version.clone());
    }
    let asked = match parts.iter().any(|part| part.has_app()) {
        true if args.app.is_empty() => vec![App::Rust, App::Python],
        true => args.app.clone(),
        false => Vec::new(),
    };
    let mut able = Vec::new();
    for app in asked {
        match apps.missing(app) {
            None => able.push(app),
            Some(why) => {
                eprintln!("left out: the app in {app}: {why}");
                results.skipped.push(Skipped { what: format!("everything of the app in {app}"), why });
            }
        }
    }
    if able.contains(&App::Python) {
        results.versions.extend(apps.versions()?);
    }
    let spool_in = args.spool_in.clone().unwrap_or_else(std::env::temp_dir);
    let (folder, history) = (stage::folder()?, args.history.clone());
    Ok(Session { programs, apps, results, able, folder, spool_in, shipper, history, pace: Pace::Planning(0.0) })
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).map_err(io("write to", "standard output"))
}

fn write_json(path: &Path, results: &Results) -> Result<()> {
    let json = serde_json::to_vec(results).map_err(|error| wrong("the results as JSON", error))?;
    std::fs::write(path, json).map_err(io("write", path.display()))
}

/// Whether everything that was to run did, and counts.
fn sound(results: &Results) -> bool {
    let api = results.api.iter().all(|run| run.faults.is_empty());
    let tasks = results.tasks.iter().all(|run| run.faults.is_empty());
    let load = results.load.iter().all(|run| run.faults.is_empty());
    let sweeps = results.sweeps.iter().all(|run| run.faults.is_empty());
    let recoveries = results.recoveries.iter().all(|run| run.faults.is_empty());
    let soaks = results.soaks.iter().all(|run| run.faults.is_empty());
    results.skipped.is_empty() && api && tasks && load && sweeps && recoveries && soaks
}
