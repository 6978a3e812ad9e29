//! What a client has done so far.

use crate::losses::DropReason;

/// A snapshot of the client's account.
///
/// Once the writer has caught up, `logged = ended + dropped_total + queued + unended`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Records logged: every call, and every further part of a text longer than a record may be.
    pub logged: u64,
    /// Records in the queue, not yet taken by the writer.
    pub queued: u64,
    /// What the queue takes of its bound, in bytes.
    pub queue_bytes: usize,
    /// Records that were given a sequence.
    pub sequenced: u64,
    /// Of these, the records without outcome that can still get one.
    pub unended: u64,
    /// The last sequence that was written to the socket.
    pub sent_to: u64,
    /// The last sequence in the sidecar's memory.
    pub admitted_to: u64,
    /// The last sequence that is safe.
    pub durable_to: u64,
    /// The last sequence up to which every record has an outcome.
    pub ended_to: u64,
    /// Records that have an outcome: the sum of the next three.
    pub ended: u64,
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused by CloudWatch for good.
    pub rejected: u64,
    /// Given up by the sidecar's policy.
    pub dropped_by_sidecar: u64,
    /// What the client's window holds for sending again, in bytes.
    pub window_bytes: usize,
    /// Records let go of before they had an outcome, because the window was full and nothing is on disk.
    pub at_risk: u64,
    /// Records whose text was cut because a new sidecar takes only shorter ones.
    pub truncated: u64,
    /// Records that splitting added, because the sidecar takes only shorter ones.
    pub split: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Whether the sidecar has welcomed the present connection.
    pub connected: bool,
    pub(crate) dropped: [u64; DropReason::ALL.len()],
}

impl Stats {
    /// Records that the client gave up for a reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Records that the client gave up.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Whether every record logged is accounted for. Holds whenever no call of `log` and no frame is under way.
    pub fn adds_up(&self) -> bool {
        self.logged == self.ended + self.dropped_total() + self.queued + self.unended
    }
}
