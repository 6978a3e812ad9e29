//! What the intake goes by.

use crate::config::{AllowedUids, Destination, Destinations, PodFacts};

/// What it means that a record is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// It is on disk, or has ended.
    OnDisk,
    /// It has ended: there is no spool.
    Ended,
}

/// What the intake goes by.
#[derive(Debug, Clone)]
pub struct Options {
    /// The byte between text records.
    pub delimiter: u8,
    /// Longest record, in bytes.
    pub max_record: u32,
    /// Most connections.
    pub connections: usize,
    /// Whose processes may connect.
    pub uids: AllowedUids,
    /// Where records go.
    pub destinations: Destinations,
    /// What this pod is called.
    pub pod: PodFacts,
    /// The destination that stands for all where nothing is shipped.
    pub disabled: Option<Destination>,
    /// Random for each start.
    pub instance: [u8; 16],
    /// What it means that a record is durable.
    pub durable: Durable,
}
