//! What a command measured, begun and written as [`Results`].

use std::path::Path;
use std::time::Instant;

use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

use crate::error::{io, wrong, Result};
use crate::host::kernel::machine;
use crate::results::{Results, FORMAT};

/// Results that are being gathered.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) results: Results,
    begin: Instant,
}

impl Kept {
    pub(crate) fn begin() -> Self {
        let mut results = Results {
            format: FORMAT,
            began: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            ..Results::default()
        };
        results.machine.cpus = machine().map_or(0, |machine| machine.cpus);
        results.versions.insert("splashdam-bench".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self { results, begin: Instant::now() }
    }

    /// Ends them, `complete` or not, and writes them where somebody wants them.
    pub(crate) fn end(mut self, complete: bool, to: Option<&Path>) -> Result<Results> {
        self.results.seconds = self.begin.elapsed().as_secs_f64();
        self.results.complete = complete;
        if let Some(path) = to {
            let json = serde_json::to_vec_pretty(&self.results).map_err(|error| wrong("the results as JSON", error))?;
            std::fs::write(path, json).map_err(io("write", path.display()))?;
        }
        Ok(self.results)
    }
}
