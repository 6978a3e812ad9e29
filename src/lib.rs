//! Log records over a Unix socket to the splashdam sidecar, which ships them to CloudWatch Logs.
//!
//! ```
//! use std::time::Duration;
//!
//! let client = splashdam::Client::builder_from_env().build();
//! let _guard = client.guard().timeout(Duration::from_millis(10));
//! client.log("an app that logs");
//! ```
//!
//! What it promises:
//! - [`Client::log`] takes no lock, makes no system call and waits for nobody while there is room;
//! - every record ends in a way that is counted: delivered, rejected, dropped by the sidecar, or given up here for a
//!   [`DropReason`]. See [`Stats::adds_up`] and [`FlushReport`];
//! - it works without a sidecar: it keeps what its queue can hold and connects when there is one;
//! - at least once: what was not acknowledged is sent again after a reconnect, and the same sidecar skips what it has.
//!
//! What it does not: order between threads beyond what reaches the queue first, storage of its own, and delivery
//! without a sidecar. A record is safe once it is *durable*, not once it is logged.
//!
//! The map: `client` → `state`, `queue`, `doze` (hot path) and `room` (no room) ⇒ `writer` (one thread: connection, I/O) → `channel` and
//! `barriers` (pure: what is numbered, kept, acknowledged, awaited) → [`wire`] (pure: bytes).
//!
//! Features: `log` and `tracing` bring fronts for those facades. Without them the crate needs neither.

#[cfg(not(unix))]
compile_error!("splashdam speaks over a Unix socket and needs a Unix");

mod backoff;
mod barriers;
mod builder;
mod channel;
mod client;
mod doze;
mod flush;
#[cfg(any(feature = "log", feature = "tracing"))]
mod format;
mod guard;
mod identity;
mod losses;
mod queue;
mod room;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod spares;
mod state;
mod stats;
mod sync;
pub mod wire;
mod writer;

#[cfg(feature = "log")]
mod log_front;
#[cfg(feature = "log")]
pub use log_front::Logger;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use builder::{Builder, Overflow, DEFAULT_SOCKET};
pub use client::{Client, CloseReport};
pub use flush::{FlushFuture, FlushReport};
#[cfg(any(feature = "log", feature = "tracing"))]
pub use format::Format;
pub use guard::{flush_on_panic, Guard};
pub use losses::DropReason;
pub use state::Logged;
pub use stats::Stats;
pub use wire::Level;
