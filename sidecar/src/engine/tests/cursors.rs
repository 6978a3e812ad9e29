//! What a cursor names where there is more than it can hold, and how much an order takes.

use super::*;
use crate::engine::account::End;
use crate::engine::spool::CURSOR_RANGES;

const GIB: u64 = 1 << 30;

/// A lane on disk with so many chunks of a thousand records of one client.
fn thousands(chunks: u64) -> (World, LaneId) {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    for chunk in 0..chunks {
        world.feed_channel(lane, channel, chunk * 1_000 + 1, 1_000);
    }
    (world, lane)
}

/// Records are delivered: so many of each `step` of the chunk that begins at `first`, from its record `from` on.
fn deliver(world: &mut World, lane: LaneId, first: u64, from: u32, count: u32, step: usize) {
    for record in (from..1_000 - count).step_by(step) {
        world.of(lane).end(first, record..record + count, End::Delivered);
    }
}

fn named(world: &mut World, lane: LaneId) -> Vec<std::ops::Range<u64>> {
    let ended = world.of(lane).cursor().ended;
    assert_eq!(ended.len(), CURSOR_RANGES);
    ended
}

#[test]
fn a_cursor_that_is_full_names_the_longest_ranges() {
    let (mut world, lane) = thousands(2);
    world.of(lane).end(0, 2..5, End::Delivered);
    deliver(&mut world, lane, 0, 6, 1, 2);
    deliver(&mut world, lane, 1_000, 1, 1, 20);
    world.of(lane).end(1_000, 995..998, End::Delivered);
    let ended = named(&mut world, lane);
    assert!(ended.contains(&(2..5)) && ended.contains(&(1_995..1_998)), "{ended:?}");
}

#[test]
fn a_cursor_that_is_full_names_what_an_earlier_process_had_named() {
    let (mut world, lane) = thousands(3);
    world.disk().end_before(1_500..1_501);
    world.crash();
    for first in [0, 2_000] {
        deliver(&mut world, lane, first, 1, 2, 3);
    }
    assert!(named(&mut world, lane).contains(&(1_500..1_501)));
}

/// Of a tombstone nobody can say any more whose its records were; of a chunk that has ended and is in memory one can.
#[test]
fn a_cursor_that_is_full_names_tombstones() {
    let (mut world, lane) = thousands(3);
    let (mut tombstones, mut chunks, mut both) = (Vec::new(), Vec::new(), Vec::new());
    // Each between two records that have not ended.
    for first in (3_001..3_041).step_by(8) {
        world.feed(lane, 1, 10, 0);
        world.lose(lane, 1);
        world.feed(lane, 4, 10, 0);
        world.lose(lane, 1);
        world.feed(lane, 1, 10, 0);
        tombstones.push(first..first + 1);
        chunks.push(first + 2..first + 3);
        both.push(first + 4..first + 6);
    }
    for chunk in chunks.iter().chain(&both) {
        world.of(lane).end(chunk.start, 0..1, End::Delivered);
    }
    for first in [0, 1_000, 2_000] {
        deliver(&mut world, lane, first, 1, 3, 4);
    }
    let ended = named(&mut world, lane);
    assert!(tombstones.iter().chain(&both).all(|range| ended.contains(range)), "{ended:?}");
    assert!(!chunks.iter().any(|range| ended.contains(range)), "longer ones are named instead");
}

/// Records take their bytes on disk, 64 for their entry and 32 for each run of it.
#[test]
fn what_is_written_fits_what_there_is_room_for_to_the_byte() {
    for (clients, bytes) in [(1, 3 * 20 + 64 + 32), (3, 3 * 20 + 64 + 3 * 32)] {
        for (room, written) in [(bytes, 1), (bytes - 1, 0)] {
            let mut world = World::with_disk(Settings::default(), 64 * MIB, room);
            world.disk().by_hand = true;
            let lane = world.lane("s");
            let channels: Vec<_> =
                (1..=clients).map(|number| world.hello(lane, client(number), 1, number.into()).channel).collect();
            let now = world.now();
            let Claim::Granted(mut builder) = world.engine.claim(lane, 100, now) else { panic!("no room") };
            for record in 0..3 {
                builder.push(now.wall_ms, b"12345678");
                let (channel, first_sequence) = match clients {
                    1 => (channels[0], record + 1),
                    _ => (channels[record as usize], 1),
                };
                builder.own(Run { channel, first_sequence, sequences: 1, records: 1 });
            }
            world.engine.append(lane, builder.seal(), now);
            world.perform();
            let orders = world.disk().orders.len();
            assert_eq!((orders, world.of_disk(lane).full), (written, written == 0), "{clients} clients, {room} bytes");
        }
    }
}

#[test]
fn an_order_takes_a_mebibyte_and_no_more() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    // The first goes alone; each of the others is 64 KiB with its entry's head and run.
    world.feed(lane, 1, 10, 0);
    world.feed(lane, 20, 64 * 1024 - 96 - 12 - 9, 0);
    world.do_disk();
    world.settle();
    assert_eq!(world.disk().orders[0].append.len(), 16);
}
