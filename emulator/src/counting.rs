//! The light way through a `PutLogEvents` call: find the numbers, check what is cheap to check, forget the text.
//!
//! # Limits
//! Not checked here: the signature, names, whether group and stream exist, order and age of events, empty messages.
//! A benchmark's endpoint must not be its bottleneck; run strict mode for what a call has to look like.

use self::scan::{escape_cost, Found, Scanner};
use crate::api::batch::{check, check_bytes, check_count};
use crate::api::Put;
use crate::faults::Names;
use crate::limits::MAX_BATCH_BYTES;
use crate::refusal::Refusal;

pub(crate) mod scan;

/// Scans a body; returns what was found and the batch's size as AWS counts it (at most, if it has escapes).
pub(crate) fn count(scanner: &Scanner, body: &[u8]) -> Result<(Found, usize), Refusal> {
    let found = scanner.scan(body);
    check_count(found.records)?;
    let bytes = batch_bytes(&found, body)?;
    Ok((found, bytes))
}

/// Looks closer only as far as it must: the bound, then the escapes, then a parser.
fn batch_bytes(found: &Found, json: &[u8]) -> Result<usize, Refusal> {
    if found.bytes_at_most <= MAX_BATCH_BYTES {
        return Ok(found.bytes_at_most);
    }
    let bytes = found.bytes_at_most.saturating_sub(escape_cost(json));
    if bytes <= MAX_BATCH_BYTES {
        return Ok(bytes);
    }
    match Put::parse(json) {
        Ok(put) => check(&put.log_events),
        Err(_) => check_bytes(bytes).map(|()| bytes),
    }
}

/// The names in a body, found without parsing it. Escaped names are not unescaped.
pub(crate) fn names(json: &[u8]) -> Names<'_> {
    Names { group: field(json, "\"logGroupName\":"), stream: field(json, "\"logStreamName\":") }
}

fn field<'a>(json: &'a [u8], key: &str) -> Option<&'a str> {
    let at = memchr::memmem::find(json, key.as_bytes())? + key.len();
    let text = json[at..].trim_ascii_start().strip_prefix(b"\"")?;
    std::str::from_utf8(&text[..memchr::memchr(b'"', text)?]).ok()
}
