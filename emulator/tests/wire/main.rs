//! The emulator as its clients meet it: over a socket.

// Clippy knows tests by their attribute; the helpers beside them have none.
#![allow(clippy::unwrap_used, clippy::panic)]

mod api;
mod client;
mod control;
mod counting;
mod faults;
mod program;
mod signature;
#[cfg(feature = "tls")]
mod tls;
