//! Why an emulator did not start.

use std::io;
use std::net::SocketAddr;

use crate::faults::FaultError;

/// Why an emulator did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A setting makes no sense.
    #[error("{setting}: {why}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A fault makes no sense.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The TLS identity cannot be used.
    #[cfg(feature = "tls")]
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// Signals or standard output do not work.
    #[error("cannot {doing}")]
    Process {
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
