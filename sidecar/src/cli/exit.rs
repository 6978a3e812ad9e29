//! What the process says at its end.

use std::process::ExitCode;

/// The exit codes of all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// An orderly end; of `send`: all was delivered.
    Success,
    /// Any failure that has no code of its own.
    Failure,
    /// The configuration or the command line is wrong.
    Configuration,
    /// Something was rejected, dropped or lost (`run` with `--fail-on-loss`, and `send`).
    Loss,
    /// Time ran out before all was delivered (`send`).
    TimedOut,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Configuration => 2,
            Self::Loss => 3,
            Self::TimedOut => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
