//! What the engine asks for, and what comes back of it.

use std::ops::Range;
use std::time::Duration;

use super::account::Rejected;
use super::batch::Batch;
use super::budget::Payment;
use super::create::Target;
use super::flush::Flushed;
use super::lane::LaneId;
use super::marker::Loss;
use super::spool::{Order, Read};
use crate::config::Destination;
use splashdam::wire::Ack;

/// A connection, numbered by the intake; a number is never used twice.
pub type ConnectionId = u64;

/// Something to be done outside.
#[derive(Debug)]
pub enum Command {
    /// Call PutLogEvents; answered by a [`Report`].
    Attempt(Attempt),
    /// Create a group or stream; answered by `Engine::created`.
    Create {
        /// Who asks.
        lane: LaneId,
        /// What is missing.
        what: Target,
        /// Where.
        destination: Destination,
    },
    /// Tell a client how far it is. Only the latest for a connection matters.
    Acknowledge {
        /// The connection.
        connection: ConnectionId,
        /// The watermarks and counts.
        ack: Ack,
    },
    /// Answer a client's flush.
    Flushed {
        /// The connection.
        connection: ConnectionId,
        /// Its number for the flush.
        ticket: u64,
        /// The answer.
        flushed: Flushed,
    },
    /// A flush of all lanes has ended.
    FlushedAll {
        /// The request.
        request: u64,
        /// Whether everything ended in time.
        reached: bool,
    },
    /// There is room again: read this lane's connections.
    Resume(LaneId),
    /// Write; answered by `Engine::stored`, unless the lane is gone.
    Order(Box<Order>),
    /// Bring records back from disk; answered by `Engine::read_back`.
    Read {
        /// The lane's destination.
        destination: Destination,
        /// What to read.
        read: Read,
    },
    /// Look at what a lane left on disk; answered by `Engine::indexed`.
    Index {
        /// The lane.
        lane: LaneId,
        /// Its destination.
        destination: Destination,
    },
    /// Nothing is left.
    Drained,
    /// A lane cannot be delivered to, for people; at first, when the words change, and once a minute.
    Failing {
        /// Which.
        destination: Destination,
        /// What was said.
        what: String,
        /// For how long nothing has gone well.
        lasted: Duration,
        /// Records that wait.
        waiting: u64,
    },
    /// Records of a lane are being lost, for people; once, until the loss is told in the stream.
    LossBegan {
        /// Whose.
        destination: Destination,
        /// Why.
        reason: String,
    },
    /// The stream will say what was lost.
    LossTold {
        /// Whose.
        destination: Destination,
        /// What.
        loss: Loss,
    },
}

/// One call to make.
#[derive(Debug)]
pub struct Attempt {
    /// Its number.
    pub id: u64,
    /// Where to.
    pub destination: Destination,
    /// What to send.
    pub batch: Batch,
    /// Pays for the request body.
    pub body: Payment,
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Report {
    /// Its number.
    pub id: u64,
    /// The batch, back.
    pub batch: Batch,
    /// What the other end said.
    pub outcome: Outcome,
    /// How long the call took; nothing where none was made.
    pub took: Option<Duration>,
    /// Body bytes per byte of text, where a body was built.
    pub growth: Option<f32>,
}

/// Records that CloudWatch refused one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRange {
    /// Index of the batch's part.
    pub part: usize,
    /// Records of its chunk.
    pub records: Range<u32>,
    /// Why.
    pub reason: Rejected,
}

/// The classes of outcomes, each with its one consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200 with a request id: all but `rejected` are delivered.
    Accepted {
        /// Those refused one by one, disjoint.
        rejected: Vec<RejectedRange>,
    },
    /// Too fast: slow down, send again.
    Throttled {
        /// How long the answer asks us to wait.
        retry_after: Option<Duration>,
    },
    /// A failure that may pass: send again.
    Unavailable {
        /// What happened, for people.
        what: String,
        /// Whether it may have been accepted all the same.
        ambiguous: bool,
        /// How long the answer asks us to wait.
        retry_after: Option<Duration>,
    },
    /// There is nothing to sign a call with, so none was made: wait, try again.
    Unsigned {
        /// What is missing, for people.
        what: String,
    },
    /// The group or stream does not exist: create it, send again.
    Missing,
    /// We may not write: wait long, send again.
    Forbidden {
        /// What was said.
        what: String,
    },
    /// The call as a whole was refused: find out which record is at fault.
    Refused {
        /// What was said.
        what: String,
    },
    /// The body outgrew what was paid for it: send halves.
    TooLarge,
    /// We ended it ourselves at the shutdown deadline.
    Cancelled,
}
