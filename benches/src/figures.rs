//! `figures`: the chosen scenarios in turn, round after round, and the table of what they came to.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::error::{io, wrong, Result};
use crate::provenance;
use crate::run::Outcome;
use crate::scenarios::{Bench, Scenario, ALL};
use crate::stage::Programs;
use crate::table;

/// Measures the figures of the table, all or some rows.
#[derive(Debug, Args)]
pub(crate) struct FiguresArgs {
    /// Only this row; may be repeated
    #[arg(long, value_name = "NAME")]
    row: Vec<String>,
    /// Records of a run at full speed
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    records: u64,
    /// Rounds; in each, every row is measured once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Length of an outage and of the idle run
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    minute: u64,
    /// Length of the outage of `spool.outage`; 300 for the figure that the project set itself
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    outage: u64,
    /// Where spools are made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// A binary without emulator and demo, for the row `size`
    #[arg(long, value_name = "PATH")]
    slim_binary: Option<PathBuf>,
    /// Also write every run's details as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Which programs to measure.
#[derive(Debug, Args)]
pub(crate) struct ProgramArgs {
    /// The sidecar [default: `splashdam` beside this program]
    #[arg(long, value_name = "PATH")]
    splashdam: Option<PathBuf>,
    /// The emulator [default: `splashdam-emulator` beside this program, else the sidecar's own]
    #[arg(long, value_name = "PATH")]
    emulator: Option<PathBuf>,
    /// Folder with the client's examples `feed` and `log_cost` [default: `examples` beside this program]
    #[arg(long, value_name = "PATH")]
    examples: Option<PathBuf>,
}

impl ProgramArgs {
    pub(crate) fn find(&self) -> Result<Programs> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        let beside = |name: &str| own.with_file_name(name);
        let splashdam = self.splashdam.clone().unwrap_or_else(|| beside("splashdam"));
        let emulator = self.emulator.clone().unwrap_or_else(|| {
            let separate = beside("splashdam-emulator");
            if separate.exists() {
                separate
            } else {
                splashdam.clone()
            }
        });
        for program in [&splashdam, &emulator] {
            if !program.exists() {
                return Err(wrong(program.display(), "is not there; `cargo build --release` makes it"));
            }
        }
        let examples = self.examples.clone().unwrap_or_else(|| beside("examples"));
        Ok(Programs { splashdam, emulator, examples })
    }
}

/// One scenario's rounds.
#[derive(Serialize)]
pub(crate) struct Series {
    #[serde(serialize_with = "name_only")]
    pub(crate) scenario: &'static Scenario,
    pub(crate) rounds: Vec<Outcome>,
}

fn name_only<S: serde::Serializer>(
    scenario: &&'static Scenario,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(scenario.name)
}

pub(crate) fn run(args: &FiguresArgs) -> Result<ExitCode> {
    provenance::can_write(args.json.as_deref())?;
    let bench = Bench {
        programs: args.programs.find()?,
        records: args.records,
        slim: args.slim_binary.clone(),
        minute: Duration::from_secs(args.minute),
        outage: Duration::from_secs(args.outage),
        spool_in: args.spool_in.clone().unwrap_or_else(std::env::temp_dir),
    };
    let mut all = chosen(&args.row)?;
    for round in 1..=args.rounds {
        for series in &mut all {
            let outcome = (series.scenario.run)(&bench).unwrap_or_else(|error| Outcome::Failed(error.to_string()));
            eprintln!("{}", table::progress(round, args.rounds, series.scenario, &outcome));
            series.rounds.push(outcome);
        }
    }
    println!("{}", table::render(&all, &bench)?);
    if let Some(path) = &args.json {
        let json = serde_json::to_vec_pretty(&all).map_err(|error| wrong("the runs as JSON", error))?;
        std::fs::write(path, json).map_err(io("write", path.display()))?;
    }
    let good = all.iter().all(table::holds);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[String]) -> Result<Vec<Series>> {
    let known = || ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    if let Some(name) = names.iter().find(|name| !ALL.iter().any(|scenario| scenario.name == name.as_str())) {
        return Err(wrong(format!("no row `{name}`"), format!("there are {}", known())));
    }
    let wanted = |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| name == scenario.name);
    Ok(ALL.iter().filter(wanted).map(|scenario| Series { scenario, rounds: Vec::new() }).collect())
}
