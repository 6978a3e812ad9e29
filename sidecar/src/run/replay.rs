//! Replay: a sidecar without a socket, on the spool of one that is gone. It delivers what is there, and ends.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::build::Refused;
use super::{begin, core, end, Core, RunError, Signals, LAST_WORDS};
use crate::cli::Exit;
use crate::config::{Config, Lifetime};
use crate::shell::Shell;

/// Most destinations in a spool that one replay looks at; another replay delivers the rest.
const MOST_LANES: u32 = 16_384;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(5);

/// Longest time that a replay without a limit takes.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Delivers everything that the spool in `dir` holds. What is left after `timeout`, or at a signal, stays there.
///
/// # Errors
/// [`RunError`] where it cannot start: the directory is in use or unusable, or the configuration of the delivery is wrong.
pub fn replay(mut config: Config, dir: &Path, timeout: Option<Duration>) -> Result<Exit, RunError> {
    config.spool.dir = Some(dir.to_owned());
    // Whoever replays it has it: it did not go with its pod.
    config.spool.lifetime = Lifetime::Persistent;
    config.engine.max_lanes = config.engine.max_lanes.max(NonZeroU32::new(MOST_LANES).unwrap_or(NonZeroU32::MIN));
    let (runtime, signals) = begin(&config)?;
    let Core { shell, .. } = core(&config, runtime.handle(), Refused::Fail)?;
    let all = runtime.block_on(deliver(&shell, signals, Instant::now() + timeout.unwrap_or(FOREVER)));
    let account = end::finish(&shell, &config, Instant::now() + LAST_WORDS);
    runtime.shutdown_timeout(Duration::from_millis(50));
    let troubles: Vec<String> = shell.snapshot().lanes.into_iter().filter_map(|lane| lane.spool_trouble).collect();
    if let Some(trouble) = troubles.first() {
        let destinations = troubles.len();
        tracing::error!(
            destinations,
            trouble,
            "the disk refuses: what could not be read is not delivered, what was delivered may come again"
        );
        return Ok(Exit::Failure);
    }
    let left_out = shell.spool().map_or(0, |spool| spool.stats().left_out);
    if left_out > 0 {
        tracing::error!(
            folders = left_out,
            "some of the spool could not be delivered: the warnings above say where it is"
        );
    }
    Ok(match (account.has_loss() || left_out > 0, all) {
        (true, _) => Exit::Loss,
        (false, true) => Exit::Success,
        (false, false) => Exit::TimedOut,
    })
}

/// True if nothing is left.
async fn deliver(shell: &Arc<Shell>, mut signals: Signals, deadline: Instant) -> bool {
    tokio::spawn(Arc::clone(shell).run_timers());
    let drained = shell.drain(deadline);
    tokio::pin!(drained);
    let mut tell = tokio::time::interval_at((Instant::now() + TELL).into(), TELL);
    loop {
        tokio::select! {
            all = &mut drained => return all,
            name = signals.next() => {
                tracing::warn!(signal = name, "ended by a signal; what is not delivered stays in the spool");
                shell.give_up().await;
                return false;
            }
            _ = tell.tick() => {
                let snapshot = shell.snapshot();
                let (delivered, left) = (snapshot.total.delivered, snapshot.spooled);
                tracing::info!(delivered, left, "replaying");
            }
        }
    }
}
