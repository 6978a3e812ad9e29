//! What a client is told before it starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::queue::{cost, MAX_BYTES};
use crate::wire;

/// Where the sidecar listens if nobody says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/splashdam/splashdam.sock";

/// The longest record that CloudWatch takes.
const LARGEST_RECORD: usize = 1_048_550;
/// Enough for a default queue of 256-byte records.
const QUEUE_RECORDS: usize = 32_768;

/// What happens when there is no room in the queue. Whatever is dropped is counted and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The call waits, then drops the record it brought. After a wait in vain no call waits until there was room.
    Block {
        /// The longest a call may wait. Zero is the same as [`Overflow::DropNewest`].
        max_wait: Duration,
    },
    /// The call drops the record it brought.
    DropNewest,
    /// The call drops the oldest records of the queue.
    DropOldest,
}

impl Default for Overflow {
    fn default() -> Self {
        Overflow::Block { max_wait: Duration::from_millis(10) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) socket: PathBuf,
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) app: String,
    pub(crate) queue_bytes: usize,
    pub(crate) queue_records: usize,
    pub(crate) window_bytes: usize,
    pub(crate) max_record: usize,
    pub(crate) overflow: Overflow,
    pub(crate) hung_after: Duration,
    pub(crate) pid: fn() -> u32,
}

/// Settings of a client; made by [`Client::builder`](crate::Client::builder).
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    pub(crate) config: Config,
    disabled: bool,
}

impl Builder {
    pub(crate) fn new(socket: PathBuf) -> Self {
        let config = Config {
            socket,
            group: String::new(),
            stream: String::new(),
            app: program_name(),
            queue_bytes: 8 << 20,
            queue_records: QUEUE_RECORDS,
            window_bytes: 8 << 20,
            max_record: wire::DEFAULT_MAX_RECORD as usize,
            overflow: Overflow::default(),
            hung_after: Duration::from_secs(30),
            pid: std::process::id,
        };
        let disabled = std::env::var_os("SPLASHDAM_DISABLED").is_some_and(|value| value == "1");
        Self { config, disabled }
    }

    pub(crate) fn from_env() -> Self {
        let socket = std::env::var_os("SPLASHDAM_SOCKET").filter(|socket| !socket.is_empty());
        Self::new(socket.map_or_else(|| PathBuf::from(DEFAULT_SOCKET), PathBuf::from))
    }

    /// The log group; without it the sidecar's own. One that the sidecar refuses is replaced by its own.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.config.group = group.into();
        self
    }

    /// The log stream; without it the sidecar's own.
    pub fn stream(mut self, stream: impl Into<String>) -> Self {
        self.config.stream = stream.into();
        self
    }

    /// The app's name; without it the program's.
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.config.app = app.into();
        self
    }

    /// The queue's bound in bytes (8 MiB), bookkeeping included. At least one longest record fits, at most 1 GiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.config.queue_bytes = bytes;
        self
    }

    /// The queue's bound in records (32,768). The queue's slots, 32 bytes each, are there from the beginning.
    pub fn queue_records(mut self, records: usize) -> Self {
        self.config.queue_records = records.max(1);
        self
    }

    /// What the client keeps unacknowledged (8 MiB).
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.config.window_bytes = bytes.max(1);
        self
    }

    /// The longest text of one record (256 KiB); longer ones become several, cut between characters.
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.config.max_record = bytes.clamp(4, LARGEST_RECORD);
        self
    }

    /// What happens without room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.config.overflow = overflow;
        self
    }

    /// Whether the client does nothing at all; `SPLASHDAM_DISABLED=1` says so too.
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// How long a sidecar may be silent while something is unacknowledged (30 s). For tests.
    #[doc(hidden)]
    pub fn hung_after(mut self, after: Duration) -> Self {
        self.config.hung_after = after;
        self
    }

    /// Where the process id comes from. For tests of forks, which cannot fork without `unsafe`.
    #[doc(hidden)]
    pub fn pid_source(mut self, pid: fn() -> u32) -> Self {
        self.config.pid = pid;
        self
    }

    /// Starts the client and its writer thread. Needs no sidecar: the client connects when there is something to send.
    pub fn build(self) -> Client {
        let Self { mut config, disabled } = self;
        config.queue_bytes = config.queue_bytes.clamp(cost(config.max_record), MAX_BYTES);
        if disabled {
            Client::disabled()
        } else {
            Client::start(Arc::new(config))
        }
    }
}

fn program_name() -> String {
    let program = std::env::args_os().next().map(PathBuf::from);
    let name = program.as_deref().and_then(|program| program.file_name());
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
