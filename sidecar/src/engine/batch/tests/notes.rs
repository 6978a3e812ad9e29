//! What a chunk in its lane remembers of records that have ended.

use super::*;
use crate::engine::account::{Dropped, Rejected};

const REFUSED: End = End::Rejected(Rejected::Invalid);
const DROPPED: End = End::Dropped(Dropped::Overflow);

/// A chunk of ten records that begins at offset 100.
fn ten() -> Queued {
    Queued::new(100, chunk_of(&Budget::new(1 << 20), &[(1, "x"); 10]))
}

fn note(queued: &mut Queued, records: Range<u32>, end: End) {
    queued.unended -= records.end - records.start;
    queued.note_done(records, end);
}

#[test]
fn what_was_not_delivered_is_noted_in_order_and_joined_where_it_ended_alike() {
    let mut queued = ten();
    let steps = [
        (4..5, REFUSED, vec![(4..5, REFUSED)]),
        (0..1, REFUSED, vec![(0..1, REFUSED), (4..5, REFUSED)]),
        (8..9, REFUSED, vec![(0..1, REFUSED), (4..5, REFUSED), (8..9, REFUSED)]),
        // Beside one that ended otherwise, on either side of it.
        (5..6, DROPPED, vec![(0..1, REFUSED), (4..5, REFUSED), (5..6, DROPPED), (8..9, REFUSED)]),
        (3..4, DROPPED, vec![(0..1, REFUSED), (3..4, DROPPED), (4..5, REFUSED), (5..6, DROPPED), (8..9, REFUSED)]),
        // Delivered records are not noted here.
        (
            1..2,
            End::Delivered,
            vec![(0..1, REFUSED), (3..4, DROPPED), (4..5, REFUSED), (5..6, DROPPED), (8..9, REFUSED)],
        ),
        // Behind one, before one, and between two that ended alike.
        (6..7, DROPPED, vec![(0..1, REFUSED), (3..4, DROPPED), (4..5, REFUSED), (5..7, DROPPED), (8..9, REFUSED)]),
        (2..3, DROPPED, vec![(0..1, REFUSED), (2..4, DROPPED), (4..5, REFUSED), (5..7, DROPPED), (8..9, REFUSED)]),
        (7..8, DROPPED, vec![(0..1, REFUSED), (2..4, DROPPED), (4..5, REFUSED), (5..8, DROPPED), (8..9, REFUSED)]),
        (9..10, REFUSED, vec![(0..1, REFUSED), (2..4, DROPPED), (4..5, REFUSED), (5..8, DROPPED), (8..10, REFUSED)]),
    ];
    for (records, end, noted) in steps {
        note(&mut queued, records.clone(), end);
        assert_eq!(queued.undelivered(), noted, "after {records:?}");
    }
    let mut queued = ten();
    for records in [0..2, 4..6, 2..4] {
        note(&mut queued, records, REFUSED);
    }
    assert_eq!(queued.undelivered(), [(0..6, REFUSED)]);
    queued.forget_undelivered();
    assert!(queued.undelivered().is_empty());
}

#[test]
fn what_has_ended_is_told_in_offsets_and_as_one_range_once_it_is_all() {
    let mut queued = ten();
    let ended = |queued: &Queued| queued.ended().collect::<Vec<_>>();
    assert!(queued.is_untouched() && ended(&queued).is_empty());
    queued.todo = vec![1..10];
    assert!(!queued.is_untouched(), "one of them is in a batch");
    note(&mut queued, 5..7, End::Delivered);
    note(&mut queued, 1..2, REFUSED);
    assert_eq!(ended(&queued), [101..102, 105..107]);
    note(&mut queued, 2..5, End::Delivered);
    assert_eq!(ended(&queued), [101..107], "neighbours become one range");
    queued.todo = Vec::new();
    note(&mut queued, 0..1, End::Delivered);
    note(&mut queued, 7..10, DROPPED);
    assert_eq!(ended(&queued), vec![100..110]);
    assert!(queued.done.is_empty() && !queued.is_untouched());
}
