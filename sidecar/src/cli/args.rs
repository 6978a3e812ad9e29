//! What each command takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::{
    parse_address, parse_duration, ConfigErrors, Flags, Loaded, LogGroup, LogStream, Problem, Surroundings,
    DEFAULT_ADMIN, DEFAULT_SOCKET,
};

/// The file and the flags: what the command line says about the configuration.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file (TOML) [variable: SPLASHDAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Flags,
}

impl RunArgs {
    /// The configuration that these make together with the file and the variables.
    pub fn load(&self, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
        crate::config::load(self.config.as_deref(), &self.settings, surroundings)
    }
}

/// Whether `check` may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remote {
    /// Look at the configuration only.
    Leave,
    /// Ask CloudWatch, too.
    Ask,
}

/// Of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Also ask CloudWatch: credentials, log group, permissions
    #[arg(long = "remote")]
    remote: bool,
    /// What `run` would be given.
    #[command(flatten)]
    pub run: RunArgs,
}

impl CheckArgs {
    /// Whether to use the network.
    pub fn remote(&self) -> Remote {
        if self.remote {
            Remote::Ask
        } else {
            Remote::Leave
        }
    }
}

/// Of `send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// Socket of the sidecar [variable: SPLASHDAM_SOCKET] [default: /run/splashdam/splashdam.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Log group to ask for, where it is not the sidecar's own
    #[arg(long, value_name = "G", visible_alias = "log-group")]
    pub group: Option<LogGroup>,
    /// Log stream to ask for, where it is not the sidecar's own
    #[arg(long, value_name = "S", visible_alias = "log-stream")]
    pub stream: Option<LogStream>,
    /// Longest wait for delivery, once stdin has ended
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse_duration)]
    pub flush_timeout: Duration,
}

impl SendArgs {
    /// The flag, else the variable, else the default.
    pub fn socket(&self, surroundings: &Surroundings) -> PathBuf {
        let variable = || surroundings.variable("SPLASHDAM_SOCKET").map(PathBuf::from);
        self.socket.clone().or_else(variable).unwrap_or_else(|| DEFAULT_SOCKET.into())
    }
}

/// Of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Admin address of the sidecar [variable: SPLASHDAM_ADMIN] [default: 127.0.0.1:9787]
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    admin: Option<SocketAddr>,
}

impl StatusArgs {
    /// The flag, else the variable, else the default.
    pub fn admin(&self, surroundings: &Surroundings) -> Result<SocketAddr, Problem> {
        match (self.admin, surroundings.variable("SPLASHDAM_ADMIN")) {
            (Some(address), _) => Ok(address),
            (None, Some(text)) => {
                parse_address(text).map_err(|what| Problem::new(format!("SPLASHDAM_ADMIN={text}"), what))
            }
            (None, None) => Ok(DEFAULT_ADMIN),
        }
    }
}

/// Of `demo`.
#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How long the app logs
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Records a second
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub rate: u64,
}
