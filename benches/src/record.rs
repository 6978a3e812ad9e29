//! `record`: what a ladder of offered lines yields and costs, a row for each run, as the load record of an appliance has it.
//!
//! ```text
//! options ─► plan ─► row ─┬─► scene    endpoint, shipper (ours or another), cgroup, disk
//!                         ├─► course   lines come due, the remote goes and comes back; series over time
//!                         └─► sums     facts ─► LoadRun, with verdict: what happened, what cannot be so
//! LoadRun ─► table, JSON, history
//! ```
//!
//! Lines are offered open-loop: each is due at its time, whatever the shipper does, and carries that time to the endpoint. What a
//! run decides it decides by the clock and the endpoint's own marks, so that any shipper can be measured; our own account is checked
//! besides.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

use crate::error::{io, wrong, Result};
use crate::figures::ProgramArgs;
use crate::interrupt;
use crate::results::{Condition, LoadRun, Results, Skipped, FORMAT};

mod course;
pub(crate) mod external;
pub(crate) mod history;
mod meter;
pub(crate) mod options;
pub(crate) mod remote;
mod row;
mod scene;
mod series;
mod sums;
pub(crate) mod table;
mod verdict;
mod words;

use external::External;
use history::History;
use options::{Options, LADDER, LIMIT_MIB};
use remote::Remote;

/// With, without, or both in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Spools {
    On,
    Off,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conditions {
    Healthy,
    Outage,
    Both,
}

/// The kernel's limit on the shipper's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Off,
    MiB(u64),
}

/// Offers a ladder of lines a minute and records what each rung yields and costs.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Lines a minute to offer; may be repeated [default: 20,000 to 20 million in eight rungs]
    #[arg(long, value_name = "LINES_PER_MINUTE", value_parser = clap::value_parser!(u64).range(1..=120_000_000))]
    rung: Vec<u64>,
    /// How long lines are due on each rung
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    hold: f64,
    /// With a spool on disk, without, or both in turn [default: both; off with --shipper]
    #[arg(long, value_enum)]
    spool: Option<Spools>,
    /// With the remote there all the time, or away in the middle
    #[arg(long, value_enum, default_value_t = Conditions::Both)]
    condition: Conditions,
    /// How long the remote refuses, in the middle of the hold [default: a third of it]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    outage: Option<f64>,
    /// How long what is late may still be written and delivered after the hold
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    drain: f64,
    /// Bytes of a line, without its end
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(40..=262_000))]
    size: u64,
    /// Time the remote takes for an answer, in ms: `10`, `uniform:5..20`, `lognormal:20,0.5` (median, sigma)
    #[arg(long, value_name = "LATENCY", default_value = "10")]
    remote: Remote,
    /// The kernel's limit on the shipper's memory; the sidecar takes 40 MiB less as its budget, 64 MiB at most
    #[arg(long, value_name = "MIB|off", default_value_t = Limit::MiB(LIMIT_MIB), value_parser = limit)]
    limit: Limit,
    /// Where spools are made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Append each row to this CSV file; made if it is not there
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Also write all rows as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another shipper in the sidecar's place; {endpoint}, {host}, {port}, {socket} and {dir} are filled in
    #[arg(long, value_name = "COMMAND", requires = "to")]
    shipper: Option<String>,
    /// Where that shipper takes lines: `unix:` and a socket's path, which may hold {dir}
    #[arg(long, value_name = "unix:PATH", requires = "shipper")]
    to: Option<String>,
    /// What rows call it [default: its program's name]
    #[arg(long, requires = "shipper")]
    name: Option<String>,
    /// Its version, for the rows
    #[arg(long, value_name = "TEXT", requires = "shipper")]
    shipper_version: Option<String>,
    #[command(flatten)]
    programs: ProgramArgs,
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0.1 to 86400".to_owned())
}

fn limit(text: &str) -> std::result::Result<Limit, String> {
    let limit = match text {
        "off" => Some(Limit::Off),
        _ => text.parse().ok().filter(|mebibytes| *mebibytes >= 16).map(Limit::MiB),
    };
    limit.ok_or_else(|| "expected MiB, 16 at least, or `off`".to_owned())
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::MiB(mebibytes) => write!(f, "{mebibytes}"),
        }
    }
}

impl RecordArgs {
    fn options(&self) -> Result<Options> {
        let shipper = match (&self.shipper, &self.to) {
            (Some(command), Some(to)) => {
                Some(External::parse(command, to, self.name.as_deref(), self.shipper_version.as_deref())?)
            }
            _ => None,
        };
        let spools = self.spool.unwrap_or(if shipper.is_some() { Spools::Off } else { Spools::Both });
        Ok(Options {
            programs: self.programs.find()?,
            rungs: if self.rung.is_empty() { LADDER.to_vec() } else { self.rung.clone() },
            hold: Duration::from_secs_f64(self.hold),
            spools: match spools {
                Spools::On => vec![true],
                Spools::Off => vec![false],
                Spools::Both => vec![false, true],
            },
            conditions: match self.condition {
                Conditions::Healthy => vec![Condition::Healthy],
                Conditions::Outage => vec![Condition::Outage],
                Conditions::Both => vec![Condition::Healthy, Condition::Outage],
            },
            outage: Duration::from_secs_f64(self.outage.unwrap_or(self.hold / 3.0)),
            drain: Duration::from_secs_f64(self.drain),
            size: self.size,
            remote: self.remote.clone(),
            limit_mib: match self.limit {
                Limit::Off => None,
                Limit::MiB(mebibytes) => Some(mebibytes),
            },
            spool_in: self.spool_in.clone().unwrap_or_else(std::env::temp_dir),
            shipper,
        })
    }
}

/// Runs the plan; each row is handed over when it is there. Ends early, with what there is, where somebody asks for it. Returns
/// what could not be run, and why.
pub(crate) fn ladder(options: &Options, take: &mut dyn FnMut(LoadRun)) -> Result<Vec<Skipped>> {
    let mut skipped = Vec::new();
    for rung in options.plan()? {
        if interrupt::asked() {
            skipped.push(Skipped { what: rung.label(), why: "interrupted before it began".to_owned() });
            continue;
        }
        match row::run(options, rung) {
            Ok(run) => take(run),
            Err(error) => skipped.push(Skipped { what: rung.label(), why: error.to_string() }),
        }
    }
    Ok(skipped)
}

pub(crate) fn run(args: &RecordArgs) -> Result<ExitCode> {
    interrupt::install()?;
    let options = args.options()?;
    let runs = options.plan()?.len();
    let mut history = args.history.as_deref().map(History::open).transpose()?;
    let (begin, began) = (Instant::now(), now()?);
    eprintln!("{runs} runs, about {:.0} s", options.expected().as_secs_f64());

    let (mut load, mut trouble) = (Vec::new(), None);
    let skipped = ladder(&options, &mut |run| {
        eprintln!("{:>2}/{runs} {}", load.len() + 1, table::progress(&run));
        if let Some(error) = history.as_mut().and_then(|history| history.add(&run).err()) {
            trouble.get_or_insert(error);
        }
        load.push(run);
    })?;

    println!("{}", table::render(&load, &skipped));
    let sound = skipped.is_empty() && load.iter().all(|run| run.faults.is_empty());
    if let Some(path) = &args.json {
        let results = Results {
            format: FORMAT,
            began,
            seconds: begin.elapsed().as_secs_f64(),
            complete: !interrupt::asked(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            load,
            skipped,
            ..Results::default()
        };
        let json = serde_json::to_vec_pretty(&results).map_err(|error| wrong("the rows as JSON", error))?;
        std::fs::write(path, json).map_err(io("write", path.display()))?;
    }
    trouble.map_or(Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }), Err)
}

fn now() -> Result<String> {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    now.format(&Rfc3339).map_err(|error| wrong("the time of day", error))
}
