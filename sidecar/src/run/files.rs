//! File descriptors: as many as we may have, and a part of them that clients cannot use up.

use rustix::process::{getrlimit, setrlimit, Resource};

use crate::config::Config;

/// What every sidecar has open beside connections: standard streams, event queues, listeners, sources of credentials.
const ALWAYS: u64 = 32;

/// Connections to the admin and the health interface.
const ASKING: u64 = 2 * crate::admin::CONNECTIONS as u64;

/// With a spool, this part of all descriptors is for its files: one or two for each lane that writes.
const SPOOL_SHARE: u64 = 4;

/// Whatever else there is, clients get this part of what the spool leaves.
const CLIENTS_LEAST: u64 = 2;

/// Allows us as many file descriptors as we may allow ourselves.
pub(super) fn allow() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused we go on with what we have.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Most connections: as configured, and so few that delivery, health and the spool have descriptors left. Says so where that is
/// less than configured.
pub(super) fn connections(config: &Config) -> usize {
    let wanted = u64::from(config.intake.max_connections.get());
    let Some(limit) = getrlimit(Resource::Nofile).current else { return usize::try_from(wanted).unwrap_or(usize::MAX) };
    let attempts = u64::from(config.engine.in_flight_total.get());
    let most = wanted.min(for_clients(limit, attempts, config.spool.dir.is_some()));
    if most < wanted {
        tracing::warn!(
            connections = most,
            max_connections = wanted,
            open_files = limit,
            "fewer connections than configured are taken: the process may not open more files (ulimit -n)"
        );
    }
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Descriptors for clients out of `limit`; at least one.
fn for_clients(limit: u64, attempts: u64, spool: bool) -> u64 {
    let left = if spool { limit - limit / SPOOL_SHARE } else { limit };
    left.saturating_sub(ALWAYS + ASKING + attempts).max(left / CLIENTS_LEAST).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_never_get_all_descriptors() {
        assert_eq!(for_clients(1 << 20, 64, false), (1 << 20) - 224, "far more than the default of 4,096");
        assert_eq!(for_clients(1_024, 64, false), 800);
        assert_eq!(for_clients(1_024, 64, true), 544, "a quarter is for the spool's files");
        assert_eq!(for_clients(64, 64, false), 32, "half of them where there are few");
        assert_eq!((for_clients(1, 64, false), for_clients(0, 64, true)), (1, 1));
        for limit in 64..10_000 {
            for spool in [false, true] {
                assert!(limit - for_clients(limit, 64, spool) >= ALWAYS, "{limit}");
            }
        }
    }
}
