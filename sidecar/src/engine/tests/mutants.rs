//! Behaviour that a mutation check found nobody to insist on: how long what waits, what an end does, what is counted.

use super::*;

/// Seeds of the jitter over which a longest wait is looked for; with so many it is nearly the bound.
const SEEDS: u64 = 40;

pub(super) fn until_attempt(world: &mut World) -> u64 {
    let from = world.at_ms;
    while world.attempts.is_empty() {
        let next = world.engine.next_tick().map_or(1, |at| (at.as_millis() as u64).saturating_sub(world.at_ms));
        world.tick(next.max(1));
        assert!(world.at_ms < from + 400_000, "nothing is sent");
    }
    world.at_ms - from
}

/// A world whose first attempt, of a single record, is in flight.
pub(super) fn sent(settings: Settings) -> World {
    let mut world = World::new(settings, 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    assert_eq!(world.attempts.len(), 1);
    world
}

/// The longest wait, in milliseconds, that follows what `fail` does to a world that has sent.
fn longest_wait(fail: impl Fn(&mut World)) -> u64 {
    let waits = (0..SEEDS).map(|seed| {
        let mut world = sent(Settings { seed, create_rate: 1_000, ..Settings::default() });
        fail(&mut world);
        until_attempt(&mut world)
    });
    waits.max().unwrap()
}

/// Nearly `most`, and no more (a tick is a millisecond).
fn assert_bound(wait: u64, most: u64, what: &str) {
    assert!(wait <= most + 2 && wait * 10 >= most * 8, "{what}: {wait} ms, at most {most}");
}

fn down() -> Outcome {
    Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None }
}

/// Ends every attempt this way, `times` times, and waits for each next one but the last.
fn fail_times(world: &mut World, times: u32, outcome: impl Fn() -> Outcome) {
    for time in 0..times {
        if time > 0 {
            until_attempt(world);
        }
        world.end(0, outcome());
    }
}

#[test]
fn each_class_of_failure_waits_as_long_as_it_should_and_no_longer() {
    let forbidden = || Outcome::Forbidden { what: "no".to_owned() };
    let unsigned = || Outcome::Unsigned { what: "no keys".to_owned() };
    let refused = || Outcome::Refused { what: "bad".to_owned() };
    for (times, most) in [(1, 100), (2, 200), (4, 800)] {
        assert_bound(longest_wait(|world| fail_times(world, times, down)), most, "unavailable");
        assert_bound(longest_wait(|world| fail_times(world, times, unsigned)), most, "unsigned");
    }
    for (times, most) in [(1, 7_500), (2, 15_000), (4, 60_000)] {
        assert_bound(longest_wait(|world| fail_times(world, times, forbidden)), most, "forbidden");
    }
    // A record that is refused alone proves nothing against itself: the lane waits as where it may not write.
    assert_bound(longest_wait(|world| fail_times(world, 1, refused)), 15_000, "every record refused");
}

#[test]
fn a_creation_that_fails_waits_by_its_class() {
    let after = |created: &dyn Fn() -> Created, times: u32| {
        longest_wait(|world| {
            for time in 0..times {
                if time > 0 {
                    until_attempt(world);
                }
                world.end(0, Outcome::Missing);
                world.created(created());
            }
        })
    };
    let failed = || Created::Failed { what: "down".to_owned(), throttled: false, retry_after: None };
    let unsigned = || Created::Unsigned("no keys".to_owned());
    for (times, most) in [(1, 100), (2, 200), (3, 400)] {
        assert_bound(after(&failed, times), most, "failed");
        assert_bound(after(&unsigned, times), most, "unsigned");
    }
    assert_bound(after(&|| Created::Forbidden("no".to_owned()), 1), 30_000, "forbidden");
}

#[test]
fn a_group_that_is_missing_and_must_not_be_created_is_waited_for() {
    let waits = (0..SEEDS).map(|seed| {
        let mut world = sent(Settings { seed, create_group: false, ..Settings::default() });
        world.end(0, Outcome::Missing);
        world.created(Created::GroupMissing);
        let snapshot = world.snapshot();
        assert!(snapshot.lanes[0].trouble.as_ref().is_some_and(|trouble| trouble.contains("create_group is off")));
        assert_eq!((snapshot.tally.failures, world.creates.len()), ([0, 1, 0, 0], 0));
        until_attempt(&mut world)
    });
    assert_bound(waits.max().unwrap(), 30_000, "create_group is off");
    // Where it may be created that is no failure.
    let mut world = sent(Settings::default());
    world.end(0, Outcome::Missing);
    world.created(Created::GroupMissing);
    assert_eq!((world.snapshot().tally.failures, world.creates.len()), ([0; 4], 1));
}

#[test]
fn a_stream_that_is_missing_although_it_was_created_is_created_more_and_more_seldom() {
    let creation_after = |times: u32| {
        let waits = (0..SEEDS).map(|seed| {
            let mut world = sent(Settings { seed, create_rate: 1_000, ..Settings::default() });
            for _ in 0..times {
                world.end(0, Outcome::Missing);
                while world.creates.is_empty() {
                    world.tick(1);
                }
                world.created(Created::Exists);
                until_attempt(&mut world);
            }
            let from = world.at_ms;
            world.end(0, Outcome::Missing);
            assert_eq!(world.snapshot().lanes[0].trouble.is_some(), times > 0);
            while world.creates.is_empty() {
                world.tick(1);
            }
            world.at_ms - from
        });
        waits.max().unwrap()
    };
    assert_eq!(creation_after(0), 0);
    assert_bound(creation_after(1), 400, "created once");
    assert_bound(creation_after(2), 800, "created twice");
    assert_bound(creation_after(3), 1_600, "created three times");
}

#[test]
fn one_failure_stops_its_batch_and_the_second_the_lane() {
    let mut world = sent(Settings { seed: 3, ..Settings::default() });
    world.accept();
    let lane = world.lane("s");
    world.feed(lane, 17, 65_000, 0);
    world.end(0, down());
    world.feed(lane, 17, 65_000, 0);
    assert_eq!(world.attempts.len(), 1, "one failure is the batch's own");
    world.end(0, down());
    world.feed(lane, 34, 65_000, 0);
    assert!(world.attempts.is_empty(), "two are the lane's");
    assert_eq!(world.snapshot().lanes[0].state, "backing off");
    world.run_until_quiet();
}

#[test]
fn a_lane_that_is_refused_slows_all_down_three_times_and_then_itself_alone() {
    let mut world = sent(Settings::default());
    let mut rates = vec![world.snapshot().put_rate];
    for _ in 0..8 {
        world.end(0, Outcome::Throttled { retry_after: Some(Duration::from_secs(2)) });
        rates.push(world.snapshot().put_rate);
        until_attempt(&mut world);
    }
    assert!(rates.windows(2).take(3).all(|pair| pair[1] < pair[0]), "{rates:?}");
    assert!(rates[3..].windows(2).all(|pair| pair[1] >= pair[0]), "{rates:?}");
}

#[test]
fn a_body_that_is_too_large_halves_the_batch_and_one_record_waits_for_memory() {
    let mut world = sent(Settings::default());
    let lane = world.lane("s");
    let growth = |world: &World| world.engine.lanes.get(lane).unwrap().growth;
    world.accept();
    world.feed(lane, 2, 10, 0);
    until_attempt(&mut world);
    let before = growth(&world);
    let attempt = world.attempts.swap_remove(0);
    world.did.calls += 1;
    let took = Some(Duration::ZERO);
    let report = Report { id: attempt.id, batch: attempt.batch, outcome: Outcome::TooLarge, took, growth: None };
    drop(attempt.body);
    let now = world.now();
    world.engine.attempt_ended(report, now);
    world.settle();
    assert!(growth(&world) >= 2.0 * before && growth(&world) < 2.1 * before, "{before} {}", growth(&world));
    assert_eq!(world.attempts.iter().map(|attempt| attempt.batch.records).collect::<Vec<_>>(), [1, 1]);
    world.end(0, Outcome::TooLarge);
    let trouble = world.snapshot().lanes[0].trouble.clone();
    assert_eq!(trouble.as_deref(), Some("no memory for the body of one record"));
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 3);
}

#[test]
fn what_is_not_on_disk_when_the_disk_has_had_its_time_is_dropped_and_counted() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, 1 << 30);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    world.do_disk();
    world.feed(lane, 50, 60_000, 0);
    let out: u32 = world.attempts.iter().map(|attempt| attempt.batch.records).sum();
    assert!(out > 0 && out < 50);
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    world.engine.give_up(now);
    world.settle();
    assert!(!world.drained && world.snapshot().total.dropped() == 0, "it waits for the disk");
    world.engine.abandon(now);
    world.settle();
    assert_eq!(world.snapshot().total.dropped_for(Dropped::Shutdown), u64::from(50 - out));
    while !world.attempts.is_empty() {
        assert!(!world.drained);
        world.end(0, Outcome::Cancelled);
    }
    assert!(world.drained, "nothing is left to wait for");
    let total = world.snapshot().total;
    assert_eq!((total.dropped_for(Dropped::Shutdown), total.possible_duplicates), (50, u64::from(out)));
}

#[test]
fn at_the_deadline_what_comes_back_waits_for_the_disk_and_then_it_is_over() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, 1 << 30);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    world.do_disk();
    world.feed(lane, 3, 100, 0);
    world.tick(60);
    let now = world.now();
    world.engine.give_up(now);
    world.settle();
    // It was sent, and CloudWatch said that it took nothing: no duplicates.
    world.end(0, Outcome::Throttled { retry_after: None });
    let total = world.snapshot().total;
    assert_eq!((total.dropped(), total.possible_duplicates, world.drained), (0, 0, false));
    for _ in 0..100 {
        world.do_disk();
        world.settle();
    }
    assert!(world.drained, "all of it is on disk");
    assert_eq!((world.snapshot().spooled, world.snapshot().in_memory), (3, 0));
}

#[test]
fn an_attempt_that_was_never_made_is_no_possible_duplicate() {
    let mut world = sent(Settings::default());
    let now = world.now();
    world.engine.give_up(now);
    world.settle();
    let attempt = world.attempts.swap_remove(0);
    drop(attempt.body);
    let outcome = Outcome::Cancelled;
    world.engine.attempt_ended(Report { id: attempt.id, batch: attempt.batch, outcome, took: None, growth: None }, now);
    world.settle();
    let total = world.snapshot().total;
    assert_eq!((total.dropped_for(Dropped::Shutdown), total.possible_duplicates), (1, 0));
}

#[test]
fn a_lane_is_kept_for_a_minute_and_one_that_is_connected_for_good() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let (kept, gone) = (world.lane("kept"), world.lane("gone"));
    world.feed(kept, 1, 10, 0);
    world.feed(gone, 1, 10, 0);
    world.run_until_quiet();
    let now = world.now();
    world.engine.gone(gone, None, 1, now);
    world.tick(59_000);
    assert_eq!(world.snapshot().lanes.len(), 2);
    world.tick(2_000);
    world.tick(1_000);
    assert_eq!(world.snapshot().lanes.len(), 1);
    for _ in 0..3 {
        world.tick(61_000);
    }
    assert_eq!((world.snapshot().lanes.len(), world.engine.next_tick()), (1, None), "and it asks for no ticks");
}
