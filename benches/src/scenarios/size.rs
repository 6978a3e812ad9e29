//! What goes into an image.

use super::Bench;
use crate::error::{io, Result};
use crate::run::{Outcome, Run};

pub(super) fn run(bench: &Bench) -> Result<Outcome> {
    let Some(path) = &bench.slim else {
        let how = "cargo build --release -p splashdam-sidecar --no-default-features --target-dir target/slim";
        return Ok(Outcome::Skipped(format!("no --slim-binary given; `{how}` makes one")));
    };
    let bytes = std::fs::metadata(path).map_err(io("read the size of", path.display()))?.len();
    let note = "as it is on disk; the release profile strips it".to_owned();
    Ok(Outcome::Measured(Run { values: vec![bytes as f64 / f64::from(1 << 20)], note, ..Run::default() }))
}
