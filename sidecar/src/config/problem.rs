//! What is wrong with a configuration: all of it, not only the first.

use std::fmt;

use super::raw::Origin;

/// One mistake: where it stands, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `config.toml:12: memory = "64Mib"`; empty where nothing was written.
    pub at: String,
    /// Such as `a duration needs its unit`.
    pub what: String,
    /// The line in the file, to tell a file's mistakes in its own order; 0 where there is none.
    line: usize,
}

impl Problem {
    pub(crate) fn new(at: impl fmt::Display, what: impl Into<String>) -> Self {
        Self { at: at.to_string(), what: what.into(), line: 0 }
    }

    pub(crate) fn on_line_of(self, origin: &Origin) -> Self {
        Self { line: origin.line(), ..self }
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.what),
            at => write!(f, "{at}: {}", self.what),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the sources. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
