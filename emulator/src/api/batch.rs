//! Is this list of events one that CloudWatch would take, and which of them?
//!
//! Pure functions: the time is an argument, nothing is stored. Two stages, as in AWS: what fails the
//! whole call ([`check`]), then what is rejected event by event ([`screen`]).

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::limits::{
    DAY_MS, EVENT_OVERHEAD, MAX_AGE_MS, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BATCH_SPAN_MS, MAX_EVENT_BYTES,
    MAX_FUTURE_MS,
};
use crate::refusal::Refusal;

/// One event of a call; borrows from the body where the text has no escapes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct InputEvent<'a> {
    pub(crate) timestamp: i64,
    #[serde(borrow)]
    pub(crate) message: Cow<'a, str>,
}

/// The ranges AWS answers with when it took a call but not all of its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rejected {
    /// Events from here on are too new (inclusive).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) too_new_log_event_start_index: Option<usize>,
    /// Events before this are too old (exclusive).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) too_old_log_event_end_index: Option<usize>,
    /// Events before this are older than the group's retention (exclusive).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expired_log_event_end_index: Option<usize>,
}

impl Rejected {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of each event of a call that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Screened {
    pub(crate) accepted: Range<usize>,
    pub(crate) rejected: Rejected,
    pub(crate) too_new: u64,
    pub(crate) too_old: u64,
    /// Expired events that are not already counted as too old.
    pub(crate) expired: u64,
}

/// Checks what fails a whole call, but for the 24 hours; returns the batch's size as AWS counts it.
pub(crate) fn check(events: &[InputEvent<'_>]) -> Result<usize, Refusal> {
    check_count(events.len())?;
    for (index, event) in events.iter().enumerate() {
        check_event(index, event)?;
    }
    if events.windows(2).any(|pair| pair[0].timestamp > pair[1].timestamp) {
        return Err(Refusal::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let bytes = events.iter().map(|event| event.message.len() + EVENT_OVERHEAD).sum();
    check_bytes(bytes)?;
    Ok(bytes)
}

/// Checks the number of events of a call.
pub(crate) fn check_count(count: usize) -> Result<(), Refusal> {
    let constraint = match count {
        0 => "have length greater than or equal to 1",
        1..=MAX_BATCH_EVENTS => return Ok(()),
        _ => "have length less than or equal to 10000",
    };
    Err(Refusal::constraint(&format!("[{count} events]"), "logEvents", constraint))
}

/// Checks the size of a batch as AWS counts it.
pub(crate) fn check_bytes(bytes: usize) -> Result<(), Refusal> {
    if bytes <= MAX_BATCH_BYTES {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Upload too large: {bytes} bytes exceeds limit of {MAX_BATCH_BYTES}")))
}

fn check_event(index: usize, event: &InputEvent<'_>) -> Result<(), Refusal> {
    // AWS counts members from one.
    let member = index + 1;
    if event.message.is_empty() {
        let field = format!("logEvents.{member}.member.message");
        return Err(Refusal::constraint("", &field, "have length greater than or equal to 1"));
    }
    if event.timestamp < 0 {
        let field = format!("logEvents.{member}.member.timestamp");
        let value = event.timestamp.to_string();
        return Err(Refusal::constraint(&value, &field, "have value greater than or equal to 0"));
    }
    let bytes = event.message.len() + EVENT_OVERHEAD;
    if bytes > MAX_EVENT_BYTES {
        return Err(Refusal::invalid(format!("Log event too large: {bytes} bytes exceeds limit of {MAX_EVENT_BYTES}")));
    }
    Ok(())
}

/// Sorts out the events whose time is not acceptable, then checks that the rest spans at most 24 hours.
///
/// `timestamps` must be in order, as [`check`] made sure.
pub(crate) fn screen(timestamps: &[i64], now_ms: i64, retention_days: Option<u32>) -> Result<Screened, Refusal> {
    debug_assert!(timestamps.is_sorted());
    let before = |limit: i64| timestamps.partition_point(|&timestamp| timestamp < limit);
    let too_old_end = before(now_ms - MAX_AGE_MS);
    let expired_end = retention_days.map_or(0, |days| before(now_ms - i64::from(days) * DAY_MS));
    let too_new_start = before(now_ms + MAX_FUTURE_MS + 1);
    let accepted = too_old_end.max(expired_end)..too_new_start;

    if let [first, .., last] = timestamps[accepted.clone()] {
        if last - first > MAX_BATCH_SPAN_MS {
            return Err(Refusal::invalid(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
            ));
        }
    }
    let some = |index: usize| (index > 0).then_some(index);
    Ok(Screened {
        rejected: Rejected {
            too_new_log_event_start_index: (too_new_start < timestamps.len()).then_some(too_new_start),
            too_old_log_event_end_index: some(too_old_end),
            expired_log_event_end_index: some(expired_end),
        },
        too_new: (timestamps.len() - too_new_start) as u64,
        too_old: too_old_end as u64,
        expired: expired_end.saturating_sub(too_old_end) as u64,
        accepted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HOUR_MS;

    const NOW: i64 = 1_800_000_000_000;

    fn event(timestamp: i64, message: impl Into<String>) -> InputEvent<'static> {
        InputEvent { timestamp, message: Cow::Owned(message.into()) }
    }

    fn refused(events: &[InputEvent<'_>]) -> String {
        let refusal = check(events).unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterException");
        assert!(refusal.violation);
        refusal.message
    }

    #[test]
    fn the_count_is_between_one_and_ten_thousand() {
        let events = vec![event(NOW, "x"); MAX_BATCH_EVENTS + 1];
        assert_eq!(check(&events[..1]).unwrap(), 27);
        assert!(check(&events[..MAX_BATCH_EVENTS]).is_ok());
        assert!(refused(&events).ends_with("length less than or equal to 10000"));
        assert!(refused(&[]).ends_with("length greater than or equal to 1"));
    }

    #[test]
    fn a_batch_may_fill_the_limit_and_not_a_byte_more() {
        let half = MAX_BATCH_BYTES / 2 - EVENT_OVERHEAD;
        let (a, b) = (event(NOW, "x".repeat(half)), event(NOW, "y".repeat(half)));
        assert_eq!(check(&[a.clone(), b]).unwrap(), MAX_BATCH_BYTES);
        assert_eq!(
            refused(&[a, event(NOW, "y".repeat(half + 1))]),
            "Upload too large: 1048577 bytes exceeds limit of 1048576"
        );
    }

    #[test]
    fn an_event_may_fill_the_limit_and_not_a_byte_more() {
        let most = MAX_EVENT_BYTES - EVENT_OVERHEAD;
        assert_eq!(check(&[event(NOW, "x".repeat(most))]).unwrap(), MAX_BATCH_BYTES);
        assert_eq!(
            refused(&[event(NOW, "x".repeat(most + 1))]),
            "Log event too large: 1048577 bytes exceeds limit of 1048576"
        );
    }

    #[test]
    fn bytes_are_those_of_utf8() {
        assert_eq!(check(&[event(NOW, "\u{fffd}é")]).unwrap(), 26 + 5);
    }

    #[test]
    fn an_empty_message_or_a_negative_time_fails_the_call() {
        assert!(refused(&[event(NOW, "x"), event(NOW, "")]).contains("'logEvents.2.member.message'"));
        assert!(refused(&[event(-1, "x")]).contains("Value '-1' at 'logEvents.1.member.timestamp'"));
        assert!(check(&[event(0, "x")]).is_ok());
    }

    #[test]
    fn equal_times_are_in_order_and_falling_ones_are_not() {
        assert!(check(&[event(5, "x"), event(5, "y")]).is_ok());
        assert_eq!(
            refused(&[event(5, "x"), event(4, "y")]),
            "Log events in a single PutLogEvents request must be in chronological order."
        );
    }

    #[test]
    fn the_edges_of_the_window_are_inside() {
        let screened = screen(&[NOW - MAX_AGE_MS], NOW, None).unwrap();
        assert!(screened.rejected.is_none());
        let screened = screen(&[NOW + MAX_FUTURE_MS], NOW, None).unwrap();
        assert!(screened.rejected.is_none());
        assert_eq!(screened.accepted, 0..1);
    }

    #[test]
    fn one_past_each_edge_is_rejected_with_its_index() {
        let times = [NOW - MAX_AGE_MS - 1, NOW - 1, NOW, NOW + MAX_FUTURE_MS + 1, NOW + MAX_FUTURE_MS + 2];
        let screened = screen(&times, NOW, None).unwrap();
        assert_eq!(screened.accepted, 1..3);
        assert_eq!(screened.rejected.too_old_log_event_end_index, Some(1));
        assert_eq!(screened.rejected.too_new_log_event_start_index, Some(3));
        assert_eq!(screened.rejected.expired_log_event_end_index, None);
        assert_eq!((screened.too_old, screened.too_new, screened.expired), (1, 2, 0));
    }

    #[test]
    fn retention_expires_and_is_counted_once() {
        let times = [NOW - MAX_AGE_MS - 1, NOW - DAY_MS - 1, NOW - DAY_MS];
        let screened = screen(&times, NOW, Some(1)).unwrap();
        assert_eq!(screened.accepted, 2..3);
        assert_eq!(screened.rejected.too_old_log_event_end_index, Some(1));
        assert_eq!(screened.rejected.expired_log_event_end_index, Some(2));
        assert_eq!((screened.too_old, screened.expired), (1, 1));
    }

    #[test]
    fn a_long_retention_does_not_make_old_events_welcome() {
        let screened = screen(&[NOW - 15 * DAY_MS, NOW], NOW, Some(3653)).unwrap();
        assert_eq!(screened.accepted, 1..2);
        assert_eq!(screened.rejected.expired_log_event_end_index, None);
    }

    #[test]
    fn nothing_may_be_left() {
        let screened = screen(&[NOW - MAX_AGE_MS - 1, NOW + MAX_FUTURE_MS + 1], NOW, None).unwrap();
        assert!(screened.accepted.is_empty());
        assert_eq!((screened.too_old, screened.too_new), (1, 1));
    }

    #[test]
    fn the_span_is_that_of_valid_events_only() {
        let ago = |hours: i64| NOW - hours * HOUR_MS;
        assert!(screen(&[ago(24), NOW], NOW, None).is_ok());
        let refusal = screen(&[ago(24) - 1, NOW], NOW, None).unwrap_err();
        assert_eq!(
            refusal.message,
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        );
        // Rejected events at both ends stretch the list, but not the span.
        assert!(screen(&[ago(24 * 15), ago(23), NOW, ago(-3)], NOW, None).is_ok());
    }
}
