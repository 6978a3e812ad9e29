//! What the commands beside `run` do. Each is a client of a sidecar, or of CloudWatch, a reader
//! of files, or arithmetic; none is part of a running sidecar.
//!
//! | module | command |
//! |---|---|
//! | [`send`] | ships stdin through a running sidecar |
//! | [`probe`] | asks a running sidecar for its health |
//! | [`status`] | shows a running sidecar at a glance |
//! | [`check`] | the effective configuration, and whether CloudWatch would take us |
//! | [`spool`] | looks into a spool, or delivers what is in it |
//! | [`plan`] | how large a sidecar, its spool and the bill become |
//! | `emulator` | a strict CloudWatch Logs endpoint |
//! | `demo` | an app, a sidecar and an emulator, live |
//!
//! What was asked for goes to stdout, what is said about it to stderr.

pub mod check;
#[cfg(feature = "emulator")]
pub mod demo;
#[cfg(feature = "emulator")]
pub mod emulator;
mod http;
mod human;
mod out;
pub mod plan;
pub mod probe;
pub mod send;
pub mod spool;
pub mod status;
