//! The emulator as a program of its own.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use splashdam_emulator::{run, Args};

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result: Result<(), Box<dyn Error>> = match runtime {
        Ok(runtime) => runtime.block_on(run(args)).map_err(Into::into),
        Err(error) => Err(error.into()),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("splashdam-emulator: {error}{}", error.source().map(|cause| format!(": {cause}")).unwrap_or_default());
    ExitCode::FAILURE
}
