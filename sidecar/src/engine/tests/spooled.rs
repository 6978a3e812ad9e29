//! Lanes with a part on disk: what is durable survives, memory stays bounded, and a bad disk costs nobody anything.

use super::*;
use crate::engine::account::Rejected::TooOld;
use crate::engine::batch::Part;

const GIB: u64 = 1 << 30;

fn down() -> Outcome {
    Outcome::Unavailable { what: "down".to_owned(), ambiguous: false, retry_after: None }
}

/// A lane that is known to CloudWatch, whose attempts fail from now on.
fn outage(world: &mut World) -> LaneId {
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    lane
}

fn fail_all(world: &mut World) {
    while !world.attempts.is_empty() {
        world.end(0, down());
    }
}

#[test]
fn what_is_written_is_acknowledged_as_durable_before_it_ends() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    world.disk().by_hand = true;
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 100);
    assert!(world.acks.get(&7).is_none_or(|ack| ack.durable_to == 0), "not before it is written");
    assert!(world.do_disk());
    world.settle();
    assert_eq!((world.acks[&7].durable_to, world.acks[&7].ended_to), (100, 0));
    let snapshot = world.snapshot();
    assert_eq!((snapshot.spooled, snapshot.in_memory), (100, 0));
}

#[test]
fn a_durable_flush_does_not_wait_for_the_remote_end() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    let now = world.now();
    let asker = Asker::Client { connection: 7, channel, ticket: 1 };
    world.engine.flush(lane, asker, Level::Durable, Duration::from_secs(5), now);
    world.settle();
    assert_eq!(world.flushed, [(1, Flushed { reached: true, spooled: 10, ..Flushed::default() })]);
}

#[test]
fn an_outage_fills_the_disk_and_not_the_memory() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    let lane = outage(&mut world);
    let mut fed = 1;
    for _ in 0..60 {
        fed += u64::from(world.feed(lane, 100, 60_000, 0));
        fail_all(&mut world);
        world.tick(500);
    }
    assert_eq!(fed, 6_001, "nobody waits while there is room on disk");
    assert!(world.budget.used() < 12 * MIB, "{} bytes of memory", world.budget.used());
    assert!(world.snapshot().spooled >= 5_900);
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.received, total.possible_duplicates), (fed, fed, 0));
    assert!(world.accepted.values().all(|times| *times == 1));
    assert_eq!(super::disk::nothing(&world.budget), 0);
}

#[test]
fn after_a_kill_what_was_written_is_delivered_once() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.left_behind(lane, 5_000);
    let snapshot = world.snapshot();
    assert_eq!((snapshot.total.recovered, snapshot.spooled + snapshot.in_memory), (5_000, 5_000));
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 5_000);
    assert!(world.accepted.values().all(|times| *times == 1));
    // Some of them might have been in flight; nobody knows.
    assert!(world.snapshot().total.possible_duplicates > 0);
}

/// The disk of this test takes no range of nothing, and nor does the real one: such a cursor could not be read again.
#[test]
fn a_rejection_at_the_border_of_a_batch_leaves_a_cursor_that_can_be_read() {
    let mut world = World::with_disk(Settings { batch_events: 10, ..Settings::default() }, 64 * MIB, GIB);
    let lane = outage(&mut world);
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 30);
    world.tick(1_100);
    assert_eq!(world.attempts.len(), 3);
    let first = world.attempts[1].batch.parts[0].records.start;
    let rejected = RejectedRange { part: 0, records: first..first + 2, reason: account::Rejected::TooOld };
    world.end(1, Outcome::Accepted { rejected: vec![rejected] });
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.rejected(), total.delivered), (2, 29));
}

/// Attempts reach at least as far as the batches that may be in flight, whatever the setting says.
#[test]
fn all_that_may_have_been_in_flight_at_a_kill_counts_as_possible_duplicates() {
    let mut world = World::with_disk(Settings { reach: 0, ..Settings::default() }, 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.left_behind(lane, 50);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.possible_duplicates, 50);
}

/// A batch that may have arrived and waits for its next attempt is sent again by the next process, which cannot know.
#[test]
fn what_waits_after_an_ambiguous_failure_at_the_end_counts_as_a_possible_duplicate() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.feed(lane, 3, 10, 0);
    world.tick(1_100);
    world.end(0, Outcome::Unavailable { what: "reset".to_owned(), ambiguous: true, retry_after: None });
    let now = world.now();
    world.engine.give_up(now);
    world.settle();
    assert_eq!(world.snapshot().total.possible_duplicates, 3);
}

#[test]
fn a_client_that_comes_back_goes_on_after_its_last_durable_record() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 100);
    world.disk().by_hand = true;
    world.feed_channel(lane, channel, 101, 100);
    assert_eq!(world.acks[&7].durable_to, 100);
    world.crash();
    world.disk().by_hand = false;
    let now = world.now();
    assert_eq!(world.engine.hello(0, client(1), 50, 9, now), Hello::Later, "its files have not been looked at");
    world.settle();
    assert_eq!(world.resumed, [0]);
    let again = world.hello(0, client(1), 50, 9);
    assert_eq!((again.resume, again.known), (100, true));
    world.feed_channel(0, again.channel, 101, 100);
    world.run_until_quiet();
    assert_eq!((world.acks[&9].ended_to, world.acks[&9].delivered), (200, 200));
    assert_eq!(world.accepted.values().sum::<u32>(), 200);
}

#[test]
fn a_disk_that_refuses_costs_nobody_anything_and_is_taken_up_again() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.disk().failing = true;
    world.feed_channel(lane, channel, 1, 100);
    world.tick(60);
    assert_eq!(world.snapshot().lanes_in_trouble(), 1);
    assert!(world.acks.get(&7).is_none_or(|ack| ack.durable_to < 100), "never for what is not durable");
    world.accept();
    assert_eq!(world.acks[&7].durable_to, 100, "what has ended needs no disk");
    world.feed_channel(lane, channel, 101, 100);
    world.disk().failing = false;
    world.tick(6_000);
    assert_eq!(world.snapshot().lanes_in_trouble(), 0);
    assert_eq!(world.acks[&7].durable_to, 200);
    world.crash();
    world.run_until_quiet();
    assert_eq!(world.accepted.len(), 200);
}

#[test]
fn with_memory_full_and_the_disk_full_the_lane_still_empties_itself() {
    let settings = Settings { in_flight_min: 1, ..Settings::default() };
    let mut world = World::with_disk(settings, 16 * MIB, 24 * MIB as u64);
    let lane = outage(&mut world);
    let mut fed = 1;
    for _ in 0..100 {
        fed += u64::from(world.feed(lane, 50, 60_000, 0));
        fail_all(&mut world);
        world.tick(500);
    }
    let took = world.snapshot();
    assert!(took.spool_bytes <= 24 * MIB as u64 && took.spool_bytes > 12 * MIB as u64, "{}", took.spool_bytes);
    assert!(fed < 5_000, "then clients wait");
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, fed);
}

#[test]
fn drop_oldest_drops_what_is_oldest_on_disk_and_tells_it() {
    let settings = Settings { overflow: Overflow::DropOldest, in_flight_min: 1, ..Settings::default() };
    let mut world = World::with_disk(settings, 16 * MIB, 24 * MIB as u64);
    let lane = outage(&mut world);
    for _ in 0..100 {
        world.feed(lane, 50, 60_000, 0);
        fail_all(&mut world);
        world.tick(500);
    }
    let before = world.snapshot();
    assert!(before.total.dropped_for(Dropped::Overflow) > 1_000);
    assert!(before.spool_bytes <= 24 * MIB as u64);
    let chunks = world.engine.lanes.get(lane).unwrap().queue.len();
    assert!(chunks < 400, "{chunks} chunks in memory");
    world.run_until_quiet();
    world.tick(2_000);
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!(total.generated, 1);
    let newest = format!("s {:08} ", world.fed - 1);
    assert!(world.accepted.keys().any(|text| text.starts_with(&newest)), "the newest is not the one to go");
}

#[test]
fn what_cannot_be_read_any_more_is_counted_and_the_rest_is_delivered() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    assert_eq!(world.feed(lane, 50, 1_000, 0), 50);
    world.disk().damage(20);
    world.crash();
    world.run_until_quiet();
    world.tick(2_000);
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.recovered, total.dropped_for(Dropped::Corrupt), total.generated), (50, 1, 1));
    assert_eq!(total.delivered, 50);
}

#[test]
fn at_the_deadline_what_is_on_disk_stays_there() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.feed(lane, 300, 60_000, 0);
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    world.engine.give_up(now);
    world.settle();
    while !world.attempts.is_empty() {
        world.end(0, Outcome::Cancelled);
    }
    assert!(world.drained);
    let snapshot = world.snapshot();
    assert_eq!((snapshot.total.dropped(), snapshot.in_memory), (0, 0));
    let spooled = snapshot.spooled;
    assert!(spooled > 0);
    world.engine.last_orders();
    world.settle();
    world.crash();
    world.run_until_quiet();
    let total = world.snapshot().total;
    assert_eq!((total.recovered, total.delivered, total.possible_duplicates), (spooled, spooled, 0), "an orderly end");
}

#[test]
fn what_cloudwatch_refuses_gets_a_dead_letter() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 5, 10, 0);
    world.tick(60);
    let rejected = vec![RejectedRange { part: 1, records: 0..1, reason: account::Rejected::TooOld }];
    world.end(0, Outcome::Accepted { rejected });
    assert_eq!((world.snapshot().total.rejected(), world.disk().dead), (1, 1));
}

#[test]
fn a_lane_beyond_the_cap_is_looked_at_before_it_is_used_and_taken_up_when_another_goes() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    for name in ["a", "b"] {
        let lane = world.lane(name);
        world.feed(lane, 5, 100, 0);
    }
    world.engine.settings.lanes = 1;
    world.crash_leaving(1);
    world.run_until_quiet();
    assert_eq!(world.accepted.len(), 5);
    for _ in 0..3 {
        world.tick(61_000);
    }
    world.run_until_quiet();
    assert_eq!((world.accepted.len(), world.disk().texts().len()), (10, 0));
}

#[test]
fn the_cursor_remembers_what_had_ended_of_what_is_not_back_yet() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.feed(lane, 3_000, 1_000, 0);
    world.tick(2_000);
    while world.attempts.len() > 1 {
        world.end(1, Outcome::Accepted { rejected: Vec::new() });
    }
    let cursor = |world: &World| world.engine.lanes.get(0).unwrap().cursor();
    let before = cursor(&world);
    assert!(!before.ended.is_empty());
    world.disk().by_hand = true;
    world.crash();
    assert!(world.do_disk(), "the look");
    let after = cursor(&world);
    assert_eq!((after.watermark, after.ended), (before.watermark, before.ended));
    world.perform();
    world.disk().by_hand = false;
    world.settle();
    world.run_until_quiet();
    let twice = world.accepted.values().filter(|times| **times > 1).count();
    assert_eq!(twice, 0, "one batch was in flight and had not arrived");
}

#[test]
fn what_a_cursor_cannot_name_is_counted_once_all_the_same() {
    const RECORDS: u32 = 2_000;
    const DAYS: i64 = 30 * 3_600_000;
    for refused in [0, 7] {
        let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
        let lane = outage(&mut world);
        let channel = world.hello(lane, client(1), 1, 7).channel;
        // Every other record is more than a day ahead: two batches, and either one ends every other record.
        world.feed_mixed(lane, channel, RECORDS, DAYS);
        world.tick(2_000);
        assert_eq!(world.attempts.len(), 2);
        let reject = |(part, of): (usize, &Part)| RejectedRange { part, records: of.records.clone(), reason: TooOld };
        let rejected = world.attempts[1].batch.parts.iter().enumerate().take(refused).map(reject).collect();
        world.end(1, Outcome::Accepted { rejected });
        let cursor = world.engine.lanes.get(lane).unwrap().cursor();
        assert_eq!(cursor.ended.len(), super::super::spool::CURSOR_RANGES, "more than it can name");
        world.crash();
        world.hello(lane, client(1), 1, 8);
        world.run_until_quiet();
        let ack = &world.acks[&8];
        let total = u64::from(RECORDS);
        // All that were refused are sent again, and taken this time, but for those that the cursor names.
        assert_eq!((ack.ended_to, ack.delivered + ack.rejected), (total, total), "{ack:?}");
        assert!(ack.rejected <= refused as u64, "{ack:?}");
    }
}

#[test]
fn a_range_that_ended_goes_on_beyond_the_chunk_that_comes_back() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    let lane = outage(&mut world);
    assert_eq!(world.feed(lane, 40, 1_000, 0), 40);
    world.disk().end_before(10..30);
    world.crash();
    // The account is looked at in each step.
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 20);
}

#[test]
fn what_the_disk_will_not_give_is_given_up_after_many_tries_and_orders_do_not_count() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.disk().failing_reads = true;
    world.left_behind(lane, 5_000);
    for _ in 0..40 {
        world.feed(0, 1, 10, 0);
        world.tick(5_000);
    }
    assert_eq!(world.engine.lanes.get(0).and_then(|lane| lane.disk.as_ref()).map(|disk| disk.failures), Some(0));
    assert!(world.disk().skipping, "it asks to skip what cannot be read");
    world.disk().failing_reads = false;
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, world.fed - 1);
}

#[test]
fn a_disk_that_hangs_does_not_hold_up_what_is_in_memory() {
    let mut world = World::with_disk(Settings { in_flight_min: 1, ..Settings::default() }, 64 * MIB, GIB);
    let lane = outage(&mut world);
    world.disk().by_hand = true;
    let mut fed = 1;
    for _ in 0..20 {
        fed += u64::from(world.feed(lane, 30, 60_000, 0));
        world.tick(200);
    }
    assert!(fed > 200);
    for _ in 0..2_000 {
        if world.attempts.is_empty() {
            world.tick(100);
        } else {
            world.accept();
        }
    }
    assert_eq!(world.snapshot().total.delivered, fed);
}

#[test]
fn a_lane_that_goes_takes_its_files_with_it_and_begins_anew() {
    let mut world = World::with_disk(Settings::default(), 64 * MIB, GIB);
    let lane = world.lane("s");
    world.feed(lane, 10, 10, 0);
    world.run_until_quiet();
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    world.disk().by_hand = true;
    world.tick(61_000);
    world.tick(61_000);
    assert!(world.disk().orders.iter().any(|order| order.close));
    // Somebody comes while its files are being deleted.
    let again = world.lane("s");
    world.feed(again, 10, 10, 0);
    world.disk().by_hand = false;
    world.settle();
    assert_eq!(world.snapshot().spooled, 10);
    world.crash();
    assert_eq!((world.snapshot().total.recovered, world.snapshot().spooled), (10, 10), "not what was numbered before");
    world.run_until_quiet();
    assert_eq!(world.accepted.len(), 20);
    // Now nobody comes.
    for _ in 0..3 {
        world.tick(61_000);
    }
    assert_eq!(world.snapshot().lanes.len(), 0);
    assert!(world.disk().is_bare());
    assert!(world.engine.next_tick().is_none(), "an idle engine asks for no ticks");
}

#[derive(Clone, Debug)]
enum Op {
    Feed {
        lane: usize,
        count: u32,
        size: usize,
    },
    Tick(u64),
    End {
        index: usize,
        how: u8,
    },
    Disk {
        times: u8,
        reads_first: bool,
    },
    Refuse {
        orders: bool,
        reads: bool,
    },
    Crash {
        accepted: u8,
    },
    /// A minute passes without anybody: lanes go, and are opened again.
    Idle,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0usize..3, 1u32..60, prop_oneof![10usize..300, 10_000usize..70_000])
            .prop_map(|(lane, count, size)| Op::Feed { lane, count, size }),
        4 => (1u64..1_500).prop_map(Op::Tick),
        6 => (any::<usize>(), any::<u8>()).prop_map(|(index, how)| Op::End { index, how }),
        8 => (1u8..20, any::<bool>()).prop_map(|(times, reads_first)| Op::Disk { times, reads_first }),
        1 => any::<(bool, bool)>().prop_map(|(orders, reads)| Op::Refuse { orders, reads }),
        1 => Just(Op::Idle),
        1 => any::<u8>().prop_map(|accepted| Op::Crash { accepted }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Disk, remote end and kills in whatever order: the account adds up and the budget holds at each step, and in the end
    /// every record was accepted, except those that no disk held when a kill came.
    #[test]
    fn what_the_disk_holds_is_delivered_whatever_happens(
        ops in prop::collection::vec(op(), 1..150),
        memory in prop_oneof![Just(8 * MIB), Just(32 * MIB)],
        max in prop_oneof![Just(16 * MIB as u64), Just(GIB)],
        high_water in prop_oneof![Just(MIB), Just(8 * MIB)],
        seed in any::<u64>(),
    ) {
        let settings = Settings { seed, high_water, reach: 0, in_flight_min: 1, in_flight_max: 2, ..Settings::default() };
        let mut world = World::with_disk(settings, memory, max);
        world.disk().by_hand = true;
        let mut lost: HashSet<String> = HashSet::new();
        let mut crashes = 0;
        let names = ["a", "b", "c"];
        let mut fed: HashSet<String> = HashSet::new();
        for op in ops {
            match op {
                Op::Feed { lane, count, size } => {
                    let name = names[lane];
                    let id = world.lane(name);
                    let first = world.fed;
                    world.feed(id, count, size, 0);
                    fed.extend((first..world.fed).map(|number| format!("{name} {number:08} {}", "x".repeat(size))));
                    let now = world.now();
                    world.engine.gone(id, None, 1, now);
                    world.settle();
                }
                Op::Tick(by) => world.tick(by),
                Op::End { index, how } if !world.attempts.is_empty() => {
                    let index = index % world.attempts.len();
                    world.end(index, if how % 3 == 0 { down() } else { Outcome::Accepted { rejected: Vec::new() } });
                }
                Op::Idle => {
                    world.tick(61_000);
                    world.tick(61_000);
                }
                Op::Disk { times, reads_first } => {
                    let first = if reads_first { super::disk::Kind::Recalled } else { super::disk::Kind::Chunk };
                    for _ in 0..times {
                        if !world.do_disk_of(first) {
                            break;
                        }
                        world.settle();
                    }
                }
                Op::Refuse { orders, reads } => (world.disk().failing, world.disk().failing_reads) = (orders, reads),
                Op::Crash { accepted } => {
                    // Some of what was in flight had arrived.
                    for index in (0..world.attempts.len()).rev().filter(|index| accepted >> (index % 8) & 1 == 1) {
                        world.arrive(index);
                    }
                    let safe = world.disk().texts();
                    let gone = fed.iter().filter(|text| !safe.contains(*text) && !world.accepted.contains_key(*text));
                    lost.extend(gone.cloned());
                    crashes += 1;
                    world.crash();
                }
                _ => {}
            }
        }
        (world.disk().failing, world.disk().failing_reads, world.disk().by_hand) = (false, false, false);
        world.settle();
        world.run_until_quiet();
        let missing: Vec<_> =
            fed.iter().filter(|text| !world.accepted.contains_key(*text) && !lost.contains(*text)).map(|t| &t[..12]).collect();
        prop_assert!(missing.is_empty(), "missing: {:?}", missing);
        // Only a kill makes anything arrive twice, and each once more.
        prop_assert!(world.accepted.values().all(|times| *times <= 1 + crashes));
        let snapshot = world.snapshot();
        prop_assert_eq!(snapshot.total.came(), snapshot.total.ended());
        prop_assert_eq!(snapshot.total.dropped(), 0);
        prop_assert_eq!(world.budget.used(), 0);
    }
}
