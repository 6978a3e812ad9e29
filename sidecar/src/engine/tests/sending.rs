//! What a lane may have out at a time, what an attempt pays for, and what goes early, late or in halves.

use super::mutants::until_attempt;
use super::*;
use crate::engine::budget::Kind;

/// Bodies are paid for in steps of this size.
const STEP: usize = 64 * 1024;

fn down() -> Outcome {
    Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None }
}

/// A lane whose stream is known to exist.
fn warm(settings: Settings) -> (World, LaneId) {
    let mut world = World::new(settings, 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    (world, lane)
}

fn records_out(world: &World) -> Vec<u32> {
    world.attempts.iter().map(|attempt| attempt.batch.records).collect()
}

/// Takes of what bodies may have all but `left` bytes and what is out.
fn leave_for_bodies(world: &World, left: usize) -> Payment {
    let bytes = world.budget.total() / 3 - world.budget.used_for(Kind::Body) - left;
    world.budget.claim(Kind::Body, bytes).unwrap()
}

#[test]
fn however_short_the_reach_all_that_may_be_in_flight_are_whole_batches() {
    let (mut world, lane) = warm(Settings { reach: 0, ..Settings::default() });
    world.feed(lane, 100, 60_000, 0);
    assert_eq!(records_out(&world), [17; 4]);
}

/// Chunks of 33 kB take whole blocks, so that five MiB of them are two batches and a half.
#[test]
fn half_a_batch_within_reach_waits_for_what_is_in_flight_to_become_a_whole_one() {
    let (mut world, lane) = warm(Settings { reach: 0, ..Settings::default() });
    assert_eq!(world.feed(lane, 120, 33_000, 0), 120);
    assert_eq!(records_out(&world), [31; 2]);
    world.accept();
    assert_eq!(records_out(&world), [31; 2]);
}

#[test]
fn a_hundred_lanes_linger_as_long_as_the_rate_needs_for_a_batch_of_each() {
    let mut world = World::new(Settings { put_rate: 10, ..Settings::default() }, 64 * MIB);
    for number in 0..100 {
        let lane = world.lane(&format!("s{number}"));
        world.feed(lane, 1, 10, 0);
    }
    let linger = |world: &World| world.snapshot().lanes[0].linger;
    world.tick(99);
    assert_eq!(linger(&world), Duration::from_secs(1), "the lanes are counted ten times a second");
    world.tick(1);
    assert_eq!(linger(&world), Duration::from_millis(12_500), "ten seconds, and a quarter for others");
    world.run_until_quiet();
    world.tick(200);
    assert_eq!(linger(&world), Duration::from_secs(1), "none of them has anything");
}

#[test]
fn who_waits_for_a_token_goes_when_it_is_there_whatever_happens_first() {
    for late in [0, 1] {
        let mut world = World::new(Settings { put_rate: 5, ..Settings::default() }, 64 * MIB);
        for name in ["a", "b"] {
            let lane = world.lane(name);
            world.feed(lane, 1, 10, 0);
        }
        world.tick(60);
        assert_eq!((world.attempts.len(), world.engine.next_tick()), (1, Some(Duration::from_millis(260))));
        let third = world.lane("c");
        world.at_ms = 260 + late;
        world.feed(third, 1, 10, 0);
        assert_eq!(world.attempts.len(), 2, "{late} ms after the token has come");
    }
}

#[test]
fn a_token_that_has_come_asks_for_no_more_ticks() {
    let mut world = World::new(Settings { put_rate: 5, ..Settings::default() }, 64 * MIB);
    for name in ["a", "b"] {
        let lane = world.lane(name);
        world.feed(lane, 1, 10, 0);
    }
    world.tick(60);
    world.tick(200);
    assert_eq!(world.attempts.len(), 2);
    world.accept();
    world.accept();
    assert!(world.engine.next_tick().is_none_or(|at| at > world.now().at));
}

#[test]
fn no_more_are_in_flight_than_all_lanes_may_have() {
    let mut world = World::new(Settings { in_flight_total: 2, ..Settings::default() }, 64 * MIB);
    for name in ["a", "b", "c"] {
        let lane = world.lane(name);
        world.feed(lane, 1, 10, 0);
    }
    world.tick(60);
    assert_eq!(world.attempts.len(), 2);
    world.accept();
    assert_eq!(world.attempts.len(), 2, "the third takes the place of the first");
}

#[test]
fn a_batch_waits_until_there_is_memory_for_its_body() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    for name in ["a", "b"] {
        let lane = world.lane(name);
        world.feed(lane, 1, 10, 0);
    }
    let _others = leave_for_bodies(&world, STEP);
    world.tick(60);
    assert_eq!(world.attempts.len(), 1);
    world.accept();
    assert_eq!(world.attempts.len(), 1);
}

/// Two records of 60 kB need three steps, one needs two.
#[test]
fn a_batch_that_fits_its_body_no_more_goes_in_halves_but_one_record_goes_as_it_is() {
    for (records, steps, sent) in [(2, 3, 2), (2, 2, 1), (1, 1, 1)] {
        let mut world = World::new(Settings::default(), 64 * MIB);
        let lane = world.lane("s");
        world.feed(lane, records, 60_000, 0);
        world.tick(60);
        assert_eq!(world.attempts[0].body.bytes(), (1 + records as usize) * STEP);
        world.end(0, down());
        assert!(world.attempts.is_empty());
        let others = leave_for_bodies(&world, steps * STEP);
        until_attempt(&mut world);
        assert_eq!(records_out(&world), [sent], "{records} records, room for {steps} steps");
        drop(others);
        world.run_until_quiet();
        assert_eq!(world.snapshot().total.delivered, u64::from(records));
    }
}

/// Whether a record is sent after the quiet time where a batch of these records, with texts of so many bytes, has just gone.
fn next_goes_soon(settings: Settings, texts: &[usize]) -> bool {
    let mut world = World::new(settings, 64 * MIB);
    let lane = world.lane("s");
    for text in texts {
        world.feed(lane, 1, text - 9, 0);
    }
    world.tick(50);
    assert_eq!(records_out(&world), [texts.len() as u32]);
    world.accept();
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    !world.attempts.is_empty()
}

#[test]
fn after_a_batch_of_less_than_half_the_next_waits_for_the_linger_and_else_it_does_not() {
    // Eight of these cost 512 KiB, half of what a batch may.
    let half = [STEP - 26; 8];
    let mut less = half;
    less[7] -= 1;
    assert!(next_goes_soon(Settings::default(), &half));
    assert!(!next_goes_soon(Settings::default(), &less));
    assert!(!next_goes_soon(Settings::default(), &[10]));
    let of_three = Settings { batch_events: 3, ..Settings::default() };
    assert!(next_goes_soon(of_three, &[10; 3]), "small as it is, it went because it was full");
}

/// 64 KiB hold the envelope, a frame for each record, and the texts with a fifth on top.
#[test]
fn an_attempt_pays_for_its_texts_their_frames_and_what_goes_around_them() {
    for (text, steps) in [(47_747, 1), (47_748, 2)] {
        let mut world = World::new(Settings::default(), 64 * MIB);
        let lane = world.lane("s");
        world.feed(lane, 1, text - 9, 0);
        world.tick(60);
        assert_eq!(world.attempts[0].body.bytes(), steps * STEP, "a text of {text} bytes");
    }
    for (records, steps) in [(900, 1), (1_000, 2)] {
        let mut world = World::new(Settings::default(), 64 * MIB);
        let lane = world.lane("s");
        let channel = world.hello(lane, client(1), 1, 7).channel;
        world.feed_channel(lane, channel, 1, records);
        world.tick(60);
        assert_eq!(world.attempts[0].body.bytes(), steps * STEP, "{records} texts of 8 bytes");
    }
}

#[test]
fn once_the_end_has_come_nothing_is_attempted() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, 1 << 30);
    let lane = world.lane("s");
    world.feed(lane, 3, 10, 0);
    let now = world.now();
    world.engine.give_up(now);
    world.settle();
    world.tick(5_000);
    world.feed(lane, 3, 10, 0);
    assert!(world.attempts.is_empty());
}

#[test]
fn where_nothing_is_in_flight_what_is_within_reach_goes_though_a_whole_batch_is_not() {
    let settings =
        Settings { reach: 0, in_flight_min: 1, in_flight_max: 1, batch_events: 5_000, ..Settings::default() };
    let reach = settings.most_reach();
    let mut world = World::new(settings, 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 5_000, 1, 0);
    assert_eq!(world.attempts.len(), 1);
    let records = world.attempts[0].batch.records as usize;
    // Each is a chunk of its own, and a chunk takes half a kibibyte beside its record.
    assert!((reach / 540..reach / 512).contains(&records), "{records} records within {reach} bytes");
}
