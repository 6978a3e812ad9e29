//! The command line, and the program behind it.

use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use tokio::signal::unix::{signal, SignalKind};

use crate::config::{self, Config, Mode};
use crate::emulator::{Builder, Handle};
use crate::error::Error;
use crate::faults::{Fault, Latency};
use crate::marks::Markers;
use crate::operation::Operation;
use crate::sigv4::Credentials;
use crate::store::Room;

/// A strict CloudWatch Logs endpoint with scripted faults, for tests, benchmarks and demos.
#[derive(Debug, Clone, Parser)]
#[command(name = "splashdam-emulator")]
pub struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4586")]
    pub listen: SocketAddr,
    /// Counting mode: mark the records' numbers, keep and check little. Light enough for benchmarks.
    #[arg(long)]
    pub count: bool,
    /// Numbers below this can be marked.
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    pub count_max: u64,
    /// What stands before the number in a record.
    #[arg(long, value_name = "TEXT", default_value = "n=")]
    pub count_marker: String,
    /// What stands between the number and the emit time (microseconds since the epoch).
    #[arg(long, value_name = "TEXT", default_value = " t=")]
    pub emit_marker: String,
    /// How many different numbers there should be; the report says how many are missing.
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// Make missing log groups and streams instead of refusing the call.
    #[arg(long)]
    pub auto_create: bool,
    /// Check signatures (strict mode only).
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub verify_signatures: bool,
    /// The only access key allowed; any unless set.
    #[arg(long, value_name = "KEY")]
    pub access_key: Option<String>,
    /// The secret that calls must be signed with.
    #[arg(long, value_name = "SECRET", default_value = "emulator")]
    pub secret_key: String,
    /// Enforce the calls a second of an AWS account.
    #[arg(long)]
    pub quotas: bool,
    /// Enforce so many calls a second of one operation; may be repeated.
    #[arg(long, value_name = "OPERATION=RATE", value_parser = quota)]
    pub quota: Vec<(&'static str, f64)>,
    /// Delay every answer, in milliseconds: `20`, `uniform:10..30`, `lognormal:20,0.5` (median, sigma).
    #[arg(long, value_name = "LATENCY")]
    pub latency: Option<Latency>,
    /// Script a fault, e.g. `throttle,probability=0.1,count=5` or the control API's JSON; may be repeated.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,
    /// Makes what is left to chance repeatable.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Keep at most so many events for reading back.
    #[arg(long, value_name = "EVENTS", default_value_t = 1_000_000)]
    pub store_max_events: u64,
    /// Keep at most so many bytes of events for reading back.
    #[arg(long, value_name = "BYTES", default_value_t = 268_435_456)]
    pub store_max_bytes: u64,
    /// Print the report as JSON when ended by SIGTERM or SIGINT.
    #[arg(long)]
    pub report_at_exit: bool,
    /// Serve HTTPS with this certificate chain (PEM).
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<std::path::PathBuf>,
    /// The certificate's private key (PEM).
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<std::path::PathBuf>,
    /// Serve HTTPS with a certificate made at start, for `localhost` and the loopback addresses.
    #[cfg(feature = "tls")]
    #[arg(long, conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,
    /// Where to write the certificate (PEM) that a client has to trust.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_self_signed")]
    pub tls_ca_out: Option<std::path::PathBuf>,
}

fn quota(text: &str) -> Result<(&'static str, f64), String> {
    let (name, rate) = text.split_once('=').ok_or("expected OPERATION=RATE")?;
    let operation = Operation::named(name).ok_or_else(|| format!("no such operation: {name}"))?;
    let rate = rate.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
    Ok((operation.name(), rate.ok_or("the rate must be a number above zero")?))
}

impl Args {
    fn into_config(self) -> Config {
        let mut quotas = if self.quotas { config::aws_quotas() } else { Default::default() };
        let single = self.quota.iter().filter_map(|(name, rate)| Some((Operation::named(name)?, *rate)));
        quotas.extend(single);
        let credentials = Credentials { access_key: self.access_key.clone(), secret_key: self.secret_key.clone() };
        Config {
            listen: self.listen,
            mode: if self.count { Mode::Counting } else { Mode::Strict },
            auto_create: self.auto_create,
            credentials: self.verify_signatures.then_some(credentials),
            quotas,
            seed: self.seed,
            room: Room { events: self.store_max_events, bytes: self.store_max_bytes },
            count_max: self.count_max,
            expect: self.expect,
            #[cfg(feature = "tls")]
            tls: self.tls(),
            markers: Markers { number: self.count_marker, emit: self.emit_marker },
            faults: self.latency.map(Fault::latency).into_iter().chain(self.fault).collect(),
        }
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Option<config::TlsSource> {
        use config::TlsSource::{Files, SelfSigned};
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Files { cert: cert.clone(), key: key.clone() }),
            _ => self.tls_self_signed.then(|| SelfSigned { ca_out: self.tls_ca_out.clone() }),
        }
    }
}

/// Serves until SIGTERM or SIGINT. Prints `listening on URL` when it is ready.
pub async fn run(args: Args) -> Result<(), Error> {
    let report_at_exit = args.report_at_exit;
    let process = |doing| move |source| Error::Process { doing, source };
    // Before anybody is told that we are there, or an early signal would kill us without a report.
    let mut terminate = signal(SignalKind::terminate()).map_err(process("wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(process("wait for SIGINT"))?;

    let handle = Builder::from_config(args.into_config()).start().await?;
    print(&format!("listening on {}", handle.endpoint_url()))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    finish(handle, report_at_exit).await
}

async fn finish(handle: Handle, report_at_exit: bool) -> Result<(), Error> {
    let report = handle.shutdown().await;
    if !report_at_exit {
        return Ok(());
    }
    let json = serde_json::to_string(&report).map_err(std::io::Error::from);
    print(&json.map_err(|source| Error::Process { doing: "write the report", source })?)
}

fn print(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|source| Error::Process { doing: "write to standard output", source })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Config, clap::Error> {
        Args::try_parse_from([&["emulator"], args].concat()).map(Args::into_config)
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn strict_and_on_the_loopback_unless_told_otherwise() {
        let config = parse(&[]).unwrap();
        assert_eq!((config.mode, config.auto_create), (Mode::Strict, false));
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.credentials, Some(Credentials::default()));
        assert!(config.quotas.is_empty() && config.faults.is_empty());
    }

    #[test]
    fn faults_and_quotas_are_read() {
        let config = parse(&[
            "--latency",
            "20",
            "--fault",
            "throttle,count=2",
            "--quotas",
            "--quota",
            "PutLogEvents=7",
            "--verify-signatures",
            "false",
        ])
        .unwrap();
        assert_eq!(config.faults[0], Fault::latency(Latency::Fixed(20.0)));
        assert_eq!(config.faults[1], Fault::new(crate::FaultKind::Throttle).times(2));
        assert_eq!(config.quotas[&Operation::PutLogEvents], 7.0);
        assert_eq!(config.quotas[&Operation::TagResource], 5.0);
        assert_eq!(config.credentials, None);
        for bad in [["--quota", "Nope=1"], ["--quota", "PutLogEvents=0"], ["--fault", "nope"], ["--latency", "x"]] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
