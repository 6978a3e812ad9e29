//! splashdam's client as a user has it: nothing set but the socket.

use std::path::Path;
use std::time::Duration;

use splashdam::Client;

use super::Ended;

/// How long the end waits for what was logged. The default guard would wait two seconds; a measurement wants the account whole.
const CLOSE: Duration = Duration::from_secs(20);

pub(crate) fn open(socket: &Path) -> Client {
    Client::builder(socket).build()
}

pub(crate) fn close(client: &Client) -> Ended {
    let report = client.close(CLOSE);
    // What the close gave up is in the statistics, and may have come into them after the report was made.
    let lost = report.lost_in_client.max(client.stats().dropped_total());
    Ended { lost_in_client: Some(lost), ..Ended::default() }
}
