//! Request bodies, encoded straight from the chunks' bytes: no string is built in between.
//!
//! A body lives in memory that its attempt has paid for; it may pay for more while it is built, up to a bound. The buffer
//! returns to the pool when the last part of the SDK lets go of it.

use std::sync::Arc;

use bytes::Bytes;

use super::escape::{escaped_len, push_escaped};
use crate::config::Destination;
use crate::engine::account::Rejected;
use crate::engine::batch::{Batch, EVENT_FRAME};
use crate::engine::budget::{Budget, Kind, Payment};
use crate::engine::chunk::RecordRef;
use crate::engine::limits::{BODY_BYTES, EVENT_OVERHEAD};
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::RejectedRange;

/// Bodies grow in steps of this size while they are built.
const STEP: usize = 64 * 1024;

/// A body outgrew the memory there is for it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// A request body and what it tells of its texts.
#[derive(Debug)]
pub struct Body {
    /// The JSON.
    pub bytes: Bytes,
    /// Body bytes per byte of text, without what every event adds.
    pub growth: f32,
}

/// A buffer of the pool and its payment.
#[derive(Debug)]
struct Pooled {
    buffer: Vec<u8>,
    payment: Option<Payment>,
    budget: Arc<Budget>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // First the payment: the free list counts against the budget as well.
        self.payment = None;
        self.budget.recycle(Kind::Body, std::mem::take(&mut self.buffer));
    }
}

/// Builds the body of PutLogEvents for a batch.
///
/// # Errors
/// [`TooLarge`] if escapes make it larger than what can be paid for, or than [`BODY_BYTES`] where it could be halved.
pub fn build(
    budget: &Arc<Budget>,
    destination: &Destination,
    batch: &Batch,
    payment: Payment,
) -> Result<Body, TooLarge> {
    let buffer = budget.body(payment.bytes());
    let pooled = Pooled { buffer, payment: Some(payment), budget: Arc::clone(budget) };
    let most = if batch.records > 1 { BODY_BYTES } else { usize::MAX };
    let mut writer = Writer { pooled, most, stamp: Stamp::default() };
    writer.begin(destination);
    if is_sorted(batch) {
        for part in &batch.parts {
            for record in part.chunk.range(part.records.clone()) {
                writer.event(record)?;
            }
        }
    } else {
        for (record, _, _) in by_time(batch) {
            writer.event(record)?;
        }
    }
    Ok(writer.end(batch))
}

/// Whether the batch's records are in the order of their timestamps as they stand.
fn is_sorted(batch: &Batch) -> bool {
    let arrival = sabotage::on(Sabotage::TimesNotOrdered);
    arrival
        || batch.parts.iter().all(|part| part.chunk.sorted)
            && batch.parts.windows(2).all(|pair| pair[0].chunk.max_ms <= pair[1].chunk.min_ms)
}

/// The records by timestamp, those of one millisecond in the order of arrival, each with its part and index.
fn by_time(batch: &Batch) -> Vec<(RecordRef<'_>, usize, u32)> {
    let mut all = Vec::with_capacity(batch.records as usize);
    for (index, part) in batch.parts.iter().enumerate() {
        let records = part.chunk.range(part.records.clone()).zip(part.records.clone());
        all.extend(records.map(|(record, place)| (record, index, place)));
    }
    all.sort_by_key(|(record, _, _)| record.timestamp_ms);
    all
}

/// A timestamp in digits, kept while it stays the same: records of one millisecond come in crowds.
#[derive(Debug, Default)]
struct Stamp {
    value: i64,
    opening: Vec<u8>,
}

impl Stamp {
    fn opening(&mut self, value: i64) -> &[u8] {
        if self.opening.is_empty() || self.value != value {
            self.value = value;
            self.opening.clear();
            self.opening.extend_from_slice(b"{\"timestamp\":");
            self.opening.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            self.opening.extend_from_slice(b",\"message\":\"");
        }
        &self.opening
    }
}

struct Writer {
    pooled: Pooled,
    most: usize,
    stamp: Stamp,
}

impl Writer {
    fn begin(&mut self, destination: &Destination) {
        let out = &mut self.pooled.buffer;
        out.extend_from_slice(b"{\"logGroupName\":\"");
        push_escaped(out, destination.group().as_str().as_bytes());
        out.extend_from_slice(b"\",\"logStreamName\":\"");
        push_escaped(out, destination.stream().as_str().as_bytes());
        out.extend_from_slice(b"\",\"logEvents\":[");
    }

    #[inline]
    fn event(&mut self, record: RecordRef<'_>) -> Result<(), TooLarge> {
        let out = &mut self.pooled.buffer;
        // Six bytes for each is the worst; only near the end of the room is the exact length worth counting.
        if out.capacity() - out.len() < record.text.len() * 6 + EVENT_FRAME {
            self.ensure(escaped_len(record.text) + EVENT_FRAME)?;
        }
        let out = &mut self.pooled.buffer;
        out.extend_from_slice(self.stamp.opening(record.timestamp_ms));
        push_escaped(out, record.text);
        out.extend_from_slice(b"\"},");
        Ok(())
    }

    /// Makes room for `more` bytes, paid for.
    fn ensure(&mut self, more: usize) -> Result<(), TooLarge> {
        let out = &mut self.pooled.buffer;
        let needed = out.len() + more;
        if needed <= out.capacity() {
            return Ok(());
        }
        let capacity = needed.div_ceil(STEP) * STEP;
        let paid = self.pooled.payment.as_ref().map_or(0, Payment::bytes);
        let affordable = capacity <= self.most
            && self.pooled.payment.as_mut().is_some_and(|payment| payment.grow(capacity.saturating_sub(paid)));
        if !affordable {
            return Err(TooLarge);
        }
        out.reserve_exact(capacity - out.len());
        Ok(())
    }

    fn end(mut self, batch: &Batch) -> Body {
        let out = &mut self.pooled.buffer;
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.extend_from_slice(b"]}");
        let text = (batch.cost - batch.records * EVENT_OVERHEAD).max(1) as usize;
        let frames = batch.records as usize * (EVENT_FRAME - 8);
        let growth = out.len().saturating_sub(frames) as f32 / text as f32;
        Body { growth, bytes: Bytes::from_owner(self.pooled) }
    }
}

/// The indices that an answer rejects, as CloudWatch counts them: `too_new` from there on, the others up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectedIndices {
    /// First event that is too new.
    pub too_new_from: Option<usize>,
    /// End of the events that are too old.
    pub too_old_to: Option<usize>,
    /// End of the events that are older than the retention.
    pub expired_to: Option<usize>,
}

/// Which records the answer's indices mean. They count the events in the order they were sent.
#[must_use]
pub fn rejected_ranges(batch: &Batch, indices: RejectedIndices) -> Vec<RejectedRange> {
    let off = usize::from(sabotage::on(Sabotage::RejectOffByOne));
    let reason = |event: usize| match () {
        () if indices.too_new_from.is_some_and(|from| event >= from) => Some(Rejected::TooNew),
        () if indices.too_old_to.is_some_and(|to| event < to + off) => Some(Rejected::TooOld),
        () if indices.expired_to.is_some_and(|to| event < to) => Some(Rejected::Expired),
        () => None,
    };
    if indices == RejectedIndices::default() {
        return Vec::new();
    }
    let mut places: Vec<(usize, u32)> = if is_sorted(batch) {
        let parts = batch.parts.iter().enumerate();
        parts.flat_map(|(index, part)| part.records.clone().map(move |place| (index, place))).collect()
    } else {
        by_time(batch).into_iter().map(|(_, index, place)| (index, place)).collect()
    };
    let mut refused: Vec<(usize, u32, Rejected)> = places
        .drain(..)
        .enumerate()
        .filter_map(|(event, (part, place))| reason(event).map(|reason| (part, place, reason)))
        .collect();
    refused.sort_unstable_by_key(|(part, place, _)| (*part, *place));
    let mut ranges: Vec<RejectedRange> = Vec::new();
    for (part, place, reason) in refused {
        match ranges.last_mut() {
            Some(last) if last.part == part && last.records.end == place && last.reason == reason => {
                last.records.end += 1;
            }
            _ => ranges.push(RejectedRange { part, records: place..place + 1, reason }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests;
