//! Loss markers: one line of JSON in the stream that says what is missing from it.

use super::account::Dropped;

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
    /// Reports of clients among them.
    pub clients: u64,
}

/// Longest reason taken over from a client, in bytes.
const REASON_BYTES: usize = 64;

impl Loss {
    /// A loss of our own.
    #[must_use]
    pub fn ours(reason: Dropped, count: u64, at_ms: i64) -> Self {
        Loss { count, reason: reason.name().to_owned(), from_ms: at_ms, to_ms: at_ms, clients: 0 }
    }

    /// A loss that a client told us of.
    #[must_use]
    pub fn of_client(reason: &str, count: u64, from_ms: i64, to_ms: i64) -> Self {
        let cut = splashdam::wire::utf8_cut(reason.as_bytes(), REASON_BYTES);
        Loss { count, reason: reason.get(..cut).unwrap_or_default().to_owned(), from_ms, to_ms, clients: 1 }
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
        self.clients += other.clients;
        self
    }

    /// The marker's text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::json!({
            "splashdam": "loss",
            "count": self.count,
            "reason": self.reason,
            "from": self.from_ms,
            "to": self.to_ms,
            "clients": self.clients,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_to_one_marker() {
        let loss = Loss::ours(Dropped::Overflow, 3, 100)
            .and(Loss::ours(Dropped::Overflow, 2, 150))
            .and(Loss::of_client("queue full", 7, 90, 120));
        let told: serde_json::Value = serde_json::from_str(&loss.text()).unwrap();
        let expected = serde_json::json!({
            "splashdam": "loss", "count": 12, "reason": "several", "from": 90, "to": 150, "clients": 1
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn a_clients_reason_is_cut_and_escaped() {
        let loss = Loss::of_client(&"\"é".repeat(100), 1, 0, 0);
        assert!(loss.reason.len() <= REASON_BYTES);
        assert!(serde_json::from_str::<serde_json::Value>(&loss.text()).is_ok());
    }
}
