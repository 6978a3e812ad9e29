//! Flushes: a barrier with an answer. "Wait until the watermark passes X, or until time runs out."

use std::time::Duration;

use super::chunk::ChannelIndex;
use super::ConnectionId;

/// Whom to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A framed client, by its own ticket.
    Client {
        /// Its connection.
        connection: ConnectionId,
        /// Its channel in the lane.
        channel: ChannelIndex,
        /// Its number for this flush.
        ticket: u64,
    },
    /// `POST /flush`, which asks every lane under one number.
    Admin {
        /// The request.
        request: u64,
    },
}

/// What a flush waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// On disk, or ended.
    Durable,
    /// Ended.
    Ended,
}

/// A flush that has not been answered.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Who waits.
    pub asker: Asker,
    /// Answer when the watermark of `level` reaches this offset.
    pub target: u64,
    /// Which watermark.
    pub level: Level,
    /// Answer no later than this.
    pub deadline: Duration,
}

/// The answer: counts of the channel at that moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Whether the watermark passed the target; else time ran out.
    pub reached: bool,
    /// Records delivered so far.
    pub delivered: u64,
    /// Records rejected so far.
    pub rejected: u64,
    /// Records dropped so far.
    pub dropped: u64,
    /// Records on disk that have not ended.
    pub spooled: u64,
    /// Records in memory that have not ended.
    pub pending: u64,
}
