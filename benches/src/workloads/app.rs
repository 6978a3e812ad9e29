//! The app that is measured, in Rust or in Python: the same flags, the same lines on standard error, and so one driver for both.
//!
//! `APP api` serves until SIGTERM and says `listening on URL`; `APP tasks` runs to its end and says `result: {…}`.
//! Both say `account: {…}` when they end, each of their processes for itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::endpoint::SECRET;
use crate::error::{io, wrong, Result};
use crate::results::{App, Mode};

/// Where the apps are.
#[derive(Debug, Clone, Args)]
pub(crate) struct AppArgs {
    /// The app in Rust [default: `splashdam-bench-app` beside this program]
    #[arg(long, value_name = "PATH")]
    rust_app: Option<PathBuf>,
    /// The Python that has Django, gunicorn, Celery and Watchtower [default: `.venv/bin/python`]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// The checkout that holds the apps in Python [default: this folder]
    #[arg(long, value_name = "DIR", default_value = ".")]
    checkout: PathBuf,
}

/// The apps' commands.
#[derive(Debug, Clone)]
pub(crate) struct Apps {
    rust: PathBuf,
    python: PathBuf,
    python_path: String,
}

/// What an app is to do with its records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logging<'a> {
    pub(crate) mode: Mode,
    pub(crate) socket: Option<&'a Path>,
    pub(crate) endpoint: Option<&'a str>,
}

/// What one process of an app says at its end.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Said {
    pub(crate) emitted: u64,
    #[serde(default)]
    pub(crate) lost_in_client: u64,
}

impl AppArgs {
    pub(crate) fn find(&self) -> Result<Apps> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        let checkout = self.checkout.canonicalize().map_err(io("find", self.checkout.display()))?;
        let beside = |name: &str| own.with_file_name(name);
        let path = |folder: &str| checkout.join(folder).display().to_string();
        Ok(Apps {
            rust: self.rust_app.clone().unwrap_or_else(|| beside("splashdam-bench-app")),
            // Not resolved further: a virtual environment is known by the link's own place.
            python: self.python.clone().unwrap_or_else(|| checkout.join(".venv/bin/python")),
            python_path: format!("{}:{}", path("benches/python"), path("python/src")),
        })
    }
}

impl Apps {
    /// A command that runs an app's part (`api`, `tasks`), without its flags.
    fn program(&self, app: App, part: &str) -> Command {
        let mut command = match app {
            App::Rust => Command::new(&self.rust),
            App::Python => {
                let mut command = Command::new(&self.python);
                command.args(["-m", "workloads"]).env("PYTHONPATH", &self.python_path);
                command
            }
        };
        // Nothing of the caller's AWS or splashdam configuration may reach a measurement.
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            if ["AWS_", "SPLASHDAM_", "RUST_"].iter().any(|prefix| known.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.envs([("AWS_ACCESS_KEY_ID", "AKIDBENCH"), ("AWS_SECRET_ACCESS_KEY", SECRET)]);
        command.envs([("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")]);
        command.arg(part);
        command
    }

    /// The same, with the flags about its records.
    pub(crate) fn command(&self, app: App, part: &str, logging: Logging<'_>) -> Command {
        let mut command = self.program(app, part);
        command.args(["--mode", logging.mode.name()]);
        if let Some(socket) = logging.socket {
            command.arg("--socket").arg(socket);
        }
        if let Some(endpoint) = logging.endpoint {
            command.args(["--endpoint-url", endpoint]);
        }
        command
    }

    /// Why an app cannot run here, if it cannot.
    pub(crate) fn missing(&self, app: App) -> Option<String> {
        match app {
            App::Rust if !self.rust.exists() => Some(format!(
                "{} is not there; `cargo build --release --workspace --bins` makes it",
                self.rust.display()
            )),
            App::Python => {
                self.versions().err().map(|error| format!("{error}; `make bench` prepares a Python with all it needs, and --checkout names the folder that holds benches/python"))
            }
            App::Rust => None,
        }
    }

    /// What the Python app is made of.
    pub(crate) fn versions(&self) -> Result<BTreeMap<String, String>> {
        let mut command = self.program(App::Python, "versions");
        let what = self.python.display().to_string();
        let output = command.output().map_err(io("run", &what))?;
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.trim()).map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            wrong(format!("{what} -m workloads versions"), said.lines().last().unwrap_or("said nothing"))
        })
    }
}

/// How long an app may take to start: Django makes its database, Celery its workers.
pub(crate) const START: Duration = Duration::from_secs(60);
/// And to end: Watchtower's queue may take its time, the contract allows a minute.
pub(crate) const END: Duration = Duration::from_secs(90);

/// The sum of what an app's processes said at their ends, and how many spoke.
pub(crate) fn accounts(lines: &[String]) -> (Said, usize) {
    let said: Vec<Said> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let sum = said.iter().fold(Said::default(), |sum, one| Said {
        emitted: sum.emitted + one.emitted,
        lost_in_client: sum.lost_in_client + one.lost_in_client,
    });
    (sum, said.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_accounts_are_summed() {
        let lines = [r#"{"emitted":5,"requests":2}"#, r#"{"emitted":7,"lost_in_client":1}"#, "nonsense"];
        let (sum, spoke) = accounts(&lines.map(str::to_owned));
        assert_eq!((sum.emitted, sum.lost_in_client, spoke), (12, 1, 2));
    }
}
