//! Intake: from the socket to chunks. One thread of its own, which blocks in epoll and reads.
//!
//! Layout: `socket` binds; `connection` is one client's bytes; `text` and `framed` take records out of them; `open` holds
//! the lanes' open chunks; `pace` says how long to let small writes gather; `mailbox` is how the others reach this thread.
//!
//! Limits: a read is at most [`READ`] bytes into one buffer that all connections share; what of it is not a whole record or
//! frame is kept by its connection and paid for. A connection whose lane has no room is not read: the kernel makes its
//! client wait.
//!
//! Absent: no timer of tokio, no task, no lock held while reading or writing.

mod connection;
mod counters;
mod framed;
mod mailbox;
mod open;
mod pace;
mod run;
mod socket;
mod text;

pub use counters::Counters;
pub use mailbox::Mailbox;
// For the micro-benchmarks; the division into lines stands on the path of each record.
#[doc(hidden)]
pub use open::Pushed;
pub(crate) use open::SEAL_AFTER;
pub use run::{Durable, Intake, Options, WAKER};
pub use socket::{Listener, SocketError};
#[doc(hidden)]
pub use text::{Lines, Taken};

/// Most bytes of one read.
pub const READ: usize = 192 * 1024;
