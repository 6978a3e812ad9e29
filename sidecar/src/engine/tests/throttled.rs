//! What throttling and the end do to waits.

use super::*;

const THROTTLED: Outcome = Outcome::Throttled { retry_after: None };

/// A lane whose stream is known to exist, and that has just sent.
fn warm(world: &mut World) -> LaneId {
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    lane
}

/// Milliseconds until the next attempt, in steps of ten.
fn until_attempt(world: &mut World) -> u64 {
    let from = world.at_ms;
    while world.attempts.is_empty() {
        world.tick(10);
        assert!(world.at_ms < from + 120_000, "nothing is sent");
    }
    world.at_ms - from
}

#[test]
fn a_refusal_stretches_the_linger_of_what_is_not_full() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = warm(&mut world);
    world.feed(lane, 1, 10, 0);
    assert!(until_attempt(&mut world) <= 1_000);
    world.end(0, THROTTLED);
    assert!(until_attempt(&mut world) <= 760, "a quarter of the linger at first");
    world.accept();
    world.feed(lane, 1, 10, 0);
    let waited = until_attempt(&mut world);
    assert!((2_000..=3_000).contains(&waited), "{waited}");
    // A whole batch has nothing to wait for.
    world.accept();
    world.feed(lane, 17, 65_000, 0);
    assert_eq!(world.attempts.len(), 1);
    world.run_until_quiet();
}

#[test]
fn a_fleet_that_is_refused_lingers_up_to_the_longest_and_no_longer() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = warm(&mut world);
    world.feed(lane, 1, 10, 0);
    for _ in 0..400 {
        let waited = until_attempt(&mut world);
        assert!(waited <= 30_010, "{waited}");
        world.end(0, THROTTLED);
    }
    // The second of these goes at once: the last one before it was long ago.
    for _ in 0..2 {
        until_attempt(&mut world);
        world.accept();
        world.feed(lane, 1, 10, 0);
    }
    let waited = until_attempt(&mut world);
    assert!((25_000..=30_010).contains(&waited), "{waited}");
}

#[test]
fn the_drain_sits_no_long_backoff_out() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = warm(&mut world);
    world.feed(lane, 1, 10, 0);
    let fail = || Outcome::Unavailable { what: "refused".to_owned(), ambiguous: false, retry_after: None };
    for _ in 0..20 {
        until_attempt(&mut world);
        world.end(0, fail());
    }
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    for _ in 0..20 {
        assert!(until_attempt(&mut world) <= 5_010);
        world.end(0, fail());
    }
    until_attempt(&mut world);
    world.accept();
    assert!(world.drained);
}

/// A stream that is always refused, and one that is not.
#[test]
fn a_lane_that_is_throttled_for_good_costs_no_other_its_delivery() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let good = warm(&mut world);
    let bad = world.lane("bad");
    world.feed(bad, 1, 10, 0);
    for _ in 0..100 {
        world.feed(good, 1, 10, 0);
        let fed = world.at_ms;
        while world.snapshot().total.delivered < world.snapshot().total.received - 1 {
            world.tick(10);
            end_by_stream(&mut world);
            assert!(world.at_ms < fed + 1_500, "the good one waited for {} ms", world.at_ms - fed);
        }
        while world.at_ms < fed + 1_000 {
            world.tick(10);
            end_by_stream(&mut world);
        }
    }
    assert!(world.snapshot().tally.throttles > 3, "the bad one was tried again and again");
    assert!(world.snapshot().put_rate > 10.0, "{}", world.snapshot().put_rate);
}

fn end_by_stream(world: &mut World) {
    while let Some(attempt) = world.attempts.first() {
        match attempt.destination.stream().as_str() {
            "bad" => world.end(0, THROTTLED),
            _ => world.end(0, Outcome::Accepted { rejected: Vec::new() }),
        }
    }
}

#[test]
fn a_short_end_has_short_waits() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = warm(&mut world);
    world.feed(lane, 1, 10, 0);
    for _ in 0..20 {
        until_attempt(&mut world);
        world.end(0, Outcome::Forbidden { what: "no".to_owned() });
    }
    let now = world.now();
    world.engine.drain(Duration::from_secs(3), now);
    world.settle();
    for _ in 0..10 {
        assert!(until_attempt(&mut world) <= 760);
        world.end(0, Outcome::Throttled { retry_after: Some(Duration::from_secs(60)) });
    }
}
