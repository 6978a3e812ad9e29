//! `sync`: one PutLogEvents for each record, under one lock of the process, as Watchtower with `use_queues=False`.
//!
//! The lock is an async one and first come, first served. A task that waits for it leaves its thread to other tasks, so a request
//! pays for its own records and for those before them in the line, and for nothing else: no thread of the runtime stands still.
//! That is kinder than what a blocking handler would do to an async server, and it is meant to be: what is left is the price of
//! the design, one round trip for each record and one record at a time. Worker threads of the task workload block, as they do
//! under Watchtower.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::failures::Failures;
use super::remote::Remote;
use super::{Ended, Event};

/// How long the end waits for the line to be empty.
const CLOSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct OneByOne {
    remote: Remote,
    turn: Mutex<()>,
    failures: Failures,
}

impl OneByOne {
    pub(crate) fn new(remote: Remote) -> Self {
        Self { remote, turn: Mutex::new(()), failures: Failures::default() }
    }

    pub(crate) async fn send(&self, event: Event) {
        let _turn = self.turn.lock().await;
        match self.remote.put(vec![event]).await {
            Ok(accepted) => self.failures.note(1_u64.saturating_sub(accepted), "rejected for its age"),
            Err(why) => self.failures.note(1, why),
        }
    }

    /// Waits for those in the line. There are some only where clients have left their requests.
    pub(crate) async fn close(&self) -> Ended {
        if timeout(CLOSE, self.turn.lock()).await.is_err() {
            self.failures
                .note(1, format_args!("still not sent after {} s, perhaps more than this one", CLOSE.as_secs()));
        }
        self.failures.ended()
    }
}
