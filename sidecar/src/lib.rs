//! splashdam's sidecar: takes log records over a Unix socket and ships them to CloudWatch Logs.
//!
//! ```text
//! socket ─► intake ─► lane ─► batch ─► attempt ─► CloudWatch
//!           (thread)  └─────── engine ───────┘ (runtime's tasks)
//!                        driven by the shell
//! ```
//!
//! The life of the process, in `run`: config → build → serve → drain.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`], [`cli`] | what was asked for |
//! | [`intake`] | socket → chunks |
//! | [`engine`] | chunks → batches → outcomes; decides everything, does nothing |
//! | [`shell`] | drives the engine: events in, commands out |
//! | [`spool`] | chunks ↔ segments on disk |
//! | [`delivery`] | batch → CloudWatch |
//! | [`spool`] | chunks → disk and back |
//! | [`admin`] | metrics, health, status; on two listeners |
//! | [`mod@run`] | the main job, from start to exit code |
//!
//! Arrows point one way: `intake → engine ← {spool, delivery}`, through the shell; `admin` reads a snapshot. See `ARCHITECTURE.md`.

pub mod admin;
pub mod cli;
pub mod command;
pub mod config;
pub mod delivery;
pub mod diagnostics;
pub mod engine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod intake;
pub mod run;
pub mod shell;
pub mod spool;

#[cfg(test)]
mod sim;
