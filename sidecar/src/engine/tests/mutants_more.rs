//! More of what a mutation check found nobody to insist on: dead letters, tombstones, channels, and lanes left on disk.

use super::mutants::until_attempt;
use super::*;
use crate::engine::account::{End, Rejected};
use crate::engine::channel::{Channels, KEEP};
use crate::engine::chunk::CHUNK_OVERHEAD;
use crate::engine::lane::disk::Known;
use crate::engine::lane::Lane;
use crate::engine::spool::ChannelMark;

const GIB: u64 = 1 << 30;

impl World {
    pub(super) fn of(&mut self, lane: LaneId) -> &mut Lane {
        self.engine.lanes.get_mut(lane).unwrap()
    }

    /// Ends the oldest attempt with these records of each part rejected.
    pub(super) fn reject(&mut self, records: impl Fn(std::ops::Range<u32>) -> std::ops::Range<u32>) {
        let parts = self.attempts[0].batch.parts.iter().enumerate();
        let of = |(part, of): (usize, &batch::Part)| {
            let (records, reason) = (records(of.records.clone()), Rejected::TooOld);
            RejectedRange { part, records, reason }
        };
        let rejected = parts.map(of).collect();
        self.end(0, Outcome::Accepted { rejected });
    }

    /// Drops so many records one by one, as an intake without room does.
    pub(super) fn lose(&mut self, lane: LaneId, count: u32) {
        let now = self.now();
        for _ in 0..count {
            self.engine.append_ended(lane, Run::of_text(1), Dropped::Overflow, now);
        }
        self.settle();
    }
}

#[test]
fn few_dead_letters_wait_for_a_disk_that_hangs_and_the_others_are_counted() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.disk().by_hand = true;
    // A chunk of one of these takes 32 KiB.
    assert_eq!(world.feed(lane, 70, 32 * 1024 - CHUNK_OVERHEAD - 12 - 9, 0), 70);
    while world.snapshot().total.rejected() < 70 {
        if world.attempts.is_empty() {
            until_attempt(&mut world);
        }
        world.reject(|all| all);
    }
    let lost = world.snapshot().letters_lost;
    world.disk().by_hand = false;
    world.settle();
    let written = world.disk().dead;
    assert_eq!((written, lost), (65, 5), "2 MiB of them, and the one that is more");
}

#[test]
fn a_dead_letter_that_a_bad_disk_costs_is_counted_and_the_count_outlives_the_lane() {
    let mut world = World::with_disk(Settings { lanes: 1, ..Settings::default() }, 64 * MIB, GIB);
    let lane = world.lane("s");
    world.disk().failing = true;
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    until_attempt(&mut world);
    world.reject(|_| 2..5);
    assert_eq!(world.snapshot().letters_lost, 3);
    world.feed_channel(lane, channel, 11, 10);
    until_attempt(&mut world);
    world.reject(|_| 4..5);
    assert_eq!((world.snapshot().letters_lost, world.disk().dead), (4, 0));
    world.disk().failing = false;
    world.tick(10_000);
    let now = world.now();
    world.engine.gone(lane, Some(channel), 7, now);
    world.lane("another");
    assert_eq!((world.snapshot().lanes.len(), world.snapshot().letters_lost), (1, 4));
}

#[test]
fn a_second_loss_is_told_when_the_marker_of_the_first_has_ended() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.lose(lane, 1);
    world.tick(1_100);
    world.tick(1_100);
    assert_eq!(world.snapshot().total.generated, 1);
    world.lose(lane, 1);
    world.tick(3_000);
    assert_eq!(world.snapshot().total.generated, 1, "the first has not been sent");
    world.accept();
    until_attempt(&mut world);
    world.tick(3_000);
    assert_eq!(world.snapshot().total.generated, 1, "nobody has said that the first has arrived");
    world.accept();
    world.tick(1_100);
    assert_eq!(world.snapshot().total.generated, 2);
    world.run_until_quiet();
}

#[test]
fn what_is_dropped_in_a_row_takes_one_place_and_no_bytes() {
    for disk in [false, true] {
        let mut world = match disk {
            true => World::with_disk(Settings::default(), 64 * MIB, GIB),
            false => World::new(Settings::default(), 64 * MIB),
        };
        let lane = world.lane("s");
        world.feed(lane, 1, 10, 0);
        world.tick(60);
        world.accept();
        for count in 1..=2 {
            world.feed(lane, 1, 10, 0);
            world.tick(1_100);
            assert_eq!(world.attempts.len(), count);
        }
        world.end(1, Outcome::Accepted { rejected: Vec::new() });
        // One is in flight, one has ended out of its turn.
        let held = world.of(lane).held;
        world.lose(lane, 50);
        assert_eq!((world.of(lane).queue.len(), world.of(lane).held), (3, held));
        if disk {
            world.disk().by_hand = true;
        }
        world.feed(lane, 2, 10, 0);
        world.lose(lane, 50);
        assert_eq!(world.of(lane).queue.len(), 6, "what is to be sent is no tombstone");
        if disk {
            world.disk().by_hand = false;
        }
        world.run_until_quiet();
        assert_eq!(world.snapshot().total.delivered, 5 + world.snapshot().total.generated);
    }
}

#[test]
fn what_is_dropped_in_a_row_behind_the_disk_takes_one_place() {
    let mut world =
        World::with_disk(Settings { high_water: 0, in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    let mut fed = 0;
    while fed < 60 {
        fed += u64::from(world.feed(lane, 10, 60_000, 0));
        world.tick(200);
    }
    let (queue, tail) = (world.of(lane).queue.len(), world.of(lane).disk.as_ref().unwrap().tail().count());
    assert!(tail > 0);
    world.lose(lane, 50);
    let after = world.of(lane).disk.as_ref().unwrap().tail().count();
    assert_eq!((world.of(lane).queue.len(), after), (queue, tail + 1));
    world.disk().by_hand = false;
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, fed + world.snapshot().total.generated);
}

#[test]
fn a_batch_given_up_while_it_waits_gives_its_memory_back_at_once() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 3, 1_000, 0);
    world.tick(60);
    world.end(0, Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None });
    assert!(world.of(lane).held > 3_000);
    assert_eq!(world.of(lane).drop_oldest(Dropped::Overflow), 3);
    assert_eq!(world.of(lane).held, 0);
}

#[test]
fn what_is_on_disk_is_not_dropped_when_the_disk_has_had_its_time() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.disk().by_hand = true;
    world.feed(lane, 4, 10, 0);
    let now = world.now();
    world.engine.give_up(now);
    world.engine.abandon(now);
    assert_eq!((world.snapshot().total.dropped_for(Dropped::Shutdown), world.snapshot().spooled), (4, 1));
}

#[test]
fn a_lane_found_on_disk_costs_no_other_its_place() {
    let mut world = World::with_disk(Settings { lanes: 1, ..Settings::default() }, 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.run_until_quiet();
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    let destination = |name| Destination::parse("group", name).unwrap();
    assert!(!world.engine.found(&destination("left"), now));
    world.tick(1_000);
    assert!(world.engine.lanes.find(&destination("s")).is_some(), "idle as it is, for a second only");
    world.tick(60_000);
    world.tick(1_000);
    assert!(world.engine.lanes.find(&destination("left")).is_some());
}

#[test]
fn files_that_cannot_be_looked_at_are_given_up_after_five_tries_and_looked_at_again_later() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 7, 10, 0);
    world.disk().by_hand = true;
    world.disk().failing = true;
    world.crash();
    for wait in [100, 200, 400, 800] {
        assert!(matches!(world.engine.claim(0, 10, Now::from_millis(world.at_ms)), Claim::Wait));
        assert!(world.do_disk() && world.disk().indexes.is_empty());
        world.tick(wait - 1);
        assert!(world.disk().indexes.is_empty(), "it waits {wait} ms");
        world.tick(1);
        assert_eq!(world.disk().indexes.len(), 1);
    }
    world.resumed.clear();
    world.do_disk();
    world.settle();
    assert_eq!((world.of(0).disk.as_ref().unwrap().known, &world.resumed[..]), (Known::Unreadable, &[0][..]));
    // What comes meanwhile goes on in memory, and a look that ends then must not renumber it.
    let now = world.now();
    let Claim::Granted(mut builder) = world.engine.claim(0, 10, now) else { panic!("no room") };
    world.disk().failing = false;
    world.tick(1_600);
    assert_eq!(world.disk().indexes.len(), 1);
    builder.push(now.wall_ms, b"meanwhile");
    builder.own(Run::of_text(1));
    world.engine.append(0, builder.seal(), now);
    world.settle();
    assert!(world.do_disk());
    world.settle();
    assert_eq!((world.of(0).disk.as_ref().unwrap().known, world.of(0).ended()), (Known::Unreadable, 0));
    world.disk().by_hand = false;
    until_attempt(&mut world);
    world.accept();
    assert_eq!(world.snapshot().total.recovered, 0);
    world.tick(5_000);
    assert_eq!(world.snapshot().total.recovered, 7);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 8);
}

fn channels() -> (Channels, u32) {
    let mut channels = Channels::default();
    assert!(channels.is_empty());
    let index = channels.open(client(1), 1, Duration::ZERO).unwrap();
    assert!(!channels.is_empty());
    (channels, index)
}

#[test]
fn a_split_record_counts_for_its_last_piece_alone() {
    let (mut channels, index) = channels();
    let piece = |sequences| Run { channel: index, first_sequence: 1, sequences, records: 4 };
    channels.count(&[piece(0)], &(0..4), End::Delivered);
    assert_eq!(channels.get(index).unwrap().counts.delivered, 0, "its last piece is in another chunk");
    let runs = [piece(1), Run::of_text(3)];
    channels.count(&runs, &(5..7), End::Delivered);
    assert_eq!(channels.get(index).unwrap().counts.delivered, 0, "nothing of it has ended");
    channels.count(&runs, &(2..5), End::Delivered);
    assert_eq!(channels.get(index).unwrap().counts.delivered, 1);
}

#[test]
fn a_channel_from_disk_is_as_its_mark_says_and_expires() {
    let mut channels = Channels::default();
    let mark = |number: u8, admitted| ChannelMark { client: client(number), admitted, ended: 3, ..Default::default() };
    channels.restore(&ChannelMark { ended: 0, ..mark(1, 0) }, 0, Duration::ZERO);
    channels.restore(&mark(2, 9), 20, Duration::ZERO);
    let index = channels.find(&client(2)).unwrap();
    let channel = channels.get(index).unwrap();
    assert_eq!((channel.admitted, channel.durable, channel.ended), (9, 9, 3), "six have not ended");
    // Only what lies behind all of its records says that they have.
    channels.settle(19);
    assert_eq!(channels.get(index).unwrap().ended, 3);
    channels.get_mut(index).unwrap().connection = Some(1);
    channels.settle(20);
    assert_eq!(channels.get(index).unwrap().ended, 3, "its client is there and will be told");
    channels.get_mut(index).unwrap().connection = None;
    channels.renumber(15);
    channels.settle(15);
    assert_eq!(channels.get(index).unwrap().ended, 9);
    channels.expire(KEEP);
    assert!(channels.is_empty());
}
