//! Loss markers: one line of JSON in the stream that says what is missing from it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::account::Dropped;
use super::chunk::ChannelIndex;

/// Losses of a lane that its stream has not been told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Records lost.
    pub count: u64,
    /// Why; `several` if for more than one reason.
    pub reason: String,
    /// When the loss began, in milliseconds since the epoch.
    pub from_ms: i64,
    /// When it ended.
    pub to_ms: i64,
    /// The clients that told of a part of it; of more than 64 the first.
    pub clients: BTreeSet<ChannelIndex>,
}

/// Clients that one marker tells apart.
const MOST_CLIENTS: usize = 64;

/// The marker, in the order in which its fields are documented.
#[derive(Serialize)]
struct Marker<'a> {
    splashdam: &'static str,
    count: u64,
    reason: &'a str,
    from: i64,
    to: i64,
    clients: usize,
}

/// Longest reason taken over from a client, in bytes.
const REASON_BYTES: usize = 64;

impl Loss {
    /// A loss of our own.
    #[must_use]
    pub fn ours(reason: Dropped, count: u64, at_ms: i64) -> Self {
        Loss { count, reason: reason.name().to_owned(), from_ms: at_ms, to_ms: at_ms, clients: BTreeSet::new() }
    }

    /// A loss that a client told us of.
    #[must_use]
    pub fn of_client(client: ChannelIndex, reason: &str, count: u64, from_ms: i64, to_ms: i64) -> Self {
        let cut = splashdam::wire::utf8_cut(reason.as_bytes(), REASON_BYTES);
        let reason = reason.get(..cut).unwrap_or_default().to_owned();
        Loss { count, reason, from_ms, to_ms, clients: BTreeSet::from([client]) }
    }

    /// Adds another loss to this one.
    #[must_use]
    pub fn and(mut self, other: Loss) -> Self {
        if self.reason != other.reason {
            "several".clone_into(&mut self.reason);
        }
        self.count = self.count.saturating_add(other.count);
        self.from_ms = self.from_ms.min(other.from_ms);
        self.to_ms = self.to_ms.max(other.to_ms);
        let room = MOST_CLIENTS.saturating_sub(self.clients.len());
        self.clients.extend(other.clients.into_iter().take(room));
        self
    }

    /// The marker's text.
    #[must_use]
    pub fn text(&self) -> String {
        let marker = Marker {
            splashdam: "loss",
            count: self.count,
            reason: &self.reason,
            from: self.from_ms,
            to: self.to_ms,
            clients: self.clients.len(),
        };
        // Numbers and strings alone: there is nothing that could fail.
        serde_json::to_string(&marker).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_to_one_marker() {
        let loss = Loss::ours(Dropped::Overflow, 3, 100)
            .and(Loss::ours(Dropped::Overflow, 2, 150))
            .and(Loss::of_client(4, "queue full", 3, 100, 120))
            .and(Loss::of_client(9, "queue full", 3, 90, 95))
            .and(Loss::of_client(4, "queue full", 1, 110, 120));
        let expected = r#"{"splashdam":"loss","count":12,"reason":"several","from":90,"to":150,"clients":2}"#;
        assert_eq!(loss.text(), expected);
    }

    #[test]
    fn losses_for_one_reason_keep_it() {
        let loss = Loss::ours(Dropped::Overflow, 3, 100);
        assert_eq!(loss.clone().and(Loss::ours(Dropped::Overflow, 2, 150)).reason, "overflow");
        assert_eq!(loss.and(Loss::ours(Dropped::Corrupt, 2, 150)).reason, "several");
    }

    #[test]
    fn a_marker_remembers_a_bounded_number_of_clients() {
        let loss = (0..1000).fold(Loss::ours(Dropped::Overflow, 1, 0), |loss, client| {
            loss.and(Loss::of_client(client, "queue full", 1, 0, 0))
        });
        assert_eq!((loss.clients.len(), loss.count), (MOST_CLIENTS, 1001));
    }

    #[test]
    fn a_clients_reason_is_cut_and_escaped() {
        let loss = Loss::of_client(1, &"\"é".repeat(100), 1, 0, 0);
        assert!(loss.reason.len() <= REASON_BYTES);
        assert!(serde_json::from_str::<serde_json::Value>(&loss.text()).is_ok());
    }
}
