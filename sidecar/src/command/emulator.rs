//! `emulator`: the strict CloudWatch Logs endpoint, until a signal ends it.

use std::error::Error;

use splashdam_emulator::Args;

use super::out;
use crate::cli::Exit;

/// Serves until SIGTERM or SIGINT.
#[must_use]
pub fn emulator(args: Args) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served: Result<(), Box<dyn Error>> = match runtime {
        Ok(runtime) => runtime.block_on(splashdam_emulator::run(args)).map_err(Into::into),
        Err(error) => Err(error.into()),
    };
    let Err(error) = served else { return Exit::Success };
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    out::tell(&format!("emulator: {error}{cause}"));
    Exit::Failure
}
