//! The limits of CloudWatch Logs that a batch must keep, each with its source.
//!
//! They are Amazon's, not ours: none of them is configurable.
//! Source: the PutLogEvents API reference (service model `logs/2014-03-28`).

/// Largest batch: the sum of all texts in UTF-8 bytes plus [`EVENT_OVERHEAD`] for each.
pub const BATCH_BYTES: u32 = 1_048_576;

/// What the API adds to each event's text when it measures a batch.
pub const EVENT_OVERHEAD: u32 = 26;

/// Most events in one batch.
pub const BATCH_EVENTS: u32 = 10_000;

/// Longest span of timestamps in one batch, in milliseconds (24 hours).
pub const BATCH_SPAN_MS: i64 = 24 * 60 * 60 * 1000;

/// Largest text of one record: the overhead counts towards the event's limit of 1 MiB.
pub const RECORD_BYTES: u32 = BATCH_BYTES - EVENT_OVERHEAD;

/// Largest timestamp we pass on (the year 2286); later ones are clamped to it and then refused by the API as too new.
pub const TIMESTAMP_MAX_MS: i64 = 9_999_999_999_999;

/// Our own bound on a request body, which JSON escapes may make larger than the batch
/// (a control byte becomes six). A single record may exceed it and then travels alone.
pub const BODY_BYTES: usize = 2 * 1024 * 1024;

const _: () = assert!(RECORD_BYTES == 1_048_550);
const _: () = assert!(BODY_BYTES as u64 >= BATCH_BYTES as u64 + 64 * BATCH_EVENTS as u64);
