//! Who waits for room, at which byte, who is woken, and what may be dropped or let go to make room.

use super::*;
use crate::engine::budget::{Kind, BLOCK};
use crate::engine::chunk::{CHUNK_OVERHEAD, RECORD_HEADER};
use crate::engine::lane::disk::Reading;
use crate::engine::spool::Want;

const GIB: u64 = 1 << 30;

/// What the smallest open chunk costs: 4 KiB of records, and what stands beside them.
const SMALLEST: usize = 4 * 1024 + CHUNK_OVERHEAD;

/// What a chunk of one record of 60 kB costs.
const OF_60_KB: usize = BLOCK + CHUNK_OVERHEAD;

fn narrow() -> Settings {
    Settings { in_flight_min: 1, high_water: 0, ..Settings::default() }
}

/// A lane with 40 records of 60 kB that holds all but `room` bytes of what it may hold while it is well.
fn with_room(room: usize) -> (World, LaneId) {
    let mut world = World::new(Settings { high_water: 8 * MIB, ..narrow() }, 64 * MIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 40, 60_000, 0), 40);
    set_room(&mut world, lane, room);
    (world, lane)
}

fn set_room(world: &mut World, lane: LaneId, room: usize) {
    world.engine.settings.high_water = world.of(lane).held + room;
}

/// Feeds a narrow lane up to its mark, two batches of 1 MiB, so that not even the smallest chunk has room.
fn feed_to_mark(world: &mut World, lane: LaneId) {
    let fed = [60_000, 16_000, 4_000].map(|size| world.feed(lane, 100, size, 0));
    assert_eq!(fed, [31, 2, 3]);
}

fn has_room(world: &mut World, lane: LaneId) -> bool {
    let now = world.now();
    world.engine.has_room(lane, now)
}

/// Takes all the memory that lanes could have.
fn fill_memory(world: &World) -> Payment {
    let free = fair::free_for_chunks(&world.budget, world.engine.recall_share());
    world.budget.claim(Kind::Chunk, free).unwrap()
}

#[test]
fn a_connection_waits_until_there_is_room_for_the_smallest_chunk() {
    let (mut world, lane) = with_room(SMALLEST);
    let other = world.lane("other");
    assert!(has_room(&mut world, lane));
    set_room(&mut world, lane, SMALLEST - 1);
    assert!(!has_room(&mut world, lane));
    world.lose(other, 1);
    assert!(world.resumed.is_empty(), "there is a byte too little");
    set_room(&mut world, lane, SMALLEST);
    world.lose(other, 1);
    assert_eq!(world.resumed, [lane]);
}

#[test]
fn an_open_chunk_is_paid_for_with_all_that_it_takes() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let now = world.now();
    for (length, paid) in [(1, BLOCK), (BLOCK - RECORD_HEADER, BLOCK), (100_000, 100_000 + RECORD_HEADER)] {
        let claim = world.engine.claim(lane, length, now);
        assert!(matches!(claim, Claim::Granted(_)));
        assert_eq!(world.budget.used(), paid + CHUNK_OVERHEAD, "for a record of {length} bytes");
    }
}

#[test]
fn lines_that_are_not_whole_have_an_eighth_of_the_memory() {
    let world = World::new(Settings::default(), 64 * MIB);
    assert_eq!(world.engine.for_partial(), 8 * MIB);
    let all = world.engine.claim_partial(8 * MIB).unwrap();
    assert_eq!((all.bytes(), world.budget.used_for(Kind::Partial)), (8 * MIB, 8 * MIB));
    assert!(world.engine.claim_partial(1).is_none());
}

#[test]
fn a_lane_that_fails_again_and_again_may_fill_its_share() {
    for (failures, may) in [(0, false), (1, false), (2, true), (3, true)] {
        let (mut world, lane) = with_room(0);
        world.of(lane).failures = failures;
        assert_eq!(has_room(&mut world, lane), may, "after {failures} failures");
    }
}

#[test]
fn a_lane_that_holds_less_than_half_of_its_mark_stops_there_again() {
    let settings = Settings { high_water: 32 * OF_60_KB, in_flight_max: 1, batch_events: 1, ..narrow() };
    let mut world = World::new(settings, 64 * MIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 40, 60_000, 0), 32);
    assert!(!world.of(lane).spilling);
    world.tick(100);
    assert!(world.of(lane).spilling, "its connection has waited for long");
    for left in (0..32).rev() {
        world.accept();
        assert_eq!((world.of(lane).held, world.of(lane).spilling), (left * OF_60_KB, left >= 16));
    }
}

#[test]
fn a_lane_that_fails_fills_its_share_however_little_it_holds() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    for failures in [1, 0] {
        (world.of(lane).failures, world.of(lane).spilling) = (failures, true);
        world.lose(lane, 1);
        assert_eq!(world.of(lane).spilling, failures > 0);
    }
}

#[test]
fn at_its_mark_a_lane_waits_and_drops_nothing_whatever_its_policy() {
    for overflow in [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest] {
        let mut world = World::new(Settings { overflow, ..narrow() }, 64 * MIB);
        let lane = world.lane("s");
        feed_to_mark(&mut world, lane);
        assert!(!has_room(&mut world, lane), "{overflow:?}");
        assert_eq!(world.snapshot().total.dropped(), 0, "{overflow:?}");
    }
}

/// What is in an attempt cannot be dropped, so that a lane of which all is waits even if it drops what is oldest.
#[test]
fn where_nothing_can_be_dropped_its_connection_waits() {
    for (fresh, failed, can) in [(0, false, false), (1, false, true), (0, true, true)] {
        let mut world = World::new(Settings { overflow: Overflow::DropOldest, ..narrow() }, 16 * MIB);
        let lane = world.lane("s");
        world.feed(lane, 3, 60_000, 0);
        world.tick(60);
        assert_eq!(world.attempts[0].batch.records, 3);
        world.feed(lane, fresh, 60_000, 0);
        if failed {
            world.end(0, Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None });
        }
        world.of(lane).spilling = true;
        let _memory = fill_memory(&world);
        assert_eq!(has_room(&mut world, lane), can, "{fresh} untouched, failed: {failed}");
        let now = world.now();
        assert!(can || matches!(world.engine.claim(lane, 10, now), Claim::Wait));
    }
}

#[test]
fn while_the_oldest_are_dropped_on_disk_their_room_is_waited_for() {
    for (want, may) in [(None, true), (Some(Want::Records), true), (Some(Want::Runs), false)] {
        let settings = Settings { overflow: Overflow::DropOldest, ..narrow() };
        let mut world = World::with_disk(settings, 16 * MIB, GIB);
        world.disk().by_hand = true;
        let lane = world.lane("s");
        world.feed(lane, 31, 60_000, 0);
        let lane_itself = world.of(lane);
        lane_itself.spilling = true;
        let reading = want.map(|want| Reading { want, from: 0, since: Duration::ZERO });
        lane_itself.disk.as_mut().unwrap().reading = reading;
        let _memory = fill_memory(&world);
        assert_eq!(has_room(&mut world, lane), may, "{want:?}");
        let now = world.now();
        assert_eq!(matches!(world.engine.claim(lane, 10, now), Claim::Granted(_)), may, "{want:?}");
    }
}

#[test]
fn what_is_safe_on_disk_leaves_a_memory_that_is_full_and_no_other() {
    let mut world = World::with_disk(narrow(), 16 * MIB, GIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 31, 60_000, 0), 31);
    world.of(lane).spilling = true;
    assert!(has_room(&mut world, lane));
    assert_eq!(world.of(lane).held, 31 * OF_60_KB, "there is room enough");
    world.of(lane).spilling = false;
    let _memory = fill_memory(&world);
    assert!(!has_room(&mut world, lane));
    assert_eq!(world.of(lane).held, 31 * OF_60_KB, "at its mark it has memory enough");
    world.of(lane).spilling = true;
    assert!(has_room(&mut world, lane));
    assert_eq!(world.of(lane).held, 17 * OF_60_KB, "all but what is in an attempt");
}

/// With a spool, what a lane has in memory counts against its mark as long as nothing of it is on disk only.
#[test]
fn behind_the_disk_only_what_is_to_be_written_counts() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    feed_to_mark(&mut world, lane);
    assert!(!has_room(&mut world, lane));
    world.tick(100);
    assert!(world.resumed.contains(&lane));
    assert_eq!(world.feed(lane, 20, 60_000, 0), 20);
    let disk = world.of(lane).disk.as_ref().unwrap();
    assert!(!disk.away.is_empty());
    assert_eq!((disk.away.end, disk.tail_held), (56, 0));
    world.of(lane).spilling = false;
    assert!(has_room(&mut world, lane), "nothing waits to be written");
}

#[test]
fn what_comes_while_all_is_to_go_goes_as_well() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    assert_eq!(world.feed(lane, 1, 10, 0), 1);
    world.accept();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.dropped()), (1, 0));
}
