//! When a lane brings records back from disk, what for, and who pays.

use super::*;
use crate::engine::budget::Kind;
use crate::engine::lane::disk::Disk;
use crate::engine::lane::Lane;
use crate::engine::spool::{Piece, ReadBack, Want};

const GIB: u64 = 1 << 30;

fn of(world: &mut World, lane: LaneId) -> &mut Lane {
    world.engine.lanes.get_mut(lane).unwrap()
}

fn disk(world: &mut World, lane: LaneId) -> &mut Disk {
    of(world, lane).disk.as_deref_mut().unwrap()
}

fn one_attempt() -> Settings {
    Settings { high_water: 0, in_flight_min: 1, in_flight_max: 1, batch_events: 5, ..Settings::default() }
}

/// A lane with more than a batch in memory, with room for more, and with more on disk than fits there.
fn behind() -> (World, LaneId) {
    let mut world = World::with_disk(one_attempt(), 64 * MIB, GIB);
    let lane = world.lane("s");
    of(&mut world, lane).spilling = true;
    assert_eq!(world.feed(lane, 60, 60_000, 0), 60);
    world.disk().by_hand = true;
    world.accept();
    world.disk().reads.clear();
    world.disk().orders.clear();
    disk(&mut world, lane).reading = None;
    let held = of(&mut world, lane).queue_held();
    assert!(held > MIB && held < 2 * MIB && disk(&mut world, lane).is_behind(), "{held}");
    (world, lane)
}

/// What is asked of the disk when the lane looks at it at this moment.
fn asks(world: &mut World, lane: LaneId) -> Option<Want> {
    let now = world.now();
    world.engine.use_disk(lane, now);
    world.perform();
    world.disk().reads.pop_front().map(|(_, read)| read.want)
}

#[test]
fn a_lane_that_fails_or_was_needed_for_others_brings_back_its_next_batch_and_no_more() {
    // So many failures in a row; so many milliseconds ago memory was short.
    let cases = [
        (0, None, true),
        (1, None, true),
        (2, None, false),
        (3, None, false),
        (0, Some(0), false),
        (0, Some(999), false),
        (0, Some(1_000), true),
        (0, Some(1_500), true),
        (2, Some(999), false),
        (2, Some(1_500), false),
    ];
    for (failures, squeezed, reads) in cases {
        let (mut world, lane) = behind();
        world.at_ms += 10_000;
        let now = world.now().at;
        of(&mut world, lane).failures = failures;
        disk(&mut world, lane).squeezed_at = squeezed.map(|ago| now - Duration::from_millis(ago));
        assert_eq!(asks(&mut world, lane), reads.then_some(Want::Records), "{failures} failures, {squeezed:?}");
    }
}

#[test]
fn what_was_refused_twelve_times_may_be_skipped() {
    for (refused, want) in
        [(0, Want::Records), (11, Want::Records), (12, Want::RecordsOrSkip), (13, Want::RecordsOrSkip)]
    {
        let (mut world, lane) = behind();
        disk(&mut world, lane).read_failures = refused;
        assert_eq!(asks(&mut world, lane), Some(want), "{refused}");
    }
}

#[test]
fn the_drain_empties_the_disk_and_after_it_nothing_comes_back() {
    let (mut world, lane) = behind();
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    assert_eq!(asks(&mut world, lane), Some(Want::Records));
    let (mut world, lane) = behind();
    world.engine.give_up(now);
    world.settle();
    assert_eq!(asks(&mut world, lane), None);
}

/// Lanes of which an earlier process left five records each and which are looked at now, with all memory taken but for so many
/// bytes of what the lanes share, and of the part for records from disk.
fn left_on_disk(lanes: &[&str], shared: usize, reserved: usize) -> (World, [Payment; 2]) {
    let mut world = World::with_disk(one_attempt(), 16 * MIB, GIB);
    for name in lanes {
        let lane = world.lane(name);
        world.feed(lane, 5, 1_000, 0);
    }
    world.disk().by_hand = true;
    world.crash();
    let reserve = fair::recall_reserve(16 * MIB);
    let share = fair::room_for_chunks(16 * MIB);
    let take = |kind, bytes| world.budget.claim(kind, bytes).unwrap();
    let taken = [take(Kind::Recalled, reserve - reserved), take(Kind::Chunk, share - shared)];
    while world.disk().reads.is_empty() && world.do_disk() {
        world.perform();
    }
    (world, taken)
}

#[test]
fn a_read_is_paid_for_by_its_own_part_of_memory_or_by_the_lanes_share() {
    let most = 4 * MIB;
    for (shared, reserved, reads) in [(0, 0, 0), (0, MIB, 1), (most, 0, 1), (most, MIB, 1)] {
        let (mut world, _taken) = left_on_disk(&["s"], shared, reserved);
        assert_eq!(world.disk().reads.len(), reads, "{shared} and {reserved} bytes are free");
        assert_eq!(world.engine.hungry.len(), 1 - reads);
    }
}

#[test]
fn lanes_that_found_no_memory_to_read_are_asked_again_each_once() {
    let (mut world, taken) = left_on_disk(&["a", "b"], 0, 0);
    let now = world.now();
    world.engine.use_disk(1, now);
    world.engine.feed_hungry(now);
    world.perform();
    assert_eq!((world.engine.hungry.len(), world.disk().reads.len()), (2, 0), "still nothing");
    drop(taken);
    world.engine.feed_hungry(now);
    world.perform();
    assert_eq!((world.engine.hungry.len(), world.disk().reads.len()), (0, 2));
    world.disk().by_hand = false;
    world.settle();
    world.run_until_quiet();
    assert_eq!(world.accepted.len(), 10);
}

#[test]
fn what_a_healthy_lane_keeps_in_memory_is_bounded_by_half_of_what_all_may_hold() {
    let kept = |memory: usize, high_water: usize, limit: u32| {
        let settings = Settings { high_water, in_flight_min: limit, ..Settings::default() };
        let mut world = World::with_disk(settings, memory, GIB);
        let lane = world.lane("s");
        world.engine.most_in_queue(world.engine.lanes.get(lane).unwrap())
    };
    assert_eq!(kept(48 * MIB, 8 * MIB, 1), 8 * MIB, "as configured");
    assert_eq!(kept(48 * MIB, 0, 3), 6 * MIB, "two batches for each attempt");
    assert_eq!(kept(48 * MIB, 64 * MIB, 1), 23 * MIB / 2, "half of what is left of it beside the other kinds' parts");
    assert_eq!(kept(MIB, 64 * MIB, 1), MIB, "a batch in any case");
}

#[test]
fn where_memory_is_full_what_is_safe_on_disk_leaves_it_for_what_comes() {
    let (mut world, lane) = behind();
    let free = fair::free_for_chunks(&world.budget, fair::Recall::SetAside);
    let _others = world.budget.claim(Kind::Chunk, free).unwrap();
    let (now, away) = (world.now(), disk(&mut world, lane).away.start);
    assert!(matches!(world.engine.claim(lane, 60_000, now), Claim::Granted(_)));
    assert!(disk(&mut world, lane).away.start < away, "it is on disk alone now");
    assert!(of(&mut world, lane).queue_held() <= MIB);
}

#[test]
fn what_is_said_to_have_ended_on_disk_is_passed_over_and_no_more() {
    let (mut world, _taken) = left_on_disk(&["s"], 4 * MIB, MIB);
    world.disk().reads.clear();
    let pieces = vec![Piece::Ended(0..2), Piece::Ended(2..4)];
    let now = world.now();
    world.engine.read_back(ReadBack { lane: 0, pieces, next: 4, needs: None, failure: None }, now);
    world.perform();
    assert_eq!((of(&mut world, 0).ended(), disk(&mut world, 0).away.clone()), (4, 4..5));
    world.disk().by_hand = false;
    world.settle();
    world.run_until_quiet();
    assert_eq!(world.accepted.len(), 1);
}
