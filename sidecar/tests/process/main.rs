//! The real binary, as a process of its own, against a strict endpoint: what goes in through the socket comes out at the
//! other end, once, in order, and whatever does not is counted.
//!
//! Every test ends with the account: it adds up, and it agrees with what the endpoint holds. Nothing here sleeps in the hope
//! that something has happened by then; what is awaited is looked for until it is there.

// Clippy knows tests by their attribute; the helpers beside them have none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod api_faults;
mod app;
mod bounds;
mod client;
mod clowder;
mod credentials;
mod delivery;
mod drain;
mod framed;
mod health;
mod hostile;
mod job;
mod probe;
mod security;
mod shutdown;
mod socket;
mod spool;
mod stderr;
mod text;
mod users;
