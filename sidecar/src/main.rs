//! The `splashdam` binary: parse, run, exit code.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use splashdam_sidecar::cli::{Cli, Command, Exit, RunArgs};
use splashdam_sidecar::config::Surroundings;
use splashdam_sidecar::{command, diagnostics, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let around = Surroundings::of_process();
    let exit = match cli.command {
        Command::Run(args) => run_sidecar(&args, &around),
        Command::Check(args) => command::check::check(&args, &around),
        Command::Send(args) => command::send::send(&args, &around),
        Command::Status(args) => command::status::status(&args, &around),
        Command::Probe(args) => command::probe::probe(&args, &around),
        Command::Spool(args) => command::spool::spool(&args, &around),
        Command::Plan(args) => command::plan::plan(&args),
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => command::emulator::emulator(args),
        #[cfg(feature = "emulator")]
        Command::Demo(args) => command::demo::demo(&args),
        // Commands are added to the library and here together.
        _ => Exit::Failure,
    };
    exit.into()
}

fn run_sidecar(args: &RunArgs, around: &Surroundings) -> Exit {
    let loaded = match args.load(around) {
        Ok(loaded) => loaded,
        Err(errors) => {
            diagnostics::say(&errors.to_string(), Instant::now());
            return Exit::Configuration;
        }
    };
    let _diagnostics = diagnostics::begin(&loaded.config.diagnostics);
    for warning in loaded.warnings {
        tracing::warn!("{warning}");
    }
    match run::run(loaded.config) {
        Ok(exit) => exit,
        Err(error) => {
            diagnostics::fatal(&error);
            error.exit()
        }
    }
}
