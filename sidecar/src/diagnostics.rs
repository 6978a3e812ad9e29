//! Our own diagnostics: `tracing` to stderr, text or JSON, and a limit on how much of the same there is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Instant;

use tracing_subscriber::EnvFilter;

use crate::config::{DiagnosticsConfig, LogFormat, LogLevel};

/// Begins to write diagnostics. Only the first call counts.
pub fn begin(config: &DiagnosticsConfig) {
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
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second subscriber is refused, which is what we want.
    let _ = match config.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
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
