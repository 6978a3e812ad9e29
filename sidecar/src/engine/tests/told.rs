//! What people and clients are told: of failures, losses and flushes, and whether the account adds up.

use super::mutants::until_attempt;
use super::*;
use crate::engine::budget::Kind;
use crate::engine::chunk::{CHUNK_OVERHEAD, RECORD_HEADER};

const GIB: u64 = 1 << 30;

fn fail(what: &str) -> Outcome {
    Outcome::Unavailable { what: what.to_owned(), ambiguous: false, retry_after: None }
}

/// A world with a lane whose first attempt has just failed.
fn failed() -> World {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    until_attempt(&mut world);
    world.end(0, fail("no route"));
    assert_eq!(world.failing.len(), 1);
    world
}

#[test]
fn the_same_words_are_told_again_after_a_minute_to_the_millisecond() {
    for (after_ms, told) in [(59_999, 1), (60_000, 2)] {
        let mut world = failed();
        let from = world.at_ms;
        until_attempt(&mut world);
        world.at_ms = from + after_ms;
        world.end(0, fail("no route"));
        assert_eq!(world.failing.len(), told, "{after_ms} ms later");
    }
}

#[test]
fn how_long_it_has_failed_is_told_from_the_first_failure_after_a_success() {
    for (succeeds, lasted) in [(false, 30), (true, 0)] {
        let mut world = failed();
        let from = world.at_ms;
        until_attempt(&mut world);
        if succeeds {
            world.accept();
            world.feed(0, 1, 10, 0);
            until_attempt(&mut world);
        }
        world.at_ms = from + 30_000;
        world.end(0, fail("no name"));
        let (what, since, _) = &world.failing[1];
        assert_eq!((&**what, since.as_secs()), ("no name", lasted));
    }
}

#[test]
fn a_marker_needs_memory_for_its_own_bytes_and_is_told_as_soon_as_there_is_some() {
    for (short, at_once) in [(0, 1), (1, 0)] {
        let mut world = World::new(Settings::default(), 64 * MIB);
        let lane = world.lane("s");
        let now = world.now();
        world.engine.append_ended(lane, Run::of_text(1), Dropped::Overflow, now);
        world.settle();
        let text = world.engine.lanes.get(lane).unwrap().loss.as_ref().unwrap().text();
        let needs = text.len() + RECORD_HEADER + CHUNK_OVERHEAD;
        let taken = world.budget.claim(Kind::Partial, world.budget.total() - needs + short).unwrap();
        world.tick(1_000);
        assert_eq!(world.snapshot().total.generated, at_once, "{short} bytes short");
        drop(taken);
        world.tick(1_000);
        assert_eq!(world.snapshot().total.generated, 1);
    }
}

#[test]
fn a_lane_that_nobody_has_looked_at_gets_no_marker_at_the_end() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.disk().by_hand = true;
    world.feed(lane, 5, 10, 0);
    assert!(world.do_disk());
    world.crash();
    let now = world.now();
    // It would be numbered like a record that is on disk.
    world.engine.append_ended(0, Run::of_text(1), Dropped::Empty, now);
    world.engine.give_up(now);
    world.settle();
    assert_eq!(world.snapshot().total.generated, 0);
}

#[test]
fn a_flush_to_disk_is_answered_when_it_is_written_and_one_to_the_end_when_it_has_ended() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    for (ticket, level) in [(1, Level::Durable), (2, Level::Ended)] {
        let now = world.now();
        let asker = Asker::Client { connection: 7, channel, ticket };
        world.engine.flush(lane, asker, level, Duration::from_secs(60), now);
    }
    world.settle();
    assert_eq!(world.flushed, []);
    assert!(world.do_disk());
    world.settle();
    let spooled = Flushed { reached: true, spooled: 10, ..Flushed::default() };
    assert_eq!(world.flushed, [(1, spooled)]);
    until_attempt(&mut world);
    world.accept();
    assert_eq!(world.flushed[1..], [(2, Flushed { reached: true, delivered: 10, ..Flushed::default() })]);
}

#[test]
fn a_flush_of_a_channel_that_is_not_known_any_more_says_whether_it_was_reached() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    for reached in [true, false] {
        let (now, asker) = (world.now(), Asker::Client { connection: 7, channel: 99, ticket: 1 });
        world.engine.answer_now(lane, asker, reached, now);
        world.settle();
        assert_eq!(world.flushed.pop(), Some((1, Flushed { reached, ..Flushed::default() })));
    }
}

#[test]
fn an_account_that_is_off_by_one_in_a_lane_or_in_all_does_not_add_up() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    for name in ["a", "b"] {
        let lane = world.lane(name);
        world.feed(lane, 3, 10, 0);
    }
    assert!(world.snapshot().adds_up());
    let spoilt: [fn(&mut Snapshot); 6] = [
        |snapshot| snapshot.in_memory += 1,
        |snapshot| snapshot.spooled += 1,
        |snapshot| snapshot.total.received += 1,
        |snapshot| snapshot.lanes[0].in_memory += 1,
        |snapshot| snapshot.lanes[1].spooled += 1,
        |snapshot| snapshot.lanes[1].account.delivered += 1,
    ];
    for (index, spoil) in spoilt.into_iter().enumerate() {
        let mut snapshot = world.snapshot();
        spoil(&mut snapshot);
        assert!(!snapshot.adds_up(), "{index}");
    }
}
