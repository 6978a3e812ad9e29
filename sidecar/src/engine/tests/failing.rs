//! What people are told of a lane that fails, and its last tries.

use super::*;

fn fail(what: &str) -> Outcome {
    Outcome::Unavailable { what: what.to_owned(), ambiguous: false, retry_after: None }
}

fn until_attempt(world: &mut World) {
    let from = world.at_ms;
    while world.attempts.is_empty() {
        world.tick(10);
        assert!(world.at_ms < from + 120_000, "nothing is sent");
    }
}

#[test]
fn a_failure_is_told_when_its_words_change_and_once_a_minute() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 3, 10, 0);
    let fail_until = |world: &mut World, ms: u64, what: &str| {
        while world.at_ms < ms {
            until_attempt(world);
            world.end(0, fail(what));
        }
    };
    fail_until(&mut world, 50_000, "no route");
    assert_eq!(world.failing, [("no route".to_owned(), Duration::ZERO, 3)]);
    world.feed(lane, 2, 10, 0);
    fail_until(&mut world, 100_000, "no route");
    assert_eq!(world.failing.len(), 2);
    let (_, lasted, waiting) = &world.failing[1];
    assert!((59..95).contains(&lasted.as_secs()) && *waiting == 5, "{:?}", world.failing);
    until_attempt(&mut world);
    world.end(0, fail("no name"));
    assert_eq!(world.failing[2].0, "no name");
    // A success in between begins a new time of trouble, and is no reason to say the same again.
    until_attempt(&mut world);
    world.accept();
    world.feed(lane, 1, 10, 0);
    until_attempt(&mut world);
    world.end(0, fail("no name"));
    assert_eq!(world.failing.len(), 3);
    world.run_until_quiet();
}

#[test]
fn what_waits_is_tried_again_when_little_time_is_left() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    let drain = |world: &mut World, seconds: u64| {
        let now = world.now();
        world.engine.drain(Duration::from_secs(seconds), now);
        world.settle();
    };
    drain(&mut world, 24);
    for _ in 0..10 {
        until_attempt(&mut world);
        world.end(0, fail("refused"));
    }
    drain(&mut world, 6);
    let from = world.at_ms;
    until_attempt(&mut world);
    assert!(world.at_ms - from <= 1_510, "{}", world.at_ms - from);
    world.accept();
    assert!(world.drained);
}
