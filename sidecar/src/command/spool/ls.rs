//! `spool ls`: what a spool holds, lane by lane.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::{Exit, LsArgs};
use crate::command::out;
use crate::spool::inspect::look;

mod json;
mod show;

/// Shows a spool.
pub(super) fn ls(args: &LsArgs, dir: &Path) -> Exit {
    let spool = match look(dir) {
        Ok(spool) => spool,
        Err(error) => {
            out::tell(&error.to_string());
            return Exit::Failure;
        }
    };
    let now_ms = now_ms();
    out::print(&match args.json {
        true => json::show(dir, &spool, now_ms),
        false => show::show(dir, &spool, args.segments, now_ms),
    });
    Exit::Success
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds from a moment to now; none where a clock was set back since.
fn age(now_ms: i64, then_ms: i64) -> f64 {
    now_ms.saturating_sub(then_ms).max(0) as f64 / 1_000.0
}
