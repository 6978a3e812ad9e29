//! Best efforts at the end of a program: when a scope ends, and when a thread panics.

use std::time::Duration;

use crate::client::Client;
use crate::writer::is_writer;
use crate::Level;

/// Closes a client when it is dropped; made by [`Client::guard`].
///
/// Hold it in `main`: statics are never dropped, and neither is anything after `std::process::exit`.
#[derive(Debug)]
#[must_use = "dropped at once it closes the client at once"]
pub struct Guard {
    client: Client,
    timeout: Duration,
}

impl Guard {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, timeout: Duration::from_secs(2) }
    }

    /// The longest that dropping it may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.client.close(self.timeout);
    }
}

/// Has every panic wait until what was logged is in the sidecar's memory, for `timeout` at most.
///
/// The hook that was there before runs first, so that a front can still log what the panic says. With
/// `panic = "abort"` this is the last chance of records that were logged just before.
pub fn flush_on_panic(client: &Client, timeout: Duration) {
    let client = client.clone();
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        previous(info);
        if !is_writer() {
            client.flush(Level::Admitted, timeout);
        }
    }));
}
