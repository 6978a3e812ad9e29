//! Measures splashdam as its users will meet it: feeder, sidecar and endpoint as separate processes.
//!
//! ```text
//! figures ─► scenarios ─► stage ─┬─► endpoint   the emulator, counting; its bitmap says what arrived
//!                                ├─► sidecar    the shipped binary with shipped defaults
//!                                ├─► watch      its account at 10 Hz: does the identity hold?
//!                                └─► feeder     this program again, as `feed`, `framed` or `lanes`
//! ```
//!
//! Nothing here shares code with what it measures, but for `fleet`, which runs the engine itself. `README.md` says how to run it and how to read it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod account;
mod chaos;
mod check;
mod compare;
mod endpoint;
mod error;
mod feed;
mod figure;
mod figures;
mod fleet;
mod host;
mod interrupt;
mod keep;
mod latency;
mod load;
mod progress;
mod provenance;
mod record;
mod recovery;
mod report;
mod results;
mod run;
mod scenarios;
mod sidecar;
mod soak;
mod stage;
mod statistics;
mod sweeps;
mod table;
mod watch;
mod workloads;

#[derive(Debug, Parser)]
#[command(name = "splashdam-bench", about = "Measures splashdam: feeder, sidecar and endpoint as separate processes")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure what logging costs an API and a task queue, in each mode
    Workloads(workloads::WorkloadsArgs),
    /// Measure the figures and print them beside their floors and goals
    Figures(figures::FiguresArgs),
    /// Run what has to hold under load, faults and odd clocks
    Check(check::CheckArgs),
    /// Offer a ladder of lines a minute, and record what each rung yields and costs
    Record(record::RecordArgs),
    /// Vary one parameter at a time and measure at each value
    Sweep(sweeps::SweepArgs),
    /// Kill a sidecar with so much in its spool, start another and measure how soon it is of use
    Recovery(recovery::RecoveryArgs),
    /// Keep up a steady load and watch the sidecar's memory and metrics
    Soak(soak::SoakArgs),
    /// Kill sidecars and clients again and again under a failing remote, and account for every record
    Chaos(chaos::ChaosArgs),
    /// Simulate a fleet of sidecars on one account's quota
    Fleet(fleet::FleetArgs),
    /// Write numbered lines into a text socket
    Feed(feed::text::TextArgs),
    /// Write numbered records over framed connections and await their end
    Framed(feed::framed::FramedArgs),
    /// Do what no client should, until killed (started by `check`)
    #[command(hide = true)]
    Bad(feed::bad::BadArgs),
    /// Write a record a second to each of many streams
    Lanes(feed::lanes::LanesArgs),
    /// Ask a URL at a constant rate, or with so many at once
    Http(load::args::HttpArgs),
    /// Say what changed between two files of results
    Compare(compare::CompareArgs),
    /// Print the tables of a file of results, and write its report as one HTML file
    Report(report::ReportArgs),
    /// Log through the client library until told to end, or killed (started by `chaos`)
    #[command(hide = true)]
    ChaosClient(chaos::ClientArgs),
    /// Kill what our parent left behind (started by the other commands)
    #[command(hide = true)]
    Warden,
    /// Take so many MiB of memory: proof that a cgroup's limit holds
    #[command(hide = true)]
    Hog { mebibytes: usize },
    /// Want a whole CPU for so long: proof that a cgroup's limit holds
    #[command(hide = true)]
    Spin { milliseconds: u64 },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("splashdam-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> error::Result<ExitCode> {
    match command {
        Command::Workloads(args) => return long(|| workloads::run(&args)),
        Command::Figures(args) => return host::warden::with(|| figures::run(&args)),
        Command::Check(args) => return host::warden::with(|| check::run(&args)),
        Command::Chaos(args) => return host::warden::with(|| chaos::run(&args)),
        Command::ChaosClient(args) => chaos::client(&args)?,
        Command::Record(args) => return long(|| record::run(&args)),
        Command::Sweep(args) => return long(|| sweeps::command(&args, &interrupt::asked)),
        Command::Recovery(args) => return long(|| recovery::command(&args, &interrupt::asked)),
        Command::Soak(args) => return long(|| soak::command(&args, &interrupt::asked)),
        Command::Fleet(args) => return fleet::run(&args),
        Command::Feed(args) => print(&feed::text::run(&args)?),
        Command::Framed(args) => print(&feed::framed::run(&args)?),
        Command::Bad(args) => feed::bad::run(&args)?,
        Command::Lanes(args) => print(&feed::lanes::run(&args)?),
        Command::Http(args) => return load::args::command(&args),
        Command::Compare(args) => return compare::run(&args),
        Command::Report(args) => return report::run(&args),
        Command::Warden => host::warden::watch(std::io::stdin().lock()),
        Command::Hog { mebibytes } => println!("{} pages", host::cgroup::hog(mebibytes)),
        Command::Spin { milliseconds } => println!("{}", host::cgroup::spin(milliseconds)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// What can be interrupted, and then reports what it has.
fn long(work: impl FnOnce() -> error::Result<ExitCode>) -> error::Result<ExitCode> {
    interrupt::install()?;
    let code = host::warden::with(work)?;
    if !interrupt::asked() {
        return Ok(code);
    }
    eprintln!("interrupted: the above is what there is");
    Ok(ExitCode::from(interrupt::STATUS))
}

fn print(report: &feed::Report) {
    println!("{}", serde_json::json!(report));
}
