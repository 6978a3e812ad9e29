//! Intake: from the socket to chunks. One thread of its own, which blocks in epoll and reads.
//!
//! Layout: `socket` binds; `thread` waits for what comes and lets the intake (`round`) make a round; `sockets` is what that needs
//! of the kernel, so that a simulation can stand in for it; `connection` is one client's bytes; `text` and `framed` take records
//! out of them; `open` holds the lanes' open chunks; `waiting` says whose turn it is where there is no room; `pace` says how long
//! to let small writes gather; `mailbox` is how the others reach this thread.
//!
//! Limits: a read is at most [`READ`] bytes into one buffer that all connections share; what of it is not a whole record or
//! frame is kept by its connection and paid for. A connection whose lane has no room is not read: the kernel makes its
//! client wait. Of a lane one connection at a time keeps bytes that were read and found no room.
//!
//! Absent: no timer of tokio, no task, no lock held while reading or writing.

mod connection;
mod counters;
pub(crate) mod framed;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub(crate) mod mailbox;
pub(crate) mod open;
mod options;
mod pace;
pub(crate) mod round;
mod socket;
pub(crate) mod sockets;
mod text;
mod thread;
pub(crate) mod waiting;

pub use counters::Counters;
pub use mailbox::Mailbox;
// For the micro-benchmarks; the division into lines stands on the path of each record.
#[doc(hidden)]
pub use open::Pushed;
pub(crate) use open::{Host, SEAL_AFTER};
pub use options::{Durable, Options};
pub use socket::{Listener, SocketError};
pub use sockets::WAKER;
#[doc(hidden)]
pub use text::{Lines, Taken};
pub use thread::Thread;

/// Most bytes of one read.
pub const READ: usize = 192 * 1024;

/// Most bytes of one read as long as it is not known where they go: so little that 4,096 connections, each with so much of
/// it that finds no room, keep no more than the smallest budget has for that.
const FIRST_READ: usize = 256;

/// Most bytes looked at where there is no room to keep them, nearly any line: a look costs little more than a small read. A
/// frame longer than that is looked at where all of it is there.
const LOOK: usize = 16 * 1024;
