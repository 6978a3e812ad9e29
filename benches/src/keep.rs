//! What a command measured, begun and written as [`Results`].

use std::path::Path;
use std::time::Instant;

use crate::error::{io, wrong, Result};
use crate::provenance;
use crate::results::Results;

/// Results that are being gathered.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) results: Results,
    begin: Instant,
}

impl Kept {
    /// `to` is where they are to be written at their end, if anywhere.
    pub(crate) fn begin(to: Option<&Path>) -> Result<Self> {
        provenance::can_write(to)?;
        Ok(Self { results: provenance::begin(0), begin: Instant::now() })
    }

    /// Ends them, `complete` or not, and writes them where somebody wants them.
    pub(crate) fn end(mut self, complete: bool, to: Option<&Path>) -> Result<Results> {
        provenance::close(&mut self.results, self.begin, complete);
        if let Some(path) = to {
            let json = serde_json::to_vec_pretty(&self.results).map_err(|error| wrong("the results as JSON", error))?;
            std::fs::write(path, json).map_err(io("write", path.display()))?;
        }
        Ok(self.results)
    }
}
