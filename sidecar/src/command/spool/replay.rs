//! `spool replay`: delivers what a sidecar that is gone has left behind.

use std::path::Path;
use std::time::{Duration, Instant};

use super::no_directory;
use crate::cli::{Exit, ReplayArgs};
use crate::command::out;
use crate::config::{Config, Loaded, Service, Surroundings};
use crate::diagnostics;
use crate::run::RunError;
use crate::spool::inspect::{lanes, usage, Usage};

/// Delivers a spool with `deliver`, which drives the engine: it takes the lock, tells of its progress and of the account, and knows how
/// all ended. The directory was looked at before: it holds a spool that nobody seemed to use.
#[must_use]
pub(super) fn replay(
    args: &ReplayArgs,
    around: &Surroundings,
    deliver: impl FnOnce(Config, &Path, Option<Duration>) -> Result<Exit, RunError>,
) -> Exit {
    let Loaded { config, warnings } = match args.load(around) {
        Ok(loaded) => loaded,
        Err(errors) => {
            // Each line has its own place to begin with.
            diagnostics::say(&errors.to_string(), Instant::now());
            return Exit::Configuration;
        }
    };
    let Some(dir) = args.dir.clone().or_else(|| config.spool.dir.clone()) else {
        return no_directory();
    };
    if let Err((exit, what)) = refuse(&config, &dir) {
        out::tell(&what);
        return exit;
    }
    let _diagnostics = diagnostics::begin(&config.diagnostics);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match deliver(config, &dir, args.timeout) {
        Ok(exit) => exit,
        Err(error) => {
            diagnostics::fatal(&error);
            error.exit()
        }
    }
}

/// What must not be replayed.
fn refuse(config: &Config, dir: &Path) -> Result<(), (Exit, String)> {
    if config.service == Service::Disabled {
        // The engine would drop all of it.
        let what = format!(
            "shipping is disabled ({}): a replay would deliver nothing and is not begun",
            config.origin("enabled")
        );
        return Err((Exit::Configuration, what));
    }
    lanes(dir).map_err(|error| (Exit::Failure, error.to_string()))?;
    if usage(dir) == Usage::InUse {
        let what = format!(
            "the spool {} is in use: the sidecar that uses it delivers it, too; replay is for what one that is gone has left behind",
            dir.display()
        );
        return Err((Exit::Failure, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn replayed(words: &[&str], dir: &Path) -> (Exit, Option<Option<Duration>>) {
        let words = ["replay", dir.to_str().unwrap()].into_iter().chain(words.iter().copied());
        let mut called = None;
        let exit = replay(&Line::parse_from(words).args, &Surroundings::default(), |_, _, timeout| {
            called = Some(timeout);
            Ok(Exit::TimedOut)
        });
        (exit, called)
    }

    fn spool() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lanes")).unwrap();
        std::fs::write(folder.path().join("lock"), "").unwrap();
        folder
    }

    #[test]
    fn it_needs_no_group_and_ends_as_the_delivery_did() {
        let spool = spool();
        assert_eq!(replayed(&["--endpoint-url", "http://localhost:1"], spool.path()), (Exit::TimedOut, Some(None)));
        let (_, called) = replayed(&["--timeout", "1h", "--group", "g", "--stream", "{pod}"], spool.path());
        assert_eq!(called, Some(Some(Duration::from_secs(3_600))));
    }

    #[test]
    fn what_must_not_be_replayed_is_left_alone() {
        let spool = spool();
        assert_eq!(replayed(&["--enabled=false"], spool.path()), (Exit::Configuration, None));
        assert_eq!(replayed(&["--memory", "1"], spool.path()), (Exit::Configuration, None));
        assert_eq!(replayed(&[], &spool.path().join("lanes")), (Exit::Failure, None));
        let lock = std::fs::File::open(spool.path().join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        assert_eq!(replayed(&[], spool.path()), (Exit::Failure, None));
    }
}
