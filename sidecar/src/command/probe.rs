//! `probe`: one question to a running sidecar, for the exec probes of images without a shell.
//!
//! It runs every few seconds in every pod: one thread, one connection, no runtime.

use std::net::SocketAddr;

use super::http::{self, Answer};
use super::out;
use crate::cli::{Exit, ProbeArgs};
use crate::config::{show_duration, Surroundings};

/// Of an answer that is not well so many characters are told.
const TOLD: usize = 200;

/// Asks, and says what came back where that was not what it should be.
#[must_use]
pub fn probe(args: &ProbeArgs, around: &Surroundings) -> Exit {
    let address = match args.address(around) {
        Ok(Some(address)) => address,
        Ok(None) => {
            out::tell(
                "probe: neither health nor admin has an address here: give --address ADDR, or set SPLASHDAM_HEALTH",
            );
            return Exit::Configuration;
        }
        Err(errors) => {
            errors.0.iter().for_each(|problem| out::tell(&problem.to_string()));
            return Exit::Configuration;
        }
    };
    match ask(args, address) {
        Ok(()) => Exit::Success,
        Err(what) => {
            out::tell(&format!("probe: GET http://{address}{}: {what}", args.of.path()));
            Exit::Failure
        }
    }
}

fn ask(args: &ProbeArgs, address: SocketAddr) -> Result<(), String> {
    match http::get(address, args.of.path(), args.timeout) {
        // Another program's 200 is no news of the sidecar.
        Ok(Answer { status: 200, body }) if body == b"ok\n" => Ok(()),
        Ok(Answer { status: 200, body }) => Err(format!("200, but not as splashdam says it: {}", first_line(&body))),
        Ok(Answer { status, body }) => Err(format!("{status}, {}", first_line(&body))),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            Err(format!("no answer within {}", show_duration(args.timeout)))
        }
        Err(error) => Err(format!("{error}; is it running, and does it listen there (--health, --admin)?")),
    }
}

/// What a person can read of the answer's first line.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(TOLD).collect()
}
