//! What CloudWatch Logs allows, as constants.
//!
//! Sources: the API reference of `PutLogEvents`, `CreateLogGroup`, `CreateLogStream` and
//! `PutRetentionPolicy`, and the page "CloudWatch Logs quotas". The sidecar has its own copy of these
//! figures on purpose: a wrong one there is found because this one disagrees.

/// Largest batch: the sum of the messages' UTF-8 bytes plus [`EVENT_OVERHEAD`] for each.
pub const MAX_BATCH_BYTES: usize = 1_048_576;
/// What each event costs beyond its message.
pub const EVENT_OVERHEAD: usize = 26;
/// Largest event, its overhead included.
pub const MAX_EVENT_BYTES: usize = 1_048_576;
/// Most events in one call.
pub const MAX_BATCH_EVENTS: usize = 10_000;
/// Longest time between the first and the last *valid* event of a call.
pub const MAX_BATCH_SPAN_MS: i64 = 24 * HOUR_MS;
/// Events further in the future are rejected one by one.
pub const MAX_FUTURE_MS: i64 = 2 * HOUR_MS;
/// Events older than this are rejected one by one.
pub const MAX_AGE_MS: i64 = 14 * DAY_MS;

/// Largest HTTP body that is read at all, on the wire and inflated. A megabyte of control characters is
/// six in JSON, and ten thousand events bring half a megabyte of keys; sixteen leaves room.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// Longest name of a log group or a log stream.
pub const MAX_NAME_CHARS: usize = 512;
/// Longest KMS key identifier.
pub const MAX_KMS_KEY_CHARS: usize = 256;
/// Most tags of one log group.
pub const MAX_TAGS: usize = 50;
/// Longest key of a tag.
pub const MAX_TAG_KEY_CHARS: usize = 128;
/// Longest value of a tag.
pub const MAX_TAG_VALUE_CHARS: usize = 256;
/// Most entries a describe call answers with.
pub const MAX_DESCRIBE: usize = 50;
/// Most events `GetLogEvents` answers with.
pub const MAX_GET_EVENTS: usize = 10_000;
/// Most message bytes `GetLogEvents` answers with.
pub const MAX_GET_BYTES: usize = 1 << 20;

/// The values `PutRetentionPolicy` takes, in days.
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// The values of `logGroupClass`.
pub const CLASSES: [&str; 3] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];

/// How far a signature's date may be from our clock.
pub const MAX_SIGNATURE_SKEW_SECONDS: i64 = 5 * 60;

/// One hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;
/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

// An event that fits must fit into a batch of its own, or no client could ever send it.
const _: () = assert!(MAX_EVENT_BYTES <= MAX_BATCH_BYTES);
const _: () = assert!(MAX_BODY_BYTES > 6 * MAX_BATCH_BYTES + 64 * MAX_BATCH_EVENTS);
