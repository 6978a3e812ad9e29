//! Our own diagnostics: `tracing` to stderr, text or JSON, and a limit on how much of the same there is.
//!
//! Whoever logs neither waits for stderr nor fails by it: `queue` stands between them.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::format;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::EnvFilter;

use crate::config::{DiagnosticsConfig, LogFormat, LogLevel};

mod queue;

use queue::Queue;

/// The way to stderr; none where the kernel gave us no thread for it.
static QUEUE: OnceLock<Option<Queue>> = OnceLock::new();

/// Longest wait at the end for what is to be written yet.
const LAST: Duration = Duration::from_millis(250);

/// Whoever holds it has all diagnostics written when it goes, or waits 250 ms for them.
#[derive(Debug)]
#[must_use]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = flush(Instant::now() + LAST);
    }
}

/// Begins to write diagnostics. Only the first call's settings count.
pub fn begin(config: &DiagnosticsConfig) -> Guard {
    let level = match config.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // The SDK prints whole requests at its debug level, signatures included, and whole answers at its warnings, which we
    // give in words of our own: it is never asked to. (A directive's target is the beginning of a name.)
    let filter = EnvFilter::new(format!("warn,aws_=error,splashdam_sidecar={level},splashdam={level}"));
    let json = config.format == LogFormat::Json;
    let queue = QUEUE.get_or_init(|| Queue::start(stderr(), move |missing| notice(json, missing)).ok());
    let writer = queue.clone().map_or_else(|| BoxMakeWriter::new(io::stderr), BoxMakeWriter::new);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    // It would tell stderr that stderr fails, and panic.
    let builder = builder.log_internal_errors(false);
    // A second subscriber is refused, which is what we want.
    let _ = if json { builder.json().flatten_event(true).try_init() } else { builder.with_ansi(false).try_init() };
    Guard(())
}

/// A stderr of our own: the standard library's has a lock, which we would hold for as long as nobody reads.
fn stderr() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(own) => Box::new(std::fs::File::from(own)),
        // It is closed: nobody will read anything.
        Err(_) => Box::new(io::sink()),
    }
}

/// What is said about lines that are missing, in the form of all others.
fn notice(json: bool, missing: u64) -> String {
    let mut time = String::new();
    // Without a clock there is no time in it.
    let _ = SystemTime.format_time(&mut format::Writer::new(&mut time));
    let message = "lines of diagnostics were not written: nobody read stderr, or it failed";
    if json {
        let line = serde_json::json!({ "timestamp": time, "level": "ERROR", "message": message, "missing": missing });
        return format!("{line}\n");
    }
    format!("{time} ERROR {missing} {message}\n")
}

/// Waits until all diagnostics so far are written. False if that was not before `deadline`.
#[must_use]
pub fn flush(deadline: Instant) -> bool {
    QUEUE.get().and_then(Option::as_ref).is_none_or(|queue| queue.flush(deadline))
}

/// Writes a line after all others, in no format; left out if there is no room for it before `deadline`.
pub fn say(line: &str, deadline: Instant) {
    let line = format!("{line}\n");
    match QUEUE.get().and_then(Option::as_ref) {
        Some(queue) => drop(queue.put_by(line.as_bytes(), deadline) && queue.flush(deadline)),
        // Where nobody reads it nothing can be done.
        None => drop(io::stderr().write_all(line.as_bytes())),
    }
}

/// Says what ends the process, after everything else.
pub fn fatal(error: &dyn std::error::Error) {
    let _ = flush(Instant::now() + LAST);
    tracing::error!("{error}");
}

/// Most warnings of a repeating kind a second; the rest are left out and counted.
const A_SECOND: u64 = 5;

static WINDOW: AtomicU64 = AtomicU64::new(0);
static IN_WINDOW: AtomicU64 = AtomicU64::new(0);
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Calls `log` at most five times a second, over all callers.
pub fn limited(log: impl FnOnce()) {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let second = BEGAN.get_or_init(Instant::now).elapsed().as_secs() + 1;
    if WINDOW.swap(second, Ordering::Relaxed) != second {
        IN_WINDOW.store(0, Ordering::Relaxed);
        let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(left_out, "warnings were left out because there were too many");
        }
    }
    if IN_WINDOW.fetch_add(1, Ordering::Relaxed) < A_SECOND {
        log();
    } else {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_warnings_are_limited() {
        let mut calls = 0;
        for _ in 0..1000 {
            limited(|| calls += 1);
        }
        // The loop may straddle the turn of a second.
        assert!((1..=2 * A_SECOND).contains(&calls), "{calls}");
    }
}
