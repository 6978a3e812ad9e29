//! What a lane learns from its attempts: how many to have in flight, and how much larger a body is than its texts.

use super::*;
use crate::engine::lane::Lane;

/// A lane with so many in flight whose quickest attempt took two seconds, with or without a whole batch that waits.
fn lane(limit: u32, backlog: bool) -> Lane {
    let mut lane = Lane::new(Destination::parse("group", "s").unwrap(), limit, Now::from_millis(0));
    lane.quickest = Some(Duration::from_secs(2));
    lane.unsent_cost = if backlog { BATCH_BYTES.into() } else { 0 };
    lane
}

#[test]
fn more_are_in_flight_while_answers_are_quick_and_fewer_where_they_grow_slow() {
    let settings = Settings { in_flight_min: 4, in_flight_max: 8, ..Settings::default() };
    // Milliseconds that an answer took, whether a whole batch waits, and how many may be in flight before and after.
    let table = [
        (2_500, true, 6, 7),
        (2_999, true, 6, 7),
        (3_000, true, 6, 6),
        (5_000, true, 6, 6),
        (8_000, true, 6, 6),
        (8_001, true, 6, 5),
        (9_000, false, 6, 5),
        (9_000, true, 5, 4),
        (9_000, true, 4, 4),
        (2_500, true, 8, 8),
        (2_500, false, 6, 6),
        (5_000, false, 6, 6),
    ];
    for (took, backlog, before, after) in table {
        let mut lane = lane(before, backlog);
        lane.adapt(Duration::from_millis(took), &settings);
        assert_eq!(lane.limit, after, "{took} ms, backlog: {backlog}, {before} in flight");
    }
}

#[test]
fn where_answers_take_next_to_no_time_more_in_flight_would_carry_no_more() {
    let settings = Settings::default();
    for (took, after) in [(3_999, 6), (4_000, 7)] {
        let mut lane = lane(6, true);
        lane.quickest = None;
        lane.adapt(Duration::from_micros(took), &settings);
        assert_eq!(lane.limit, after, "{took} us");
    }
}

/// Answers that take three times as long, for good: that is the route now, and no queue.
#[test]
fn a_route_that_has_become_longer_is_learnt_in_about_two_hundred_answers() {
    let mut lane = lane(6, true);
    let answers = (1..1_000).find(|_| {
        lane.adapt(Duration::from_secs(6), &Settings::default());
        lane.limit > 6
    });
    assert!((170..200).contains(&answers.unwrap()), "{answers:?}");
}

#[test]
fn a_larger_growth_is_believed_at_once_and_a_smaller_one_by_a_twentieth() {
    // Each with two in a hundred on top, and never less than the text itself or more than the worst there is.
    let table =
        [(1.2, 2.0, 2.04), (2.0, 2.0, 2.002), (2.0, 1.0, 1.951), (3.0, 1.0, 2.901), (1.0, 0.5, 1.0), (2.0, 9.0, 6.0)];
    for (before, seen, after) in table {
        let mut lane = lane(4, false);
        lane.growth = before;
        lane.learn_growth(seen);
        assert!((lane.growth - after).abs() < 1e-4, "{before} and {seen} make {}", lane.growth);
    }
}

#[test]
fn a_stream_that_is_missing_although_it_was_created_is_a_failure_of_its_lane() {
    let mut world = super::mutants::sent(Settings::default());
    for _ in 0..2 {
        world.end(0, Outcome::Missing);
        while world.creates.is_empty() {
            world.tick(10);
            assert!(world.at_ms < 60_000, "nothing is created");
        }
        world.created(Created::Exists);
        super::mutants::until_attempt(&mut world);
    }
    assert_eq!(world.snapshot().lanes[0].state, "backing off");
    world.accept();
    assert_eq!(world.snapshot().lanes[0].state, "idle");
}
