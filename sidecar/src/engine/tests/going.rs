//! Lanes that go: what keeps them, what becomes of their files, and that they take nobody else along.

use super::*;
use crate::engine::budget::Kind;
use crate::engine::lane::disk::Known;

const GIB: u64 = 1 << 30;

fn narrow() -> Settings {
    Settings { in_flight_min: 1, high_water: 0, lanes: 2, ..Settings::default() }
}

/// An idle lane makes way for another one.
fn one_goes(world: &mut World) {
    let now = world.now();
    let idle = world.engine.lanes.find(&Destination::parse("group", "idle").unwrap()).unwrap();
    world.engine.gone(idle, None, 1, now);
    world.settle();
    world.lane("new");
    assert!(world.engine.lanes.find(&Destination::parse("group", "idle").unwrap()).is_none());
    // Who waits is looked for in the lists of those who do.
    world.settle();
}

#[test]
fn who_waits_for_room_is_woken_though_another_lane_goes() {
    let mut world = World::new(narrow(), 64 * MIB);
    let lane = world.lane("s");
    world.lane("idle");
    world.feed(lane, 100, 60_000, 0);
    assert_eq!(world.engine.waiting, [lane]);
    one_goes(&mut world);
    world.run_until_quiet();
    assert!(world.resumed.contains(&lane));
}

#[test]
fn who_waits_for_memory_to_read_back_is_fed_though_another_lane_goes() {
    let mut world = World::with_disk(narrow(), 8 * MIB, GIB);
    let lane = world.lane("s");
    world.of(lane).spilling = true;
    let fed = world.feed(lane, 100, 60_000, 0);
    world.disk().by_hand = true;
    world.crash();
    world.lane("idle");
    let free = fair::free_for_chunks(&world.budget, world.engine.recall_share());
    let others = world.budget.claim(Kind::Chunk, free).unwrap();
    world.disk().by_hand = false;
    world.settle();
    assert_eq!(world.engine.hungry, [0]);
    one_goes(&mut world);
    drop(others);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, u64::from(fed));
}

#[test]
fn who_waits_for_room_on_disk_is_served_though_another_lane_goes() {
    let mut world = World::with_disk(narrow(), 64 * MIB, 10_000);
    let lane = world.lane("s");
    world.lane("idle");
    assert_eq!(world.feed(lane, 30, 1_000, 0), 30);
    assert_eq!(world.engine.short, [lane]);
    one_goes(&mut world);
    world.run_until_quiet();
    assert!(world.engine.short.is_empty());
}

#[test]
fn a_lane_whose_files_are_being_written_does_not_go() {
    let mut world = World::with_disk(Settings { lanes: 1, ..narrow() }, 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    let another = Destination::parse("group", "another").unwrap();
    assert_eq!((world.engine.open_lane(&another, now), world.snapshot().lanes[0].state), (None, "idle"));
    world.disk().by_hand = false;
    world.settle();
    assert!(world.engine.open_lane(&another, now).is_some());
}

#[test]
fn the_last_lane_that_goes_leaves_none() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    assert!(!world.engine.lanes.is_empty());
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    world.tick(61_000);
    assert!(world.engine.lanes.is_empty());
}

#[test]
fn a_lane_that_went_with_its_files_is_not_looked_for_again() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.run_until_quiet();
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    while !world.engine.lanes.is_empty() {
        world.tick(10_000);
        assert!(world.at_ms < 200_000, "it stays");
    }
    assert!(world.disk().is_bare() && world.engine.left.is_empty());
}

/// Files that nobody could look at may hold records, and where there are none there is nothing to do.
#[test]
fn only_files_that_are_known_are_deleted_or_told_of_the_end() {
    let table = [(true, Known::All, 1), (false, Known::All, 0), (true, Known::Unreadable, 0), (true, Known::NotYet, 0)];
    for (used, known, orders) in table {
        let with_files = || {
            let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
            world.disk().by_hand = true;
            let lane = world.lane("s");
            let disk = world.of(lane).disk.as_mut().unwrap();
            (disk.used, disk.known) = (used, known);
            (world, lane)
        };
        let (mut world, lane) = with_files();
        assert_eq!(world.engine.close_files(lane), orders > 0, "used: {used}, known: {known:?}");
        world.perform();
        assert_eq!(world.disk().orders.iter().filter(|order| order.close).count(), orders);
        let (mut world, _) = with_files();
        world.engine.last_orders();
        world.perform();
        assert_eq!(world.disk().orders.len(), orders, "used: {used}, known: {known:?}");
    }
}

/// To look at them again would stop a lane that has gone on in memory, and one that is to end.
#[test]
fn files_that_could_not_be_looked_at_are_looked_at_again_only_in_a_lane_that_is_empty_and_serves() {
    for (records, ends, looks) in [(0, false, 1), (1, false, 0), (0, true, 0)] {
        let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
        world.disk().by_hand = true;
        let lane = world.lane("s");
        world.of(lane).disk.as_mut().unwrap().known = Known::Unreadable;
        world.feed(lane, records, 10, 0);
        let now = world.now();
        if ends {
            world.engine.drain(SHUTDOWN, now);
        }
        world.engine.retry_disk(lane, now);
        world.settle();
        assert_eq!(world.disk().indexes.len(), looks, "{records} records, at the end: {ends}");
    }
}

/// Clean says that nothing was in flight and that the cursor is going to be written.
#[test]
fn the_last_cursor_is_clean_where_nothing_is_open() {
    for (in_flight, ordering, failures, clean) in [
        (0, false, 0, true),
        (0, true, 0, true),
        (0, false, 1, true),
        (0, true, 1, false),
        (0, true, 2, false),
        (1, false, 0, false),
    ] {
        let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
        let lane = world.lane("s");
        world.feed(lane, 1, 10, 0);
        world.disk().by_hand = true;
        world.of(lane).in_flight = in_flight;
        let disk = world.of(lane).disk.as_mut().unwrap();
        (disk.ordering, disk.failures) = (ordering, failures);
        world.engine.last_orders();
        let last = world.engine.take_commands().into_iter().find_map(|command| match command {
            Command::Order(order) => order.cursor,
            _ => None,
        });
        let is_clean = last.map(|cursor| cursor.clean);
        assert_eq!(is_clean, Some(clean), "in flight: {in_flight}, an order out: {ordering}, failed: {failures}");
    }
}

#[test]
fn files_that_are_known_are_not_looked_at_again() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.run_until_quiet();
    world.disk().by_hand = true;
    world.tick(61_000);
    assert!(world.disk().indexes.is_empty());
    assert_eq!(world.snapshot().lanes[0].state, "idle");
}

#[test]
fn what_ended_while_an_order_was_under_way_is_in_the_cursor_of_the_next() {
    let mut world = World::with_disk(narrow(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    assert!(world.disk().orders.len() == 1 && world.do_disk());
    world.settle();
    let cursor = world.disk().orders.front().and_then(|order| order.cursor.clone());
    assert_eq!(cursor.map(|cursor| cursor.watermark), Some(1));
}
