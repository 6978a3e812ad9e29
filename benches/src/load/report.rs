//! What a run came to: for the one who started it as JSON, for a person as a table.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::run::{Edge, Run};
use super::Drive;
use crate::latency::show_micros;
use crate::results::Latency;

/// Above such a share of the median, our own lateness makes up too much of what was measured.
const LATE_SHARE: f64 = 0.1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadReport {
    pub(crate) url: String,
    pub(crate) method: String,
    /// Requests a second asked for; absent in a closed loop.
    pub(crate) rate: Option<f64>,
    /// Most requests under way.
    pub(crate) connections: u32,
    /// Microseconds since the epoch at which the warm-up ended and at which the last request had; `driver_cpu_seconds` is of
    /// the time between. Zero where it was interrupted before.
    pub(crate) began_micros: u64,
    pub(crate) ended_micros: u64,
    /// Time in which requests were sent, without the warm-up.
    pub(crate) seconds: f64,
    /// Requests that were due (open) or sent (closed) in it.
    pub(crate) offered: u64,
    /// Of those, answered well, sooner or later.
    pub(crate) requests: u64,
    /// All answers within the time itself, also to requests of the warm-up: what makes the rate.
    pub(crate) requests_in_time: u64,
    pub(crate) per_second: f64,
    /// Of those offered: why they were not answered well, and how many.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Answers that name another place; they count as answered well and are not followed.
    pub(crate) redirects: u64,
    pub(crate) body_bytes: u64,
    /// Of requests answered well: from the due time in an open loop, else from sending.
    pub(crate) latency: Latency,
    /// From sending; open loop only.
    pub(crate) service: Option<Latency>,
    /// How late requests were sent although a connection was free: our own share of `latency`; open loop only.
    pub(crate) late: Option<Latency>,
    pub(crate) driver_cpu_seconds: f64,
    pub(crate) warm_up_requests: u64,
    pub(crate) warm_up_errors: u64,
    /// Of the whole run, warm-up included.
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// The next number, where requests were numbered.
    pub(crate) numbers_used: Option<u64>,
    pub(crate) interrupted: bool,
}

impl LoadReport {
    pub(super) fn of(run: &Run, interrupted: bool) -> Self {
        let (now, tally, spec) = (Edge::now(), run.tally(), &run.spec);
        let sending_ended = match (run.end(), tally.stopped) {
            (Some(end), Some(stopped)) => end.min(stopped),
            (end, stopped) => end.or(stopped).unwrap_or(run.measure_from),
        };
        let seconds = sending_ended.saturating_duration_since(run.measure_from).as_secs_f64();
        let (rate, connections) = match spec.drive {
            Drive::Open { rate, connections } => (Some(rate), connections),
            Drive::Closed { threads, .. } => (None, threads),
        };
        let requests = tally.latency.count();
        let began = tally.measuring;
        Self {
            url: spec.url.to_string(),
            method: spec.method.to_string(),
            rate,
            connections,
            began_micros: began.map_or(0, |edge| edge.unix_micros),
            ended_micros: began.map_or(0, |_| now.unix_micros),
            seconds,
            offered: tally.due.unwrap_or(requests + tally.failed()),
            requests,
            requests_in_time: tally.in_window,
            per_second: if seconds > 0.0 { tally.in_window as f64 / seconds } else { 0.0 },
            errors: tally.errors.clone(),
            redirects: tally.redirects,
            body_bytes: tally.bytes,
            latency: tally.latency.latency(),
            service: rate.map(|_| tally.service.latency()),
            late: rate.map(|_| tally.late.latency()),
            driver_cpu_seconds: began.map_or(0.0, |edge| now.own_cpu.saturating_sub(edge.own_cpu).as_secs_f64()),
            warm_up_requests: tally.warm_up.well + tally.warm_up.failed,
            warm_up_errors: tally.warm_up.failed,
            sent: tally.sent,
            answered: requests + tally.warm_up.well,
            numbers_used: spec.numbers.map(|numbers| numbers.of(tally.sent)),
            interrupted,
        }
    }

    /// Of the measurement.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Why the figures should not be taken at their word, if so.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.interrupted {
            doubts.push("Interrupted: this is what there was until then.".to_owned());
        }
        if self.redirects > 0 {
            doubts.push(format!("{} answers were redirects, which are not followed.", self.redirects));
        }
        let too_late = |late: &&Latency| self.requests > 0 && late.mean > LATE_SHARE * self.latency.p50 as f64;
        if let Some(late) = self.late.as_ref().filter(too_late) {
            let late = show_micros(late.mean);
            doubts.push(format!(
                "Requests were sent {late} late on average for want of CPU here: latencies hold that, too."
            ));
        }
        if self.errors.keys().any(|kind| kind.starts_with("unsent")) {
            doubts.push(
                "More was due than the server took: latencies of what was never sent are not in the table.".to_owned(),
            );
        }
        doubts
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, seconds, warm_up_requests, .. } = self;
        match self.rate {
            Some(rate) => write!(f, "open loop, {rate} requests a second, at most {connections} under way")?,
            None if *connections == 1 => write!(f, "closed loop, one request after the other")?,
            None => write!(f, "closed loop, {connections} requests under way")?,
        }
        writeln!(f, "; {} {} for {seconds:.1} s after {warm_up_requests} to warm up\n", self.method, self.url)?;
        writeln!(f, "requests   {:>10} offered, {} answered well, {} not", self.offered, self.requests, self.failed())?;
        for (kind, count) in &self.errors {
            writeln!(f, "           {count:>10} {kind}")?;
        }
        writeln!(f, "rate       {:>10.1}/s answered well, {:.0}/min", self.per_second, 60.0 * self.per_second)?;
        writeln!(f, "\n{:<10} {}", "", HEADINGS.map(|heading| format!("{heading:>10}")).join(" "))?;
        row(f, "latency", &self.latency)?;
        if let (Some(service), Some(late)) = (&self.service, &self.late) {
            row(f, "service", service)?;
            row(f, "late", late)?;
            write!(f, "\nlatency: from when a request was due; service: from when it was sent; late: sent so long after it could.")?;
        } else {
            write!(f, "\nlatency: from sending.")?;
        }
        self.doubts().iter().try_for_each(|doubt| write!(f, "\n{doubt}"))
    }
}

const HEADINGS: [&str; 8] = ["mean", "min", "p50", "p90", "p95", "p99", "p99.9", "max"];

fn row(f: &mut fmt::Formatter<'_>, name: &str, latency: &Latency) -> fmt::Result {
    let Latency { min, p50, p90, p95, p99, p999, max, .. } = *latency;
    let rest = [min, p50, p90, p95, p99, p999, max].map(|value| value as f64);
    write!(f, "{name:<10}")?;
    for value in std::iter::once(latency.mean).chain(rest) {
        write!(f, " {:>10}", if latency.count == 0 { "none".to_owned() } else { show_micros(value) })?;
    }
    writeln!(f)
}
