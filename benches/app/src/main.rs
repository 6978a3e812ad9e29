//! The app that the workloads measure: an API and a queue of tasks, which log in one of seven modes.
//!
//! ```text
//! api (axum) ─┐            ┌─► none, null, stdout
//!             ├─► logger ──┼─► splashdam   client → socket → sidecar
//! tasks ──────┘   record   ├─► sync        one PutLogEvents for each record, one at a time
//!                          ├─► queue       unbounded, in the process; a thread sends batches
//!                          └─► shipper     lines → socket → somebody else's shipper
//! ```
//!
//! All modes log the same text, made by the same code; only what becomes of it differs. `sync` and `queue` do what Watchtower
//! does, with the AWS SDK for Rust: they are that design, not Watchtower itself.
//!
//! Absent: nothing here measures. Whoever starts the app drives it and reads the line that it ends with.

use std::process::ExitCode;

use clap::Parser;

mod account;
mod api;
mod cli;
mod clock;
mod error;
mod logger;
mod record;
mod sink;
mod tasks;

fn main() -> ExitCode {
    let done = match cli::Cli::parse().command {
        cli::Command::Api(args) => api::run(&args),
        cli::Command::Tasks(args) => tasks::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            account::say(format_args!("splashdam-bench-app: {error}"));
            ExitCode::FAILURE
        }
    }
}
