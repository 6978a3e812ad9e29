//! The endpoint that stands for CloudWatch: the emulator as a process, and what it reports at its end.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Deserialize;

use crate::error::{io, wrong, Error, Result};
use crate::host::clock::unix_micros;
use crate::host::http;
use crate::host::process::Process;

mod report;

#[cfg(test)]
pub(crate) use report::Calls;
pub(crate) use report::{Freshness, Report};

/// What calls have to be signed with; the emulator's default.
pub(crate) const SECRET: &str = "emulator";
const START: Duration = Duration::from_secs(10);
/// Reading a page back takes longest.
const CONTROL: Duration = Duration::from_secs(20);
const END: Duration = Duration::from_secs(15);

/// How the endpoint is to behave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// Milliseconds before each answer; none unless set.
    pub(crate) latency_ms: u32,
    pub(crate) tls: bool,
    /// Parse, check and keep everything instead of counting.
    pub(crate) strict: bool,
    /// Keep so many events, for reading back without a signature.
    pub(crate) keep: Option<u64>,
    /// Where to listen; a free port unless set.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) faults: Vec<String>,
    /// What stands before a record's number, if that is not `n=`.
    pub(crate) marker: Option<&'static str>,
    /// Numbers to expect.
    pub(crate) numbers: u64,
    /// Of latencies and faults by chance; the emulator's own unless set.
    pub(crate) seed: Option<u64>,
}

/// One event as it is read back.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    pub(crate) timestamp: i64,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Event>,
    next_forward_token: String,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    process: Process,
    rest: Option<JoinHandle<String>>,
    pub(crate) url: String,
    address: SocketAddr,
    tls: bool,
    /// Its certificate, for the sidecar to trust.
    pub(crate) ca: Option<PathBuf>,
    /// When its clock began, microseconds since the epoch; late by the time a line takes through a pipe.
    epoch_micros: u64,
}

impl Endpoint {
    pub(crate) fn start(program: &Path, behaviour: &Behaviour, folder: &Path) -> Result<Self> {
        let ca = behaviour.tls.then(|| folder.join("ca.pem"));
        let mut process = Process::spawn_piped("the emulator", &mut command(program, behaviour, ca.as_deref()))?;
        let stdout = process.stdout().ok_or_else(|| wrong("the emulator", "has no standard output"))?;
        let mut stdout = BufReader::new(stdout);
        let (sender, receiver) = mpsc::channel();
        let rest = thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = sender.send((line, unix_micros()));
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
            rest
        });
        let (line, epoch_micros) = receiver
            .recv_timeout(START)
            .map_err(|_| Error::Late { what: "start of the emulator".into(), seconds: START.as_secs_f64() })?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let address = url.rsplit('/').next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| wrong("the emulator", format!("said {line:?} instead of its address")))?;
        Ok(Self { process, rest: Some(rest), url, address, tls: behaviour.tls, ca, epoch_micros })
    }

    /// Microseconds since the epoch of the first acceptance.
    pub(crate) fn first_accept_micros(&self, report: &Report) -> Option<u64> {
        Some(self.epoch_micros + (report.accepts.first_seconds? * 1e6) as u64)
    }

    /// Microseconds since the epoch of the last acceptance.
    pub(crate) fn last_accept_micros(&self, report: &Report) -> Option<u64> {
        Some(self.epoch_micros + (report.accepts.last_seconds? * 1e6) as u64)
    }

    /// Asks it how things stand; not over TLS, which we do not speak.
    pub(crate) fn report(&self) -> Result<Option<Report>> {
        if self.tls {
            return Ok(None);
        }
        let answer = http::get(self.address, "/_emulator/report", Duration::from_secs(5))?;
        parse(&answer.body).map(Some)
    }

    /// How many of the numbers in a range have arrived.
    pub(crate) fn marked(&self, numbers: &std::ops::Range<u64>) -> Result<u64> {
        #[derive(Deserialize)]
        struct Marked {
            unique: u64,
        }
        let path = format!("/_emulator/marks?from={}&until={}", numbers.start, numbers.end);
        let body = good(&path, http::get(self.address, &path, CONTROL)?)?;
        serde_json::from_str::<Marked>(&body).map(|marked| marked.unique).map_err(io_json)
    }

    /// Makes it reset all connections and refuse new ones for so long.
    pub(crate) fn outage(&self, length: Duration) -> Result<()> {
        self.control("/_emulator/outage", &serde_json::json!({ "seconds": length.as_secs_f64() }))
    }

    /// Makes it refuse one stream's batches, until [`Self::recover`].
    pub(crate) fn refuse(&self, stream: &str) -> Result<()> {
        let fault = serde_json::json!({ "kind": "unavailable", "operation": "PutLogEvents", "stream": stream });
        self.control("/_emulator/faults", &fault)
    }

    /// Makes it refuse all batches, whatever their stream, until [`Self::recover`].
    pub(crate) fn refuse_all(&self) -> Result<()> {
        self.control("/_emulator/faults", &serde_json::json!({ "kind": "unavailable", "operation": "PutLogEvents" }))
    }

    /// Ends all faults but for the latency that the run is to have.
    pub(crate) fn recover_to(&self, latency: Option<&str>) -> Result<()> {
        self.recover()?;
        let Some(latency) = latency else { return Ok(()) };
        self.control("/_emulator/faults", &serde_json::json!({ "kind": "latency", "latency": latency }))
    }

    /// Ends all faults.
    pub(crate) fn recover(&self) -> Result<()> {
        let answer = http::delete(self.address, "/_emulator/faults", CONTROL)?;
        good("/_emulator/faults", answer).map(drop)
    }

    /// Sets these faults and no others.
    pub(crate) fn set_faults(&self, faults: &serde_json::Value) -> Result<()> {
        let path = "/_emulator/faults";
        good(path, http::put(self.address, path, &faults.to_string(), CONTROL)?).map(drop)
    }

    /// From now on calls must be signed with this access key; any other has expired.
    pub(crate) fn renew_key(&self, key: &str) -> Result<()> {
        self.control("/_emulator/access-key", &serde_json::json!({ "access_key": key }))
    }

    /// From now on freshness is that of one stream.
    pub(crate) fn freshness_of(&self, stream: &str) -> Result<()> {
        self.control("/_emulator/freshness", &serde_json::json!({ "stream": stream }))
    }

    /// All that it kept of a stream, by timestamp; those of one timestamp in the order they came.
    pub(crate) fn events(&self, group: &str, stream: &str) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut token = None;
        loop {
            let ask = serde_json::json!({
                "logGroupName": group, "logStreamName": stream, "startFromHead": true, "nextToken": token
            });
            let answer = http::call(self.address, "Logs_20140328.GetLogEvents", &ask.to_string(), CONTROL)?;
            let page: Page = serde_json::from_str(&good("GetLogEvents", answer)?).map_err(io_json)?;
            // The last page names itself as the next.
            if page.events.is_empty() || token.as_ref() == Some(&page.next_forward_token) {
                return Ok(events);
            }
            events.extend(page.events);
            token = Some(page.next_forward_token);
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn control(&self, path: &str, body: &serde_json::Value) -> Result<()> {
        good(path, http::post(self.address, path, &body.to_string(), CONTROL)?).map(drop)
    }

    /// Ends it and returns what it reports.
    pub(crate) fn stop(&mut self) -> Result<Report> {
        self.process.terminate();
        self.process.wait(END)?;
        parse(&self.rest.take().and_then(|reader| reader.join().ok()).unwrap_or_default())
    }
}

fn command(program: &Path, behaviour: &Behaviour, ca: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    // The sidecar's binary has the emulator as a subcommand.
    if program.file_name().is_some_and(|name| name == "splashdam") {
        command.arg("emulator");
    }
    let listen = behaviour.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    command.args(["--report-at-exit", "--listen", &listen.to_string()]);
    command.args(["--count-max", &(behaviour.numbers + 64).to_string()]);
    if !behaviour.strict {
        command.arg("--count");
    }
    if let Some(events) = behaviour.keep {
        command.args(["--store-max-events", &events.to_string(), "--store-max-bytes", "4294967296"]);
        command.args(["--verify-signatures", "false"]);
    }
    if behaviour.latency_ms > 0 {
        command.args(["--latency", &behaviour.latency_ms.to_string()]);
    }
    for fault in &behaviour.faults {
        command.args(["--fault", fault]);
    }
    if let Some(seed) = behaviour.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(marker) = behaviour.marker {
        command.args(["--count-marker", marker]);
    }
    if let Some(ca) = ca {
        command.arg("--tls-self-signed").arg("--tls-ca-out").arg(ca);
    }
    command
}

/// The body of a 200.
fn good(what: &str, answer: http::Answer) -> Result<String> {
    match answer.status {
        200 => Ok(answer.body),
        _ => Err(wrong(format!("the emulator's {what}"), answer.body)),
    }
}

fn parse(text: &str) -> Result<Report> {
    serde_json::from_str(text).map_err(io_json)
}

fn io_json(error: serde_json::Error) -> Error {
    io("read", "the emulator's report")(error.into())
}
