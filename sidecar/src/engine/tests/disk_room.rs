//! Room on disk: how it is shared, who waits for it, and what makes way where the policy is to drop what is oldest.

use super::*;
use crate::engine::lane::disk::Disk;
use crate::engine::spool::Want;

/// Bytes of text that make a chunk of one record a thousand bytes, and 1,096 as an entry on disk.
const TEXT: usize = 1_000 - 12 - 9;

fn of(world: &mut World, lane: LaneId) -> &mut Disk {
    world.engine.lanes.get_mut(lane).unwrap().disk.as_deref_mut().unwrap()
}

/// A disk of so many bytes, which is played by hand.
fn by_hand(settings: Settings, max: u64) -> World {
    let mut world = World::with_disk(settings, 8 * MIB, max);
    world.disk().by_hand = true;
    world
}

/// Does all that is asked of the disk now and because of that.
fn do_all(world: &mut World) {
    while world.do_disk() {
        world.perform();
    }
}

#[test]
fn a_lane_takes_at_most_twice_what_it_leaves_free() {
    let mut world = by_hand(Settings::default(), 9_000);
    let lane = world.lane("a");
    for _ in 0..12 {
        world.feed(lane, 1, TEXT, 0);
        do_all(&mut world);
    }
    assert_eq!(world.snapshot().spool_bytes, 6_000, "two thirds");
    let other = world.lane("b");
    for _ in 0..12 {
        world.feed(other, 1, TEXT, 0);
        do_all(&mut world);
    }
    assert_eq!(world.snapshot().spool_bytes, 8_000, "of the rest what it needs, to the end");
}

#[test]
fn what_is_being_written_counts_as_taken() {
    let mut world = by_hand(Settings::default(), 10_000);
    let [a, b] = ["a", "b"].map(|name| world.lane(name));
    world.feed(a, 1, 6 * TEXT, 0);
    world.feed(b, 1, 4 * TEXT, 0);
    assert_eq!(world.disk().orders.len(), 1, "there are less than 4,000 bytes left");
    assert!(of(&mut world, b).full && !of(&mut world, a).full);
}

#[test]
fn a_lane_without_room_on_disk_looks_again_when_another_gives_some_back() {
    let mut world = by_hand(Settings::default(), 10_000);
    let [a, b, c] = ["a", "b", "c"].map(|name| world.lane(name));
    world.feed(a, 1, 6 * TEXT, 0);
    do_all(&mut world);
    world.feed(b, 1, 5 * TEXT, 0);
    world.feed(c, 1, 2 * TEXT, 0);
    assert!(of(&mut world, b).short);
    world.tick(60);
    let place = world.attempts.iter().position(|attempt| attempt.destination.stream().as_str() == "a").unwrap();
    world.end(place, Outcome::Accepted { rejected: Vec::new() });
    do_all(&mut world);
    let texts = world.disk().texts();
    assert!(texts.iter().any(|text| text.starts_with("b ")), "nothing else happened to b");
    assert!(!of(&mut world, b).short);
}

/// A lane with a full disk behind two mebibytes of memory; the last order has left no room. One attempt is in flight.
fn full(overflow: Overflow) -> (World, LaneId) {
    let settings = Settings { overflow, high_water: 0, in_flight_min: 1, in_flight_max: 1, ..Settings::default() };
    let mut world = by_hand(settings, 4 * MIB as u64);
    let lane = world.lane("s");
    world.engine.lanes.get_mut(lane).unwrap().spilling = true;
    while !of(&mut world, lane).full {
        assert_eq!(world.feed(lane, 1, 60_000, 0), 1);
        if !of(&mut world, lane).full {
            do_all(&mut world);
        }
    }
    assert!(!of(&mut world, lane).away.is_empty());
    (world, lane)
}

/// What is asked of the disk when the lane looks at it at this moment.
fn asks(world: &mut World, lane: LaneId) -> Option<Want> {
    let now = world.now();
    world.engine.use_disk(lane, now);
    let wanted = |command: Command| if let Command::Read { read, .. } = command { Some(read.want) } else { None };
    world.engine.take_commands().into_iter().find_map(wanted)
}

#[test]
fn with_the_disk_full_what_is_oldest_there_makes_way_if_that_is_the_policy() {
    let (mut world, _) = full(Overflow::Block);
    assert!(world.disk().reads.is_empty());
    let (mut world, lane) = full(Overflow::DropOldest);
    let (start, stored) = (of(&mut world, lane).away.start, world.snapshot().spooled);
    let (_, read) = &world.disk().reads[0];
    assert_eq!((read.want, read.from), (Want::Runs, start));
    world.disk().by_hand = false;
    world.settle();
    let snapshot = world.snapshot();
    assert!(snapshot.total.dropped_for(Dropped::Overflow) > 0 && snapshot.spooled < stored);
    let now = world.now();
    assert!(matches!(world.engine.claim(lane, 60_000, now), Claim::Granted(_)), "nobody waits for that");
}

/// What a test does to a disk at this moment.
type Change = fn(&mut Disk, Duration);

#[test]
fn nothing_makes_way_before_the_disk_has_settled() {
    let cases: [(&str, Change, bool); 6] = [
        ("settled", |_, _| {}, true),
        ("an order is under way", |disk, _| disk.ordering = true, false),
        // What was dropped before has not left the disk; nothing is written at this moment, because it has refused.
        ("what has ended is there still", |disk, now| (disk.dirty, disk.not_before) = (true, now + SHUTDOWN), false),
        ("it refused an order", |disk, now| disk.not_before = now + SHUTDOWN, true),
        ("it refused a read a moment ago", |disk, now| disk.read_not_before = now + SHUTDOWN, false),
        ("it refused a read before", |disk, now| disk.read_not_before = now, true),
    ];
    for (what, change, makes_way) in cases {
        let (mut world, lane) = full(Overflow::DropOldest);
        let now = world.now().at;
        let disk = of(&mut world, lane);
        disk.reading = None;
        change(disk, now);
        assert_eq!(asks(&mut world, lane), makes_way.then_some(Want::Runs), "{what}");
    }
    let (mut world, lane) = full(Overflow::DropOldest);
    assert_eq!(world.disk().reads.len(), 1);
    assert_eq!(asks(&mut world, lane), None, "it is being read");
    let disk = of(&mut world, lane);
    (disk.reading, disk.away) = (None, disk.away.end..disk.away.end);
    assert_eq!(asks(&mut world, lane), None, "nothing is there that could go");
}
