//! What leaves memory because it is on disk, what comes back, and what is known of what does not.

use super::*;
use crate::engine::budget::{Kind, BLOCK};
use crate::engine::chunk::CHUNK_OVERHEAD;
use crate::engine::lane::disk::Known;
use crate::engine::spool::{Indexed, Piece, ReadBack};

const GIB: u64 = 1 << 30;

/// What a chunk of one record of 60 kB costs.
const OF_60_KB: usize = BLOCK + CHUNK_OVERHEAD;

/// So a lane that is well holds two MiB: 31 records of 60 kB.
fn narrow() -> Settings {
    Settings { in_flight_min: 1, in_flight_max: 1, high_water: 0, reach: 0, ..Settings::default() }
}

/// A lane of so many records of 60 kB of which all but the first are on disk only.
fn behind(records: u32) -> (World, LaneId) {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    feed_all(&mut world, lane, records);
    let away = world.of_disk(lane).away.clone();
    assert!(away.start < 40 && away.end == u64::from(records), "{away:?}");
    (world, lane)
}

fn feed_all(world: &mut World, lane: LaneId, records: u32) {
    world.of(lane).spilling = true;
    assert_eq!(world.feed(lane, records, 60_000, 0), records);
}

#[test]
fn memory_is_let_go_from_the_end_down_to_what_is_to_stay() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 31, 60_000, 0), 31);
    let now = world.now();
    world.of(lane).disk.as_mut().unwrap().known = Known::Unreadable;
    assert!(!world.of(lane).squeeze(20 * OF_60_KB, now), "nobody knows what is on disk");
    world.of(lane).disk.as_mut().unwrap().known = Known::All;
    assert!(world.of(lane).squeeze(20 * OF_60_KB, now));
    assert_eq!((world.of(lane).held, world.of_disk(lane).away.clone()), (20 * OF_60_KB, 20..31));
    assert!(!world.of(lane).squeeze(20 * OF_60_KB, now));
    world.settle();
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 31);
}

#[test]
fn a_lane_holds_what_it_may_to_the_byte_and_the_rest_is_for_the_disk() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    feed_all(&mut world, lane, 31);
    // Half of what is left each: a record's text, 12 bytes before it, 9 that tests put in, and what stands beside a chunk.
    let left = 2 * MIB - world.of(lane).held;
    assert_eq!(world.feed(lane, 2, left / 2 - CHUNK_OVERHEAD - 12 - 9, 0), 2);
    assert_eq!((world.of(lane).held, world.of_disk(lane).tail_held), (2 * MIB, 0));
    world.feed(lane, 1, 10, 0);
    assert_eq!(world.of_disk(lane).tail().count(), 1);
}

#[test]
fn what_waits_for_a_disk_that_has_had_its_time_is_dropped_as_well() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    feed_all(&mut world, lane, 41);
    let now = world.now();
    world.engine.give_up(now);
    world.engine.abandon(now);
    world.settle();
    let snapshot = world.snapshot();
    assert_eq!(
        (snapshot.total.dropped_for(Dropped::Shutdown), snapshot.in_memory),
        (41 - 17, 17),
        "but for an attempt"
    );
}

#[test]
fn what_waits_behind_a_disk_that_hangs_moves_up_as_there_is_room() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    feed_all(&mut world, lane, 41);
    let places = |world: &World| {
        let lane = world.engine.lanes.get(lane).unwrap();
        (lane.queue.len(), lane.disk.as_ref().unwrap().tail().count())
    };
    assert_eq!(places(&world), (31, 10));
    world.accept();
    assert_eq!(places(&world), (24, 0));
}

#[test]
fn what_was_dropped_on_its_way_to_disk_is_not_counted_there() {
    let (mut world, lane) = behind(51);
    world.lose(lane, 50);
    feed_all(&mut world, lane, 5);
    assert_eq!((world.snapshot().spooled, world.of_disk(lane).away.end), (56, 106));
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.dropped()), (56 + total.generated, 50));
}

#[test]
fn what_was_dropped_behind_records_of_an_earlier_process_is_none_of_them() {
    let (mut world, _) = behind(100);
    world.crash();
    assert_eq!((world.snapshot().total.recovered, world.of_disk(0).away.is_empty()), (100, false));
    world.lose(0, 50);
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.recovered, total.delivered, total.dropped()), (100, 100 + total.generated, 50));
}

#[test]
fn where_the_word_that_something_had_ended_is_damaged_only_what_had_not_is_lost() {
    for more in [0, 5] {
        let (mut world, lane) = behind(51);
        world.lose(lane, 50);
        feed_all(&mut world, lane, 10);
        world.disk().damage_tombstones();
        (0..more).for_each(|_| world.disk().damage(51));
        world.run_until_quiet();
        let total = world.snapshot().total;
        assert_eq!(total.dropped_for(Dropped::Overflow), 50);
        assert_eq!((total.dropped_for(Dropped::Corrupt), total.delivered), (more, 61 - more + total.generated));
    }
}

#[test]
fn of_what_is_damaged_only_what_had_not_ended_before_a_kill_is_lost() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 40, 1_000, 0), 40);
    world.disk().end_before(12..15);
    (0..10).for_each(|_| world.disk().damage(10));
    world.crash();
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.dropped_for(Dropped::Corrupt), total.delivered), (7, 30 + total.generated));
}

/// Nobody can say any more which of its records that was, but that all have ended.
#[test]
fn a_client_that_comes_back_hears_that_what_cannot_be_read_has_ended() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    world.disk().damage(0);
    world.crash();
    assert_eq!(world.snapshot().total.dropped_for(Dropped::Corrupt), 10);
    let welcome = world.hello(0, client(1), 11, 8);
    assert_eq!((welcome.resume, welcome.ack.ended_to), (10, 10));
}

/// Two MiB may have been in flight when the process was killed: 35 records of 60 kB, whatever had ended before them.
#[test]
fn what_had_ended_before_a_kill_is_no_possible_duplicate_and_hides_none() {
    let (mut world, _) = behind(100);
    world.disk().end_before(0..40);
    world.crash();
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.possible_duplicates), (60, 35));
}

#[test]
fn more_records_in_a_row_than_a_chunk_can_count_are_known_to_have_ended() {
    const MANY: u64 = 5_000_000_000;
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let now = world.now();
    assert!(world.engine.found(&Destination::parse("group", "s").unwrap(), now));
    world.settle();
    let (lane, _) = world.disk().indexes.pop_front().unwrap();
    world.engine.indexed(Indexed { lane, next: MANY + 1, ..Indexed::default() }, now);
    world.settle();
    let (_, read) = world.disk().reads.pop_front().unwrap();
    assert_eq!((read.from, read.to, world.snapshot().spooled), (0, MANY + 1, MANY + 1));
    let pieces = vec![Piece::Ended(0..MANY)];
    world.engine.read_back(ReadBack { lane, pieces, next: MANY, needs: None, failure: None }, now);
    drop(read);
    world.settle();
    let snapshot = world.snapshot();
    assert_eq!((world.of(lane).ended(), snapshot.total.recovered, snapshot.spooled), (MANY, 1, 1), "all but the last");
}

#[test]
fn a_read_that_failed_is_tried_again_later_and_later() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 5, 1_000, 0), 5);
    (world.disk().by_hand, world.disk().failing_reads) = (true, true);
    world.crash();
    world.do_disk();
    world.settle();
    for wait in [100, 200, 400] {
        assert_eq!(world.disk().reads.len(), 1);
        world.do_disk_of(Kind::Recalled);
        world.settle();
        world.tick(wait - 1);
        assert!(world.disk().reads.is_empty(), "before {wait} ms");
        world.tick(1);
    }
    (world.disk().by_hand, world.disk().failing_reads) = (false, false);
    world.settle();
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 5);
}

/// Where memory is short one chunk comes back at a time.
#[test]
fn what_has_come_back_waits_a_second_for_more_and_no_longer() {
    let mut world = World::with_disk(narrow(), 16 * MIB, GIB);
    let lane = world.lane("s");
    feed_all(&mut world, lane, 5);
    world.disk().by_hand = true;
    world.crash();
    let free = fair::free_for_chunks(&world.budget, world.engine.recall_share());
    let _others = world.budget.claim(Kind::Chunk, free).unwrap();
    for _ in ["the look", "the first read"] {
        world.do_disk();
        world.settle();
    }
    assert_eq!((world.of(0).queue.len(), world.disk().reads.len()), (1, 1));
    world.tick(999);
    assert!(world.attempts.is_empty());
    world.tick(1);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn a_lane_is_not_empty_before_its_files_are_looked_at_and_read() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.tick(5_000);
    assert_eq!(world.feed(lane, 5, 1_000, 0), 5);
    world.disk().by_hand = true;
    world.crash();
    let now = world.now();
    let drained = |world: &mut World| {
        world.engine.drain(SHUTDOWN, now);
        world.settle();
        world.drained
    };
    assert_eq!((world.snapshot().lanes[0].state, drained(&mut world)), ("recovering", false));
    world.do_disk();
    world.settle();
    world.tick(70);
    assert_eq!(world.snapshot().lanes[0].oldest, Some(Duration::from_millis(70)), "as old as we have known of it");
    assert_eq!((world.snapshot().lanes[0].state, drained(&mut world)), ("delivering", false));
    world.disk().by_hand = false;
    world.settle();
    world.run_until_quiet();
    assert!(world.drained);
}
