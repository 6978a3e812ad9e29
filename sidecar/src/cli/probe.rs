//! What `probe` takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::{load_probed, parse_address, parse_duration, ConfigErrors, Surroundings};

pub(super) const NOTES: &str = "\
Without --address it asks where SPLASHDAM_HEALTH, the configuration file or ACG_CONFIG say that health listens, else
where admin does (127.0.0.1:9787); of an address such as 0.0.0.0:13133 it asks 127.0.0.1. It does not see the flags of `run`.
Exit codes: 0 well, 1 not well or no answer in time, 2 usage or configuration.";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProbeOf {
    /// Whether the sidecar makes progress.
    Live,
    /// Whether its socket accepts.
    Ready,
}

impl ProbeOf {
    /// The path that answers it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            ProbeOf::Live => "/healthz",
            ProbeOf::Ready => "/readyz",
        }
    }
}

/// Of `probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// What to ask: live (it makes progress) or ready (its socket accepts)
    #[arg(value_name = "live|ready", value_enum, default_value_t = ProbeOf::Live, hide_possible_values = true)]
    pub of: ProbeOf,
    /// Address of the sidecar's health or admin interface
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    address: Option<SocketAddr>,
    /// Configuration file (TOML) [variable: SPLASHDAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Longest wait for the whole answer
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = parse_timeout)]
    pub timeout: Duration,
}

/// A kubelet waits no longer than its own `timeoutSeconds`; more than this is a mistake.
const LONGEST: Duration = Duration::from_secs(60);

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    let fits = !timeout.is_zero() && timeout <= LONGEST;
    fits.then_some(timeout).ok_or_else(|| format!("is not more than 0 and at most {}s, such as 1s", LONGEST.as_secs()))
}

impl ProbeArgs {
    /// The flag, else what the configuration says; `None` where it says that there is none.
    ///
    /// # Errors
    /// A file that cannot be read, or an address that is none.
    pub fn address(&self, surroundings: &Surroundings) -> Result<Option<SocketAddr>, ConfigErrors> {
        match self.address {
            Some(address) => Ok(Some(address)),
            None => load_probed(self.config.as_deref(), surroundings),
        }
    }
}
