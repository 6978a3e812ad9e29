//! What every test here needs: a sidecar, a remote end, a raw client, and patience.

mod account;
mod over;
mod proxy;
mod remote;
mod scrape;
mod sidecar;
mod wire;

pub(crate) use account::Account;
pub(crate) use over::Over;
pub(crate) use proxy::{Answer, Call, Proxy};
pub(crate) use remote::{numbered, Remote, GROUP, STREAM};
pub(crate) use scrape::Scrape;
pub(crate) use sidecar::{Ended, Setup, Sidecar};
pub(crate) use wire::{hello, id, Told, Wire};

use std::time::{Duration, Instant};

/// How long anything may take that is not itself about time: only a broken sidecar needs so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(LOOK);
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
