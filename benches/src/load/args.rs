//! The command's flags, what they mean, and what it prints.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Uri};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::watch::Progress;
use super::{Drive, Event, LoadReport, Numbers, Spec};
use crate::error::{io, wrong, Result};
use crate::{interrupt, provenance};

const AGENT: &str = concat!("splashdam-bench/", env!("CARGO_PKG_VERSION"));

/// Asks a URL at a constant rate, or with so many at once, and prints how long the answers took.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("drive").required(true).args(["rate", "threads"])))]
pub(crate) struct HttpArgs {
    /// What to ask: http or https
    #[arg(long, value_parser = parse_url)]
    url: Uri,
    /// A header of each request; may be repeated
    #[arg(long, value_name = "K: V", value_parser = parse_header)]
    header: Vec<(HeaderName, HeaderValue)>,
    #[arg(long, value_name = "NAME", default_value = "GET")]
    method: Method,
    /// Send this file's content with each request
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Open loop: so many requests a second, each sent when it is due; latency counts from then
    #[arg(long, value_name = "R", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Closed loop: so many threads, each sends when its last answer has come; 1 is serial
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    threads: Option<u32>,
    /// Closed loop: requests of each thread that are measured
    #[arg(long, value_name = "L", conflicts_with = "rate", value_parser = clap::value_parser!(u64).range(1..))]
    loops: Option<u64>,
    /// Length of the measurement; with --loops its greatest length [default: 10, with --loops none]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    seconds: Option<Duration>,
    /// Seconds before the measurement in which requests are sent alike, and counted apart
    #[arg(long, value_name = "S", default_value = "0", value_parser = parse_pause)]
    warm_up: Duration,
    /// Open loop: most requests under way; others wait, and their latency counts on
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Longest wait for one answer, from sending: 500ms, 10s, 2m
    #[arg(long, value_name = "DUR", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
    /// Add n=NUMBER to each request's query, beginning with FROM [default of STEP: 1]
    #[arg(long, value_name = "FROM[,STEP]", value_parser = parse_numbers)]
    numbers: Option<Numbers>,
    /// Send no more than this, warm-up included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: Option<u64>,
    /// Write the report as JSON instead; - is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl HttpArgs {
    fn spec(&self) -> Result<Spec> {
        let drive = match (self.rate, self.threads) {
            (Some(rate), _) => Drive::Open { rate, connections: self.connections },
            (None, Some(threads)) => Drive::Closed { threads, loops: self.loops },
            (None, None) => return Err(wrong("http", "needs --rate or --threads")),
        };
        let body = self.body.as_ref().map(|path| std::fs::read(path).map_err(io("read", path.display())));
        Ok(Spec {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers(),
            body: Bytes::from(body.transpose()?.unwrap_or_default()),
            drive,
            warm_up: self.warm_up,
            length: self.seconds.or_else(|| self.loops.is_none().then_some(Duration::from_secs(10))),
            timeout: self.timeout,
            numbers: self.numbers,
            most: self.max_requests,
        })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut given = HeaderMap::new();
        for (name, value) in &self.header {
            given.append(name.clone(), value.clone());
        }
        // What is given stands in the place of our own.
        headers.extend(given);
        headers
    }
}

/// The whole command: 130 if it was interrupted, 1 if nothing was answered well, else 0.
pub(crate) fn command(args: &HttpArgs) -> Result<ExitCode> {
    let spec = args.spec()?;
    provenance::can_write(args.json.as_deref().filter(|path| path.to_str() != Some("-")))?;
    let stop = stop_on_signals()?;
    let mut live = args.json.is_none() && std::io::stderr().is_terminal();
    let edges = !live;
    let report = super::run(&spec, &stop, &mut |event| match event {
        Event::Progress(progress) if live => show(progress),
        Event::Measuring if edges => eprintln!("measuring"),
        Event::Measured if edges => eprintln!("measured"),
        Event::Measured => live = false,
        _ => {}
    })?;
    print(args, &report)?;
    Ok(match report.requests {
        _ if report.interrupted => ExitCode::from(interrupt::STATUS),
        0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// The first signal ends the run in order, the second ends the process at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(interrupt::STATUS), Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(io("watch for", format!("signal {signal}")))?;
    }
    Ok(stop)
}

fn show(progress: Progress) {
    let mut stderr = std::io::stderr().lock();
    // What is left of a longer line is erased. A terminal that went away is no reason to stop.
    let _ = write!(stderr, "\r{progress}\x1b[K");
    let _ = stderr.flush();
}

fn print(args: &HttpArgs, report: &LoadReport) -> Result<()> {
    let Some(path) = &args.json else {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
        println!("{report}");
        return Ok(());
    };
    let json = serde_json::to_string(report).map_err(|error| wrong("the report as JSON", error))?;
    match path.to_str() {
        Some("-") => writeln!(std::io::stdout(), "{json}").map_err(io("write to", "standard output")),
        _ => std::fs::write(path, json + "\n").map_err(io("write", path.display())),
    }
}

fn parse_url(text: &str) -> std::result::Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => match url.authority().map(Authority::port) {
            // The parser takes any digits.
            Some(Some(port)) if url.port_u16().is_none() => Err(format!("there is no port {}", port.as_str())),
            _ => Ok(url),
        },
        _ => Err("give scheme, host and path, as in http://127.0.0.1:8000/health".to_owned()),
    }
}

fn parse_header(text: &str) -> std::result::Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header is a name, a colon and a value")?;
    let name = name.trim().parse().map_err(|error| format!("{error}"))?;
    let value = value.trim().parse().map_err(|error| format!("{error}"))?;
    Ok((name, value))
}

fn parse_rate(text: &str) -> std::result::Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match rate {
        rate if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("a rate is from 0.001 to 1,000,000 requests a second".to_owned()),
    }
}

fn parse_seconds(text: &str) -> std::result::Result<Duration, String> {
    match parse_pause(text)? {
        Duration::ZERO => Err("must be above zero".to_owned()),
        seconds => Ok(seconds),
    }
}

/// At most a week: whoever wants more means something else.
fn parse_pause(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match seconds {
        seconds if (0.0..=604_800.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("from 0 to 604800 seconds".to_owned()),
    }
}

fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err("needs a unit, as in 500ms, 10s or 2m".to_owned()),
    };
    let amount: f64 = digits.parse().map_err(|_| "not a duration, as 500ms, 10s or 2m are".to_owned())?;
    parse_seconds(&(amount * unit).to_string())
}

fn parse_numbers(text: &str) -> std::result::Result<Numbers, String> {
    let (first, step) = text.split_once(',').unwrap_or((text, "1"));
    let number =
        |text: &str| text.trim().parse::<u64>().map_err(|_| "give FROM or FROM,STEP as whole numbers".to_owned());
    match (number(first)?, number(step)?) {
        (_, 0) => Err("a STEP of 0 would give all requests the same number".to_owned()),
        (first, step) => Ok(Numbers { first, step }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        http: HttpArgs,
    }

    fn parse(flags: &str) -> std::result::Result<HttpArgs, clap::Error> {
        let all = format!("http --url http://localhost:1/x {flags}");
        Cli::try_parse_from(all.split(' ').filter(|flag| !flag.is_empty())).map(|cli| cli.http)
    }

    #[test]
    fn one_way_to_drive_is_needed_and_only_one() {
        assert!(parse("").is_err());
        assert!(parse("--rate 5 --threads 2").is_err());
        assert!(parse("--rate 5 --loops 2").is_err());
        assert!(parse("--loops 2").is_err());
        let open = parse("--rate 2.5 --connections 7").unwrap().spec().unwrap();
        assert_eq!(open.drive, Drive::Open { rate: 2.5, connections: 7 });
        assert_eq!(open.length, Some(Duration::from_secs(10)));
        let serial = parse("--threads 1 --loops 100").unwrap().spec().unwrap();
        assert_eq!((serial.drive, serial.length), (Drive::Closed { threads: 1, loops: Some(100) }, None));
    }

    #[test]
    fn nonsense_is_refused() {
        for flags in ["--rate 0", "--rate NaN", "--rate 1 --seconds 0", "--rate 1 --warm-up -1", "--rate 1 --timeout 5"]
        {
            assert!(parse(flags).is_err(), "{flags}");
        }
        for url in ["localhost:80/x", "/x", "ftp://host/x", ""] {
            assert!(parse_url(url).is_err(), "{url}");
        }
        assert!(parse_header("no colon").is_err() && parse_header("a b: c").is_err());
        assert!(parse_numbers("1,0").is_err() && parse_numbers("-1").is_err());
    }

    #[test]
    fn units_numbers_and_headers() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_numbers("5"), Ok(Numbers { first: 5, step: 1 }));
        assert_eq!(parse_numbers("5,16").unwrap().of(3), 53);
        let given = Cli::parse_from(["http", "--url", "http://h/", "--rate", "1", "--header", "user-agent: me"]);
        let headers = given.http.headers();
        assert_eq!(headers.get_all(USER_AGENT).iter().collect::<Vec<_>>(), ["me"]);
    }
}
