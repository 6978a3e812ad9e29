//! The client without its threads, its socket and its clock, for simulations: the channel that ships, and nothing else.
//!
//! Hidden, and exempt from the crate's version promise. Whoever simulates does what the writer does: takes records into frames
//! while there is room, sends what is unsent, and hands over what the sidecar says.

use crate::channel;
use crate::wire::{append_record, Ack, Level, Welcome};

/// What a welcome or an ack revealed as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gone {
    /// The sidecar said that it does not have them.
    pub lost: u64,
    /// The sidecar cannot say.
    pub unconfirmed: u64,
}

impl From<channel::Gone> for Gone {
    fn from(gone: channel::Gone) -> Self {
        Self { lost: gone.lost, unconfirmed: gone.unconfirmed }
    }
}

/// Outcomes by the sidecar's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused by CloudWatch for good.
    pub rejected: u64,
    /// Given up by the sidecar's policy.
    pub dropped: u64,
}

/// One channel, as a client sees it.
#[derive(Debug)]
pub struct Channel(channel::Channel);

impl Channel {
    /// A channel that keeps at most so many bytes of frames.
    pub fn new(max_window: usize) -> Self {
        Self(channel::Channel::new(max_window))
    }

    /// Whether another frame may be begun. Frees what may be freed for it.
    pub fn make_room(&mut self) -> bool {
        self.0.make_room()
    }

    /// Gives a record the next sequence, in the open frame.
    pub fn append(&mut self, timestamp_ms: i64, text: &[u8]) {
        let mut encoded = Vec::with_capacity(text.len() + 12);
        append_record(&mut encoded, timestamp_ms, text);
        self.0.append(&encoded, timestamp_ms);
    }

    /// Moves the open frame, if there is one, into the window.
    pub fn seal(&mut self) {
        self.0.seal();
    }

    /// The bytes of the next frame to send.
    pub fn unsent(&self) -> Option<&[u8]> {
        self.0.unsent().map(|frame| &frame.bytes[..])
    }

    /// That frame is wholly written.
    pub fn mark_sent(&mut self) {
        self.0.mark_sent();
    }

    /// The last sequence that is wholly sent on this connection, or need not be.
    pub fn sent_to(&self) -> u64 {
        self.0.sent_to()
    }

    /// The oldest sequence still held, or the next one.
    pub fn oldest(&self) -> u64 {
        self.0.oldest()
    }

    /// The last sequence that has been given to a record.
    pub fn last(&self) -> u64 {
        self.0.last()
    }

    /// How many records have a sequence and no outcome.
    pub fn unended(&self) -> u64 {
        self.0.unended()
    }

    /// The last sequence that has reached a level.
    pub fn mark(&self, level: Level) -> u64 {
        self.0.mark(level)
    }

    /// Outcomes so far.
    pub fn counts(&self) -> Counts {
        let counts = self.0.counts();
        Counts { delivered: counts.delivered, rejected: counts.rejected, dropped: counts.dropped }
    }

    /// A new connection was welcomed.
    pub fn welcome(&mut self, welcome: &Welcome) -> Gone {
        self.0.welcome(welcome).into()
    }

    /// The sidecar told where the channel stands.
    pub fn ack(&mut self, ack: &Ack) -> Gone {
        self.0.ack(ack).into()
    }

    /// The sidecar told counts alone, with the answer to a flush.
    pub fn count(&mut self, counts: Counts) {
        self.0.count(counts.delivered, counts.rejected, counts.dropped);
    }
}
