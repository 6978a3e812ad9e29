//! The command line. The Python apps take the same flags, so that one driver serves both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::record;

/// Longest record that our client and CloudWatch take as one, whatever the mode.
const LONGEST_RECORD: i64 = 256 * 1024;
/// An hour: longer than that nobody measures.
const LONGEST_WAIT_MS: f64 = 3_600_000.0;

#[derive(Debug, Parser)]
#[command(name = "splashdam-bench-app", about = "The app that the workloads measure, logging in one of seven modes")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until SIGTERM
    Api(ApiArgs),
    /// Run requests that fan out into tasks
    Tasks(TasksArgs),
}

/// What the records go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Nothing is logged, nothing formatted
    None,
    /// Formatted and thrown away
    Null,
    /// One line each to standard output, unbuffered
    Stdout,
    /// The client of splashdam, with its defaults
    Splashdam,
    /// One PutLogEvents each, one at a time
    Sync,
    /// An unbounded queue, and a thread that sends batches
    Queue,
    /// One line each to a shipper's Unix socket
    Shipper,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Null => "null",
            Self::Stdout => "stdout",
            Self::Splashdam => "splashdam",
            Self::Sync => "sync",
            Self::Queue => "queue",
            Self::Shipper => "shipper",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LogArgs {
    #[arg(long)]
    pub(crate) mode: Mode,
    /// The sidecar's socket (mode splashdam), or the shipper's (mode shipper)
    #[arg(long, value_name = "PATH", required_if_eq_any([("mode", "splashdam"), ("mode", "shipper")]))]
    pub(crate) socket: Option<PathBuf>,
    /// Where PutLogEvents goes (modes sync and queue), signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "URL", required_if_eq_any([("mode", "sync"), ("mode", "queue")]))]
    pub(crate) endpoint_url: Option<String>,
    /// Log group (modes sync and queue)
    #[arg(long, default_value = "bench")]
    pub(crate) group: String,
    /// Log stream (modes sync and queue)
    #[arg(long, default_value = "bench")]
    pub(crate) stream: String,
    /// Length of a record's text
    #[arg(long, default_value_t = 207,
        value_parser = clap::value_parser!(u32).range(record::SHORTEST as i64..=LONGEST_RECORD))]
    pub(crate) bytes: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Address of the loopback interface
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// SQLite file; made and filled if missing
    #[arg(long, value_name = "FILE")]
    pub(crate) database: PathBuf,
    /// How far away the database is: added to each query while its connection is held
    #[arg(long, value_name = "MS", default_value = "12", value_parser = millis)]
    pub(crate) query_ms: Duration,
    /// A service that is called for each request before it is answered; several are called at once
    #[arg(long, value_name = "URL", value_parser = service)]
    pub(crate) downstream: Vec<String>,
    /// Threads of the async runtime
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) workers: u32,
    /// Pooled connections to the database
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TasksArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Threads that run tasks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) workers: u32,
    /// Tasks of a request
    #[arg(long, default_value_t = 671, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) tasks: u64,
    /// Records of a request, spread over its tasks
    #[arg(long, default_value_t = 2117, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub(crate) records: u64,
    /// What a task does beside logging, as a wait
    #[arg(long, value_name = "MS", default_value = "44.7", value_parser = millis)]
    pub(crate) task_ms: Duration,
    /// Requests that are measured, one after the other
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) requests: u32,
    /// Requests before these
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) warm_up: u32,
    /// Number of the first record
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
}

fn millis(text: &str) -> Result<Duration, String> {
    let millis = text.parse::<f64>().ok().filter(|millis| (0.0..=LONGEST_WAIT_MS).contains(millis));
    let millis = millis.ok_or_else(|| format!("milliseconds from 0 to {LONGEST_WAIT_MS}"))?;
    Ok(Duration::from_secs_f64(millis / 1e3))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.ip().is_loopback());
    address.ok_or_else(|| "an address of the loopback interface, as 127.0.0.1:0".to_owned())
}

fn service(text: &str) -> Result<String, String> {
    let wrong = || "the address of a service, as http://127.0.0.1:8000".to_owned();
    let uri = text.parse::<axum::http::Uri>().map_err(|_| wrong())?;
    let plain = uri.scheme_str() == Some("http") && uri.host().is_some() && uri.path() == "/" && uri.query().is_none();
    plain.then(|| text.trim_end_matches('/').to_owned()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["app"], args].concat())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_workloads() {
        let Command::Tasks(tasks) = parse(&["tasks", "--mode", "null"]).unwrap().command else { panic!("not tasks") };
        assert_eq!((tasks.tasks, tasks.records, tasks.workers, tasks.log.bytes), (671, 2117, 2, 207));
        assert_eq!(tasks.task_ms, Duration::from_micros(44_700));
        let Command::Api(api) = parse(&["api", "--mode", "none", "--database", "d"]).unwrap().command else {
            panic!("not api")
        };
        assert_eq!((api.workers, api.connections, api.query_ms), (2, 8, Duration::from_millis(12)));
    }

    #[test]
    fn a_mode_asks_for_what_it_needs() {
        for mode in ["splashdam", "sync", "queue", "shipper"] {
            assert!(parse(&["tasks", "--mode", mode]).is_err(), "{mode}");
        }
        for mode in ["none", "null", "stdout"] {
            assert!(parse(&["tasks", "--mode", mode]).is_ok(), "{mode}");
        }
    }

    #[test]
    fn what_could_not_work_is_refused() {
        let bad = [
            ["--bytes", "31"],
            ["--bytes", "262145"],
            ["--listen", "0.0.0.0:80"],
            ["--query-ms", "-1"],
            ["--query-ms", "NaN"],
            ["--connections", "0"],
            ["--downstream", "https://127.0.0.1:1"],
            ["--downstream", "http://127.0.0.1:1/path"],
        ];
        for flag in bad {
            let args = [&["api", "--mode", "null", "--database", "d"][..], &flag].concat();
            assert!(parse(&args).is_err(), "{flag:?}");
        }
    }

    #[test]
    fn a_service_may_end_with_a_slash() {
        assert_eq!(service("http://127.0.0.1:8000/").unwrap(), "http://127.0.0.1:8000");
    }
}
