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

/// A chunk of one run, of texts of eight bytes.
fn chunk_of(world: &mut World, lane: LaneId, run: Run) -> chunk::Chunk {
    let now = world.now();
    let Claim::Granted(mut builder) = world.engine.claim(lane, 100, now) else { panic!("no room") };
    (0..run.records).for_each(|_| builder.push(now.wall_ms, b"12345678"));
    builder.own(run);
    builder.seal()
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

/// What is on disk as something that has ended is never sent again, named or not.
#[test]
fn what_was_written_as_ended_stays_counted_where_a_cursor_cannot_name_it() {
    let (mut world, lane) = thousands(1);
    let (now, tombstones) = (world.now(), 600);
    for record in 0..tombstones {
        let between = chunk_of(&mut world, lane, Run::of_text(1));
        world.engine.append(lane, between, now);
        let run = Run { channel: 1, first_sequence: 1_001 + record, sequences: 1, records: 1 };
        world.engine.append_ended(lane, run, Dropped::Overflow, now);
    }
    world.settle();
    let cursor = world.of(lane).cursor();
    assert_eq!((cursor.ended.len(), cursor.channels[0].dropped), (CURSOR_RANGES, tombstones));
}

/// A lane of whose records the first has been written, with a disk that does nothing more by itself.
fn one_written() -> (World, LaneId) {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.hello(lane, client(1), 1, 7);
    world.feed(lane, 1, 10, 0);
    world.disk().by_hand = true;
    (world, lane)
}

/// Drops a record of the client.
fn drop_next(world: &mut World, lane: LaneId, first_sequence: u64) {
    let now = world.now();
    let run = Run { channel: 1, first_sequence, sequences: 1, records: 1 };
    world.engine.append_ended(lane, run, Dropped::Overflow, now);
    world.perform();
}

/// Its client sends again what is not on disk, and would have it counted twice.
#[test]
fn what_ended_and_is_not_written_is_not_told_to_the_next_process() {
    let (mut world, lane) = one_written();
    world.feed(lane, 1, 10, 0);
    // The order of that one hangs; these become one tombstone, of which nothing is ordered.
    for sequence in 1..=3 {
        drop_next(&mut world, lane, sequence);
    }
    let channel = world.of(lane).channels.get(1).unwrap().counts;
    let cursor = world.of(lane).cursor();
    assert_eq!((channel.dropped, cursor.channels[0].dropped, cursor.ended), (3, 0, vec![]));
}

/// The same of records that ended in each of the ways, in chunks that became one.
#[test]
fn however_it_ended_what_is_not_written_is_not_told_to_the_next_process() {
    let (mut world, lane) = one_written();
    world.feed(lane, 1, 10, 0);
    for first_sequence in [1, 11, 21] {
        let run = Run { channel: 1, first_sequence, sequences: 10, records: 10 };
        let (chunk, now) = (chunk_of(&mut world, lane, run), world.now());
        let lane = world.of(lane);
        let first = lane.next_offset();
        lane.append(chunk, usize::MAX, now);
        lane.end(first, 0..5, End::Delivered);
        lane.end(first, 5..8, End::Rejected(account::Rejected::TooOld));
        lane.end(first, 8..10, End::Dropped(Dropped::Overflow));
        lane.bury_last();
    }
    let lane = world.of(lane);
    assert_eq!(lane.queue.len(), 3, "two records that have not ended, and one tombstone");
    let counts = lane.channels.get(1).unwrap().counts;
    assert_eq!((counts.delivered, counts.rejected, counts.dropped), (15, 9, 6));
    let mark = lane.cursor().channels[0];
    assert_eq!((mark.delivered, mark.rejected, mark.dropped), (0, 0, 0));
}

#[test]
fn while_the_disk_fails_a_cursor_names_what_was_there_before_and_then_the_rest() {
    let (mut world, lane) = one_written();
    let named = |world: &mut World| {
        let order = world.disk().orders.front();
        order.and_then(|order| order.cursor.as_ref()).map(|cursor| cursor.ended.clone())
    };
    drop_next(&mut world, lane, 1);
    assert_eq!(named(&mut world), Some(vec![1..2]), "as soon as it is written with the cursor");
    for failures in 1..=2 {
        world.disk().failing = true;
        // By hand one entry is written all the same, and nobody knows of the cursor.
        let stored = world.disk().do_order(0).unwrap();
        let now = world.now();
        world.engine.stored(stored, now);
        world.tick(1_000);
        assert_eq!(world.of_disk(lane).failures, failures);
        assert_eq!(named(&mut world), Some(vec![]), "it may fail again");
    }
    world.disk().failing = false;
    world.do_disk();
    world.perform();
    assert_eq!(named(&mut world), Some(vec![1..2]));
}

/// One that is being written is left as it is until it has been.
#[test]
fn tombstones_that_were_written_one_after_the_other_become_one() {
    let (mut world, lane) = one_written();
    let places = |world: &mut World| world.of(lane).queue.iter().map(|queued| queued.chunk.records).collect::<Vec<_>>();
    drop_next(&mut world, lane, 1);
    drop_next(&mut world, lane, 2);
    drop_next(&mut world, lane, 3);
    world.feed(lane, 1, 10, 0);
    assert_eq!(places(&mut world), [1, 1, 2, 1], "the first of them is being written");
    world.do_disk();
    world.perform();
    assert_eq!(places(&mut world), [1, 1, 2, 1], "the others are");
    world.do_disk();
    world.perform();
    assert_eq!(places(&mut world), [1, 3, 1]);
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
