//! The rest of what a mutation check found nobody to insist on: room, orders, flushes, reports of losses, and words.

use super::mutants::{sent, until_attempt};
use super::*;
use crate::engine::budget::{Kind, BLOCK};
use crate::engine::marker::Loss;

const GIB: u64 = 1 << 30;

#[test]
fn a_report_of_a_loss_counts_once_and_is_acknowledged() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    for (report, lost) in [(1, 5), (1, 5), (3, 10), (2, 10)] {
        let now = world.now();
        world.engine.lost(lane, channel, report, Loss::of_client(channel, "full", 5, 0, 0), now);
        world.settle();
        assert_eq!(world.snapshot().total.client_lost, lost);
        assert_eq!(world.acks[&7].lost_to, if lost == 5 { 1 } else { 3 });
    }
    world.tick(1_100);
    assert_eq!(world.snapshot().total.generated, 1, "and the stream is told");
    world.run_until_quiet();
}

#[test]
fn a_client_that_gave_records_up_goes_on_behind_them() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    assert_eq!(world.hello(lane, client(1), 11, 7).ack.admitted_to, 10, "a connection may ask again");
    let welcome = world.hello(lane, client(1), 50, 8);
    assert_eq!((welcome.resume, welcome.ack.admitted_to, welcome.ack.ended_to), (10, 49, 0));
    world.run_until_quiet();
    assert_eq!(world.acks[&8].ended_to, 10);
    let welcome = world.hello(lane, client(1), 80, 9);
    assert_eq!((welcome.resume, welcome.ack.admitted_to, welcome.ack.ended_to), (49, 79, 79));
}

#[test]
fn who_goes_takes_its_own_flushes_along_and_no_others() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    for connection in [7, 8] {
        let channel = world.hello(lane, client(connection as u8), 1, connection).channel;
        world.feed_channel(lane, channel, 1, 1);
        let asker = Asker::Client { connection, channel, ticket: connection };
        let now = world.now();
        world.engine.flush(lane, asker, Level::Ended, Duration::from_secs(60), now);
    }
    let now = world.now();
    world.engine.gone(lane, Some(1), 7, now);
    world.settle();
    world.run_until_quiet();
    assert_eq!(world.flushed.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [8]);
    let asker = Asker::Client { connection: 8, channel: 2, ticket: 9 };
    world.engine.answer_now(lane, asker, false, now);
    world.settle();
    assert_eq!(world.flushed.last().map(|(ticket, flushed)| (*ticket, flushed.reached)), Some((9, false)));
}

#[test]
fn a_flush_of_all_is_reached_only_where_every_lane_was() {
    let mut world = flush_of_all_half_done();
    world.tick(5_000);
    assert_eq!(world.flushed_all, [false]);
}

#[test]
fn an_order_is_bounded_in_entries_and_bytes() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    let next = |world: &mut World| {
        world.do_disk();
        world.settle();
        let order = &world.disk().orders[0];
        (order.append.len(), order.append.iter().map(|entry| entry.chunk.data().len()).sum::<usize>())
    };
    world.feed(lane, 150, 10, 0);
    assert_eq!(next(&mut world).0, 64, "the most entries");
    assert_eq!([next(&mut world).0, next(&mut world).0], [64, 21]);
    world.feed(lane, 30, 60_000, 0);
    let (entries, bytes) = next(&mut world);
    assert!(entries == 17 && bytes <= MIB, "{entries} entries, {bytes} bytes");
    assert_eq!(next(&mut world).0, 13);
    world.feed(lane, 1, 1_000_000, 0);
    world.feed(lane, 1, 1_000_000, 0);
    assert_eq!([next(&mut world).0, next(&mut world).0], [1, 1], "two of them are too much for one order");
}

#[test]
fn nothing_is_ordered_until_a_disk_that_refused_has_had_its_rest() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    world.disk().by_hand = true;
    world.disk().failing = true;
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    for wait in [100, 200, 400] {
        assert_eq!(world.disk().orders.len(), 1);
        world.do_disk();
        world.feed(lane, 3, 10, 0);
        world.tick(wait - 1);
        assert!(world.disk().orders.is_empty(), "before {wait} ms");
        world.tick(1);
    }
    world.disk().failing = false;
    world.disk().by_hand = false;
    world.settle();
    assert_eq!(world.disk().texts().len(), 10, "what it refused is written after all");
}

#[test]
fn a_file_grows_by_what_there_is_room_for_and_by_no_more() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, 10_000);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    for _ in 0..30 {
        world.feed(lane, 1, 1_000, 0);
        world.do_disk();
        world.settle();
    }
    let written = world.snapshot().spooled;
    assert!((4..=9).contains(&written), "{written} records of 1 kB in 10 kB");
    assert!(world.of_disk(lane).full && world.snapshot().in_memory == 30 - written);
}

impl World {
    pub(super) fn of_disk(&self, lane: LaneId) -> &lane::disk::Disk {
        self.engine.lanes.get(lane).unwrap().disk.as_deref().unwrap()
    }
}

#[test]
fn a_lane_has_room_until_memory_is_full_and_is_told_when_there_is_some_again() {
    for (overflow, reads_on) in [(Overflow::Block, false), (Overflow::DropNewest, true), (Overflow::DropOldest, true)] {
        let mut world = World::new(Settings { overflow, high_water: 0, ..Settings::default() }, 4 * MIB);
        let lane = world.lane("s");
        let now = world.now();
        assert!(world.engine.has_room(lane, now));
        world.settle();
        assert!(world.engine.waiting.is_empty(), "who has room does not wait");
        // Its own mark, as long as it is well, is no reason to drop.
        world.engine.lanes.get_mut(lane).unwrap().spilling = true;
        if overflow == Overflow::Block {
            while world.feed(lane, 1, 60_000, 0) == 1 {}
        } else {
            world.feed(lane, 60, 60_000, 0);
        }
        let now = world.now();
        assert_eq!(world.engine.has_room(lane, now), reads_on, "{overflow:?}");
        world.settle();
        world.resumed.clear();
        world.run_until_quiet();
        assert_eq!(world.resumed.contains(&lane), !reads_on);
    }
}

#[test]
fn what_comes_too_late_is_dropped_unless_a_disk_takes_it() {
    for (disk, abandoned, kept) in [(false, false, 0), (false, true, 0), (true, false, 1), (true, true, 0)] {
        let mut world = match disk {
            true => World::with_disk(Settings::default(), 64 * MIB, GIB),
            false => World::new(Settings::default(), 64 * MIB),
        };
        let lane = world.lane("s");
        let now = world.now();
        world.engine.give_up(now);
        if abandoned {
            world.engine.abandon(now);
        }
        world.feed(lane, 1, 10, 0);
        let snapshot = world.snapshot();
        assert_eq!((snapshot.total.dropped_for(Dropped::Shutdown), snapshot.spooled), (1 - kept, kept));
    }
}

#[test]
fn a_loss_nobody_was_told_of_is_left_on_disk_as_its_marker() {
    for disk in [false, true] {
        let mut world = match disk {
            true => World::with_disk(Settings::default(), 64 * MIB, GIB),
            false => World::new(Settings::default(), 64 * MIB),
        };
        let lane = world.lane("s");
        let now = world.now();
        world.engine.append_ended(lane, Run::of_text(1), Dropped::Overflow, now);
        world.engine.give_up(now);
        world.settle();
        let kept = u64::from(disk);
        assert_eq!((world.snapshot().total.generated, world.snapshot().spooled), (kept, kept));
    }
}

#[test]
fn a_lane_says_in_a_word_how_it_is_and_how_old_its_oldest_record() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let is = |world: &World| (world.snapshot().lanes[0].state, world.snapshot().lanes[0].oldest);
    assert_eq!(is(&world), ("idle", None));
    world.tick(70);
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    assert_eq!(is(&world), ("delivering", Some(Duration::from_millis(60))));
    world.end(0, Outcome::Missing);
    assert_eq!(is(&world).0, "creating");
    world.created(Created::Exists);
    until_attempt(&mut world);
    world.accept();
    assert_eq!(is(&world), ("idle", None));
}

#[test]
fn a_body_is_taken_again_where_it_fits_and_few_are_kept() {
    let budget = Budget::new(64 * MIB);
    assert!(budget.body(1_000).capacity() >= 1_000);
    budget.recycle(Kind::Body, Vec::with_capacity(3 * BLOCK));
    assert!(budget.body(BLOCK).capacity() < 2 * BLOCK, "much larger than what is paid");
    assert_eq!(budget.body(2 * BLOCK).capacity(), 3 * BLOCK, "not much larger: taken again");
    let mut payment = budget.claim(Kind::Partial, 10).unwrap();
    payment.merge(budget.claim(Kind::Partial, 20).unwrap());
    assert_eq!((payment.bytes(), budget.used()), (30, 30));
    drop(payment);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_batch_that_fails_alone_waits_longer_each_time() {
    let longest = (0..40).map(|seed| {
        let mut world = sent(Settings { seed, ..Settings::default() });
        let failed = || Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None };
        for _ in 0..3 {
            world.end(0, failed());
            until_attempt(&mut world);
            // Others of the lane do well meanwhile.
            world.engine.lanes.get_mut(0).unwrap().failures = 0;
        }
        world.end(0, failed());
        until_attempt(&mut world)
    });
    assert!(longest.max().unwrap() > 600, "its fourth failure waits up to 800 ms");
}
