//! The command line: which commands there are and what they take. Parses only; does nothing.
//!
//! A usage error ends the process with exit code 2 (clap's own, and that of a wrong configuration).

mod args;
mod exit;
mod plan;
mod probe;
mod spool;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};

#[cfg(feature = "emulator")]
pub use args::DemoArgs;
pub use args::{CheckArgs, Remote, RunArgs, SendArgs, StatusArgs};
pub use exit::Exit;
pub use plan::{GrowthIn, PlanArgs};
pub use probe::{ProbeArgs, ProbeOf};
pub use spool::{CatArgs, CatFormat, Dir, LsArgs, ReplayArgs, SpoolArgs, SpoolCommand};

/// Takes log records over a Unix socket and ships them to CloudWatch Logs.
#[derive(Debug, Parser)]
#[command(name = "splashdam", version, max_term_width = 110, after_help = SETTINGS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
// One is parsed, once: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Command {
    /// Run the sidecar
    #[command(after_help = SETTINGS)]
    Run(RunArgs),
    /// Print the effective configuration, or everything that is wrong with it
    #[command(after_help = SETTINGS)]
    Check(CheckArgs),
    /// Ship stdin through a running sidecar; succeed only if all of it was delivered
    #[command(after_help = SEND_EXITS)]
    Send(SendArgs),
    /// Show a running sidecar's account, rates and lanes
    Status(StatusArgs),
    /// Ask a running sidecar for its health, for probes in images without a shell
    #[command(after_help = probe::NOTES)]
    Probe(ProbeArgs),
    /// Look into a spool: what it holds, and its records
    Spool(SpoolArgs),
    /// Say how large a sidecar, its spool and the bill become, as a table
    #[command(after_help = plan::NOTES)]
    Plan(PlanArgs),
    /// Serve a strict CloudWatch Logs endpoint for tests
    #[cfg(feature = "emulator")]
    Emulator(splashdam_emulator::Args),
    /// Watch an app, a sidecar and an emulator work together
    #[cfg(feature = "emulator")]
    Demo(DemoArgs),
}

const SETTINGS: &str = "\
Each setting is also a variable (--socket-mode: SPLASHDAM_SOCKET_MODE) and a key of the file (socket_mode).
Flags come before variables, variables before the file, the file before Clowder's (ACG_CONFIG); `splashdam check` shows
what holds, and why.
Sizes: 64MiB, 64MB, 1000000. Durations: 250ms, 5s, 1m, 2h.";

const SEND_EXITS: &str = "Exit codes: 0 all delivered, 3 something was not, 4 time ran out, 1 any other failure.";
