//! A strict CloudWatch Logs endpoint with scripted faults.
//!
//! ```text
//! server (network) ─► endpoint (one call) ─┬─► sigv4      is it signed?
//!    │                                     ├─► faults     what goes wrong?
//!    └─► control (report, faults)          ├─► quotas     too many a second?
//!                                          ├─► api ─► store   strict: parse, check, keep
//!                                          ├─► counting       or only find the numbers
//!                                          └─► tally ─► report
//! ```
//!
//! It knows nothing of the sidecar, not even its constants, so that it can disagree with it: every limit a
//! client breaks is answered with AWS's error and noted in [`Report::violations`].
//!
//! ```no_run
//! # async fn example() -> Result<(), splashdam_emulator::Error> {
//! use splashdam_emulator::{Emulator, Fault, FaultKind};
//!
//! let emulator = Emulator::builder().auto_create().start().await?;
//! emulator.faults([Fault::new(FaultKind::Throttle).on("PutLogEvents").times(3)])?;
//! println!("AWS_ENDPOINT_URL={} AWS_SECRET_ACCESS_KEY=emulator", emulator.endpoint_url());
//! // … run the client …
//! let report = emulator.shutdown().await;
//! assert_eq!(report.violations.total, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//! One account, one region; no log filters, no `entity` checks, no persistence.

pub use args::{run, Args};
pub use emulator::{Builder, Emulator, Event, Handle};
pub use error::Error;
pub use faults::{Fault, FaultError, FaultKind, Latency};
pub use marks::Markers;
pub use report::Report;
pub use sigv4::Credentials;

mod api;
mod args;
mod config;
mod counting;
mod cpu;
mod emulator;
mod endpoint;
mod error;
mod faults;
pub mod limits;
mod marks;
mod operation;
mod quotas;
mod refusal;
pub mod report;
mod server;
mod sigv4;
mod store;
mod tally;
