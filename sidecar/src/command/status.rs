//! `status`: asks a running sidecar twice, a second apart, and shows it at a glance.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{http, out};
use crate::admin::status::Status;
use crate::cli::{Exit, StatusArgs};
use crate::config::Surroundings;

mod show;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Between the two samples that rates are made of.
const APART: Duration = Duration::from_secs(1);

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatusError {
    #[error("no sidecar's admin interface at {0}: {1}. Is it running (`splashdam run`)? Say where it listens with --admin ADDR or SPLASHDAM_ADMIN")]
    Unreachable(SocketAddr, io::Error),
    #[error(
        "{0} answered {1} to GET /status: something else listens there. Say where the sidecar does with --admin ADDR"
    )]
    Refused(SocketAddr, u16),
    #[error("{0} answered with something that is no status: {1}")]
    Odd(SocketAddr, serde_json::Error),
}

/// Shows a running sidecar.
#[must_use]
pub fn status(args: &StatusArgs, around: &Surroundings) -> Exit {
    let address = match args.admin(around) {
        Ok(address) => address,
        Err(problem) => {
            out::tell(&problem.to_string());
            return Exit::Configuration;
        }
    };
    match samples(address) {
        Ok((before, after)) => {
            out::print(&show::show(address, &before, &after));
            Exit::Success
        }
        Err(error) => {
            out::tell(&error.to_string());
            Exit::Failure
        }
    }
}

fn samples(address: SocketAddr) -> Result<(Status, Status), StatusError> {
    let before = fetch(address)?;
    std::thread::sleep(APART);
    Ok((before, fetch(address)?))
}

/// One status.
pub(super) fn fetch(address: SocketAddr) -> Result<Status, StatusError> {
    let answer = http::get(address, "/status", ANSWER).map_err(|error| StatusError::Unreachable(address, error))?;
    if answer.status != 200 {
        return Err(StatusError::Refused(address, answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| StatusError::Odd(address, error))
}
