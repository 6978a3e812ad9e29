//! Whole sidecars on virtual time, from one seed.
//!
//! What ships is linked and driven: the intake, the engine, the spool (its writers, its reader, its recovery, on real files), the
//! client's channel, the wire protocol and the request bodies. Simulated are time, the kernel's sockets, CloudWatch, and what goes
//! wrong. There is no thread and no clock, so one seed is always the same run.

use crate::config::Destination;

mod agenda;
mod app;
mod chance;
mod intake;
mod kernel;
mod ledger;
mod nuisance;
mod outside;
mod patience;
mod plan;
mod process;
mod record;
mod remote;
mod tests;
mod text;
mod world;

/// The destination of a stream.
fn destination(stream: usize) -> Destination {
    Destination::parse("group", &format!("s{stream}")).unwrap_or_else(|error| panic!("{error}"))
}

/// The stream of a destination.
fn stream_of(destination: &Destination) -> usize {
    destination.stream().as_str()[1..].parse().unwrap_or(0)
}
