//! One call's events, within CloudWatch's limits.

use crate::sink::Event;

/// Most events of a call, most bytes, and what is added to each event's text for that.
/// (docs.aws.amazon.com, PutLogEvents; Watchtower's defaults are the same.)
const EVENTS: usize = 10_000;
const BYTES: usize = 1_048_576;
const OVERHEAD: usize = 26;

#[derive(Debug, Default)]
pub(crate) struct Batch {
    events: Vec<Event>,
    bytes: usize,
}

impl Batch {
    /// Whether it may take this one, too. The first fits always: the command line bounds a record's length.
    pub(crate) fn fits(&self, event: &Event) -> bool {
        self.events.is_empty() || (self.events.len() < EVENTS && self.bytes + size(event) <= BYTES)
    }

    pub(crate) fn extend(&mut self, event: Option<Event>) {
        self.bytes += event.as_ref().map_or(0, size);
        self.events.extend(event);
    }

    /// The events by timestamp, as the call wants them: threads do not queue them quite in that order.
    pub(crate) fn into_sorted(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.timestamp_ms);
        self.events
    }
}

fn size(event: &Event) -> usize {
    event.text.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp_ms: i64, bytes: usize) -> Event {
        Event { timestamp_ms, text: "x".repeat(bytes) }
    }

    fn filled(events: usize, bytes: usize) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..events {
            let event = event(0, bytes);
            assert!(batch.fits(&event));
            batch.extend(Some(event));
        }
        batch
    }

    #[test]
    fn ten_thousand_events_and_no_more() {
        assert!(filled(9_999, 1).fits(&event(0, 1)));
        assert!(!filled(10_000, 1).fits(&event(0, 1)));
    }

    #[test]
    fn a_mebibyte_with_what_each_event_adds_and_no_more() {
        let nearly = filled(15, 65_536 - 26);
        assert!(nearly.fits(&event(0, 65_536 - 26)));
        assert!(!nearly.fits(&event(0, 65_536 - 25)));
    }

    #[test]
    fn events_leave_by_time_and_those_of_one_millisecond_as_they_came() {
        let mut batch = Batch::default();
        for (at, bytes) in [(5, 1), (3, 2), (5, 3), (3, 4)] {
            batch.extend(Some(event(at, bytes)));
        }
        let order = batch.into_sorted().iter().map(|event| event.text.len()).collect::<Vec<_>>();
        assert_eq!(order, [2, 4, 1, 3]);
    }
}
