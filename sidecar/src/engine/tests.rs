//! The engine as a whole, in simulated time: no socket, no clock, no task.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::account::Dropped;
use super::budget::Payment;
use super::chunk::{Run, TEXT};
use super::create::{Created, Target};
use super::flush::{Asker, Flushed, Level};
use super::limits::{BATCH_BYTES, BATCH_EVENTS, BATCH_SPAN_MS};
use super::snapshot::Snapshot;
use super::*;
use crate::config::Destination;
use splashdam::wire::Ack;

/// How long an end may take where a test does not say.
const SHUTDOWN: Duration = Duration::from_secs(25);

mod adapting;
mod books;
mod cursors;
mod disk;
mod disk_room;
mod failing;
mod faults;
mod going;
mod mutants;
mod mutants_more;
mod mutants_rest;
mod reading;
mod recalling;
mod sending;
mod spooled;
mod throttled;
mod told;
mod waiting;

const MIB: usize = 1024 * 1024;

/// An engine, what it asked for, and a CloudWatch that a test can play.
struct World {
    engine: Engine,
    budget: Arc<Budget>,
    at_ms: u64,
    attempts: Vec<Attempt>,
    creates: Vec<(LaneId, Target)>,
    acks: HashMap<u64, Ack>,
    flushed: Vec<(u64, Flushed)>,
    resumed: Vec<LaneId>,
    drained: bool,
    failing: Vec<(String, Duration, u64)>,
    flushed_all: Vec<bool>,
    /// Every record's text that CloudWatch accepted, and how often.
    accepted: HashMap<String, u32>,
    fed: u64,
    disk: Option<disk::Disk>,
    did: books::Did,
}

impl World {
    fn new(settings: Settings, memory: usize) -> Self {
        let budget = Budget::new(memory);
        World {
            engine: Engine::new(settings, Arc::clone(&budget)),
            budget,
            at_ms: 0,
            attempts: Vec::new(),
            creates: Vec::new(),
            acks: HashMap::new(),
            flushed: Vec::new(),
            resumed: Vec::new(),
            drained: false,
            failing: Vec::new(),
            flushed_all: Vec::new(),
            accepted: HashMap::new(),
            fed: 0,
            disk: None,
            did: books::Did::default(),
        }
    }

    fn now(&self) -> Now {
        Now::from_millis(self.at_ms)
    }

    fn lane(&mut self, name: &str) -> LaneId {
        let now = self.now();
        let lane = self.engine.open_lane(&Destination::parse("group", name).unwrap(), now).unwrap();
        self.engine.connected(lane);
        lane
    }

    fn hello(&mut self, lane: LaneId, client: [u8; 16], oldest: u64, connection: u64) -> Welcome {
        let now = self.now();
        let Hello::Welcome(welcome) = self.engine.hello(lane, client, oldest, connection, now) else {
            panic!("not welcome")
        };
        welcome
    }

    /// Performs what the engine asked for and checks what must always hold.
    fn settle(&mut self) {
        self.perform();
        while self.disk.as_ref().is_some_and(|disk| !disk.by_hand) && self.do_disk() {
            self.perform();
        }
    }

    fn perform(&mut self) {
        for command in self.engine.take_commands() {
            match command {
                Command::Attempt(attempt) => {
                    check_limits(&attempt);
                    self.attempts.push(attempt);
                }
                Command::Create { lane, what, .. } => self.creates.push((lane, what)),
                Command::Acknowledge { connection, ack } => {
                    self.acks.insert(connection, ack);
                }
                Command::Flushed { ticket, flushed, .. } => self.flushed.push((ticket, flushed)),
                Command::FlushedAll { reached, .. } => self.flushed_all.push(reached),
                Command::Resume(lane) => self.resumed.push(lane),
                Command::Drained => self.drained = true,
                Command::Failing { what, lasted, waiting, .. } => self.failing.push((what, lasted, waiting)),
                Command::LossBegan { .. } | Command::LossTold { .. } => {}
                Command::Order(order) => self.disk().orders.push_back(*order),
                Command::Read { destination, read } => self.disk().reads.push_back((destination, read)),
                Command::Index { lane, destination } => self.disk().indexes.push_back((lane, destination)),
            }
        }
        let snapshot = self.engine.snapshot(self.now());
        assert!(snapshot.adds_up(), "the account does not add up: {:?}", snapshot.total);
        assert!(self.budget.used() <= self.budget.total());
        self.check_books();
    }

    /// Feeds `count` records; how many found room.
    fn feed(&mut self, lane: LaneId, count: u32, size: usize, shift_ms: i64) -> u32 {
        let now = self.now();
        for done in 0..count {
            let text = format!("{:08} {}", self.fed, "x".repeat(size));
            let mut builder = match self.engine.claim(lane, text.len(), now) {
                Claim::Granted(builder) => builder,
                Claim::Wait => {
                    self.settle();
                    return done;
                }
                Claim::Drop => {
                    self.engine.append_ended(lane, Run::of_text(1), Dropped::Overflow, now);
                    self.fed += 1;
                    continue;
                }
            };
            builder.push(now.wall_ms + shift_ms, text.as_bytes());
            builder.own(Run::of_text(1));
            self.engine.append(lane, builder.seal(), now);
            self.fed += 1;
        }
        self.settle();
        count
    }

    /// Feeds one chunk of `count` records of a channel.
    fn feed_channel(&mut self, lane: LaneId, channel: u32, first_sequence: u64, count: u32) {
        let now = self.now();
        let Claim::Granted(mut builder) = self.engine.claim(lane, 20 * count as usize, now) else { panic!("no room") };
        for index in 0..u64::from(count) {
            builder.push(now.wall_ms, format!("{:08}", self.fed + index).as_bytes());
            builder.own(Run { channel, first_sequence: first_sequence + index, sequences: 1, records: 1 });
        }
        self.fed += u64::from(count);
        self.engine.append(lane, builder.seal(), now);
        self.settle();
    }

    /// Records of one channel in chunks of a hundred; every other one is `shift_ms` away from the present.
    fn feed_mixed(&mut self, lane: LaneId, channel: u32, count: u32, shift_ms: i64) {
        let now = self.now();
        for first in (0..count).step_by(100) {
            let Claim::Granted(mut builder) = self.engine.claim(lane, 20 * 100, now) else { panic!("no room") };
            for index in first..first + 100 {
                let at = now.wall_ms + if index % 2 == 0 { 0 } else { shift_ms };
                builder.push(at, format!("{:08}", self.fed).as_bytes());
                builder.own(Run { channel, first_sequence: u64::from(index) + 1, sequences: 1, records: 1 });
                self.fed += 1;
            }
            self.engine.append(lane, builder.seal(), now);
        }
        self.settle();
    }

    fn tick(&mut self, by_ms: u64) {
        self.at_ms += by_ms;
        let now = self.now();
        self.engine.tick(now);
        self.settle();
    }

    /// CloudWatch takes all of the attempt at `index`, and nobody hears of it.
    fn arrive(&mut self, index: usize) {
        let attempt = self.attempts.swap_remove(index);
        self.take_in(&attempt, &[]);
    }

    /// Ends the attempt at `index`.
    fn end(&mut self, index: usize, outcome: Outcome) {
        let attempt = self.attempts.swap_remove(index);
        self.did.calls += 1;
        // At the end nobody is told any more.
        let throttled = matches!(outcome, Outcome::Throttled { .. }) && self.engine.phase <= Phase::Draining;
        self.did.throttled += u64::from(throttled);
        if let Outcome::Accepted { rejected } = &outcome {
            self.did.accepted += 1;
            self.did.records += u64::from(attempt.batch.records);
            self.did.bytes += u64::from(attempt.batch.cost);
            self.take_in(&attempt, rejected);
        }
        drop::<Payment>(attempt.body);
        let report = Report {
            id: attempt.id,
            batch: attempt.batch,
            outcome,
            took: Some(Duration::from_millis(10)),
            growth: Some(1.1),
        };
        let now = self.now();
        self.engine.attempt_ended(report, now);
        self.settle();
    }

    fn take_in(&mut self, attempt: &Attempt, rejected: &[RejectedRange]) {
        for (part_index, part) in attempt.batch.parts.iter().enumerate() {
            for (record, place) in part.chunk.range(part.records.clone()).zip(part.records.clone()) {
                if !rejected.iter().any(|r| r.part == part_index && r.records.contains(&place)) {
                    // Two lanes may tell of like losses in like words.
                    let text = format!("{} {}", attempt.destination.stream(), String::from_utf8_lossy(record.text));
                    *self.accepted.entry(text).or_default() += 1;
                }
            }
        }
    }

    fn accept(&mut self) {
        self.end(0, Outcome::Accepted { rejected: Vec::new() });
    }

    fn created(&mut self, created: Created) {
        let (lane, what) = self.creates.remove(0);
        self.end_creation(lane, what, created);
        self.settle();
    }

    fn end_creation(&mut self, lane: LaneId, what: Target, created: Created) {
        self.did.created += u64::from(!matches!(created, Created::Unsigned(_)));
        self.did.throttled += u64::from(matches!(created, Created::Failed { throttled: true, .. }));
        let now = self.now();
        self.engine.created(lane, what, created, now);
    }

    /// Plays a healthy CloudWatch until nothing moves any more.
    fn run_until_quiet(&mut self) {
        for _ in 0..100_000 {
            while !self.attempts.is_empty() {
                self.accept();
            }
            while !self.creates.is_empty() {
                self.created(Created::Exists);
            }
            let snapshot = self.engine.snapshot(self.now());
            let looked_at =
                |lane: &lane::Lane| lane.disk.as_ref().is_none_or(|disk| disk.known == lane::disk::Known::All);
            let unknown = !self.engine.lanes.iter().all(|(_, lane)| looked_at(lane));
            let quiet = snapshot.in_memory + snapshot.spooled == 0 && !unknown;
            match self.engine.next_tick() {
                Some(at) if !quiet => self.tick((at.as_millis() as u64 + 1).saturating_sub(self.at_ms).max(1)),
                _ if quiet => return,
                _ if !self.attempts.is_empty() || !self.creates.is_empty() => {}
                _ => panic!("records wait and nothing is going to happen, {} bytes used", self.budget.used()),
            }
        }
        panic!("it never becomes quiet");
    }

    fn snapshot(&self) -> Snapshot {
        self.engine.snapshot(self.now())
    }
}

fn check_limits(attempt: &Attempt) {
    let batch = &attempt.batch;
    let records: Vec<_> = batch.parts.iter().flat_map(|part| part.chunk.range(part.records.clone())).collect();
    let cost: usize = records.iter().map(|record| record.text.len() + 26).sum();
    assert_eq!((records.len(), cost), (batch.records as usize, batch.cost as usize));
    assert!(batch.cost <= BATCH_BYTES && batch.records >= 1 && batch.records <= BATCH_EVENTS);
    let stamps = records.iter().map(|record| record.timestamp_ms);
    assert!(stamps.clone().max().unwrap() - stamps.min().unwrap() <= BATCH_SPAN_MS);
}

fn client(number: u8) -> [u8; 16] {
    [number; 16]
}

#[test]
fn a_lone_record_goes_after_the_quiet_time_and_the_next_after_a_linger() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    assert!(world.attempts.is_empty());
    world.tick(49);
    assert!(world.attempts.is_empty());
    world.tick(1);
    assert_eq!(world.attempts.len(), 1);
    world.accept();
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    assert!(world.attempts.is_empty(), "at most one early batch a linger");
    world.tick(1_000);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn a_full_batch_goes_at_once() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 17, 65_000, 0);
    assert_eq!(world.attempts.len(), 1);
    assert!(world.attempts[0].batch.cost > BATCH_BYTES / 100 * 93);
}

#[test]
fn until_a_stream_is_known_to_exist_one_attempt_asks_for_all() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 64, 65_000, 0);
    assert_eq!(world.attempts.len(), 1);
    world.end(0, Outcome::Missing);
    assert_eq!(world.creates, [(lane, Target::Stream)]);
    assert!(world.attempts.is_empty(), "nothing is sent to a stream that does not exist");
    world.created(Created::GroupMissing);
    assert_eq!(world.creates, [(lane, Target::Group)]);
    world.created(Created::Exists);
    // The third call within a moment waits for a token.
    world.tick(200);
    assert_eq!(world.creates, [(lane, Target::Stream)]);
    world.created(Created::Exists);
    world.accept();
    assert!(world.attempts.len() > 1, "now it may have several in flight");
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 64);
}

#[test]
fn lanes_that_miss_one_group_create_it_once() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lanes: Vec<_> = (0..5).map(|i| world.lane(&format!("s{i}"))).collect();
    for lane in &lanes {
        world.feed(*lane, 1, 10, 0);
    }
    world.tick(60);
    while !world.attempts.is_empty() {
        world.end(0, Outcome::Missing);
    }
    let mut groups = 0;
    for _ in 0..200 {
        let streams = world.creates.iter().filter(|(_, what)| *what == Target::Stream).count();
        if streams == 0 {
            world.tick(100);
            groups = groups.max(world.creates.iter().filter(|(_, what)| *what == Target::Group).count());
            continue;
        }
        let index = world.creates.iter().position(|(_, what)| *what == Target::Stream).unwrap();
        let (lane, what) = world.creates.remove(index);
        world.end_creation(lane, what, Created::GroupMissing);
        world.settle();
    }
    assert_eq!(groups, 1);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 5);
}

#[test]
fn a_forbidden_create_does_not_stop_the_lane_for_ever() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.end(0, Outcome::Missing);
    world.created(Created::Forbidden("AccessDenied".to_owned()));
    assert_eq!(world.snapshot().lanes[0].state, "backing off");
    assert_eq!(world.snapshot().tally.failures, [0, 1, 0, 0], "somebody must act: an alert of its own");
    world.run_until_quiet();
    assert!(world.at_ms <= 62_000, "tried again within a minute, at {}", world.at_ms);
    assert_eq!(world.snapshot().lanes[0].trouble, None);
}

#[test]
fn what_fails_is_sent_again_until_it_is_delivered() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 3, 10, 0);
    world.tick(60);
    for ambiguous in [false, true, true] {
        world.end(0, Outcome::Unavailable { what: "500".to_owned(), ambiguous, retry_after: None });
        while world.attempts.is_empty() {
            world.tick(50);
        }
    }
    assert_eq!(world.snapshot().total.possible_duplicates, 6, "two ambiguous failures of three records");
    world.accept();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, world.snapshot().tally.retries, world.snapshot().tally.first_attempts), (3, 3, 1));
}

#[test]
fn retry_after_is_obeyed() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.end(0, Outcome::Throttled { retry_after: Some(Duration::from_secs(20)) });
    world.tick(19_999);
    assert!(world.attempts.is_empty());
    // And what jitter adds: a quarter of the linger, which the refusal has made longer.
    world.tick(1_000);
    assert_eq!(world.attempts.len(), 1);
}

#[test]
fn a_batch_that_waits_for_its_retry_is_not_forgotten_where_the_rest_is_out_of_reach() {
    let mut world = World::new(Settings { reach: 0, ..Settings::default() }, 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 1, 10, 0);
    world.tick(60);
    world.accept();
    // Less than the high-water mark, more than the reach; and no waiting connection, whose timer would wake the lane.
    assert_eq!(world.feed(lane, 120, 60_000, 0), 120);
    world.end(0, Outcome::Throttled { retry_after: Some(Duration::from_secs(2)) });
    // All others go well, until what failed is all that is within reach.
    while !world.attempts.is_empty() {
        world.accept();
    }
    assert!(world.snapshot().in_memory > 0);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, world.fed);
    // Not just when some other timer happens to go off.
    assert!(world.at_ms < 5_000, "it took until {} ms", world.at_ms);
}

#[test]
fn a_stuck_lane_leaves_the_others_room_and_attempts() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let stuck = world.lane("stuck");
    let good = world.lane("good");
    world.feed(stuck, 1, 10, 0);
    world.tick(60);
    world.end(0, Outcome::Forbidden { what: "no".to_owned() });
    assert_eq!(world.snapshot().tally.failures[Failed::Forbidden as usize], 1);
    world.end_all_of("stuck");
    // It takes what it can get, and its attempts hang.
    for _ in 0..50 {
        world.feed(stuck, 2_000, 60_000, 0);
        world.tick(200);
        world.end_all_of("none");
    }
    let held = world.snapshot().lanes.iter().find(|lane| lane.destination.stream().as_str() == "stuck").unwrap().bytes;
    assert!(held > 16 * MIB, "a lane in trouble fills its share, it holds {held}");
    for round in 1..=20 {
        assert_eq!(world.feed(good, 20, 60_000, 0), 20, "room in round {round}");
        world.tick(1_100);
        while let Some(index) = world.attempt_of("good") {
            world.end(index, Outcome::Accepted { rejected: Vec::new() });
        }
    }
    let snapshot = world.snapshot();
    let good = snapshot.lanes.iter().find(|lane| lane.destination.stream().as_str() == "good").unwrap();
    assert!(good.account.delivered >= 390, "{good:?}");
}

impl World {
    fn attempt_of(&self, stream: &str) -> Option<usize> {
        self.attempts.iter().position(|attempt| attempt.destination.stream().as_str() == stream)
    }

    fn end_all_of(&mut self, stream: &str) {
        while let Some(index) = self.attempt_of(stream) {
            self.end(index, Outcome::Unavailable { what: "x".to_owned(), ambiguous: false, retry_after: None });
        }
    }
}

#[test]
fn a_healthy_lane_stops_at_its_mark_and_goes_on_when_there_is_room() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let took = world.feed(lane, 1_000, 60_000, 0);
    assert!((100..160).contains(&took), "about 8 MiB of 60 KB records, not {took}");
    assert!(world.resumed.is_empty());
    // A connection that has waited for 100 ms may fill the share.
    world.tick(100);
    assert_eq!(world.resumed, [lane]);
    let more = world.feed(lane, 1_000, 60_000, 0);
    assert!(more > took, "{more} after {took}");
    world.run_until_quiet();
    assert!(world.resumed.len() > 1, "delivery makes room");
    assert_eq!(world.snapshot().total.delivered, u64::from(took + more));
}

#[test]
fn acks_follow_the_watermark_in_order() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let welcome = world.hello(lane, client(1), 1, 7);
    assert_eq!((welcome.resume, welcome.known, welcome.fenced), (0, false, None));
    world.feed_channel(lane, welcome.channel, 1, 500);
    world.tick(60);
    world.accept();
    assert_eq!(world.acks[&7].ended_to, 500);
    assert_eq!(world.acks[&7].delivered, 500);
    // Two batches, the later one ends first: the watermark waits for the earlier one.
    world.feed_channel(lane, welcome.channel, 501, 500);
    world.tick(1_100);
    world.feed_channel(lane, welcome.channel, 1_001, 500);
    world.tick(1_100);
    assert_eq!(world.attempts.len(), 2);
    world.end(1, Outcome::Accepted { rejected: Vec::new() });
    assert_eq!(world.acks[&7].ended_to, 500);
    world.accept();
    assert_eq!((world.acks[&7].ended_to, world.acks[&7].delivered), (1_500, 1_500));
    let again = world.hello(lane, client(1), 1_501, 8);
    assert_eq!((again.resume, again.known, again.fenced), (1_500, true, Some(7)));
}

/// A client that reconnects may have its new hello read before the old one.
#[test]
fn the_connection_accepted_last_holds_the_channel() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 8).channel;
    let now = world.now();
    assert_eq!(world.engine.hello(lane, client(1), 1, 7, now), Hello::Fenced);
    world.feed_channel(lane, channel, 1, 5);
    world.tick(60);
    world.accept();
    assert_eq!(world.acks[&8].delivered, 5, "the newer one goes on");
    world.engine.gone(lane, Some(channel), 8, now);
    assert!(world.hello(lane, client(1), 6, 9).known);
}

#[test]
fn a_flush_is_answered_when_all_before_it_has_ended_or_time_is_up() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    let now = world.now();
    let asker = |ticket| Asker::Client { connection: 7, channel, ticket };
    world.engine.flush(lane, asker(1), Level::Ended, Duration::from_secs(5), now);
    world.settle();
    assert_eq!(world.attempts.len(), 1, "a waiting flush sends at once");
    world.engine.flush(lane, asker(2), Level::Ended, Duration::from_millis(100), now);
    world.settle();
    world.tick(100);
    assert_eq!(world.flushed, [(2, Flushed { pending: 10, ..Flushed::default() })]);
    world.accept();
    assert_eq!(world.flushed[1], (1, Flushed { reached: true, delivered: 10, ..Flushed::default() }));
    let now = world.now();
    world.engine.flush(lane, asker(3), Level::Ended, Duration::from_secs(5), now);
    world.settle();
    assert!(world.flushed[2].1.reached, "nothing to wait for");
}

#[test]
fn rejected_records_are_counted_for_their_channel_with_their_reason() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    let channel = world.hello(lane, client(1), 1, 7).channel;
    world.feed_channel(lane, channel, 1, 10);
    world.tick(60);
    let rejected = vec![
        RejectedRange { part: 0, records: 0..2, reason: account::Rejected::TooOld },
        RejectedRange { part: 0, records: 9..10, reason: account::Rejected::TooNew },
    ];
    world.end(0, Outcome::Accepted { rejected });
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.rejected()), (7, 3));
    assert_eq!(total.rejected_for(account::Rejected::TooOld), 2);
    assert_eq!((world.acks[&7].delivered, world.acks[&7].rejected, world.acks[&7].ended_to), (7, 3, 10));
}

#[test]
fn drop_newest_and_drop_oldest_count_what_they_drop_and_tell_it_in_the_stream() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let settings = Settings { overflow, ..Settings::default() };
        let mut world = World::new(settings, 16 * MIB);
        let lane = world.lane("s");
        for _ in 0..10 {
            world.feed(lane, 300, 60_000, 0);
            world.tick(150);
        }
        let snapshot = world.snapshot();
        assert!(snapshot.total.dropped_for(Dropped::Overflow) > 500, "{overflow:?}");
        world.run_until_quiet();
        world.tick(2_000);
        world.run_until_quiet();
        let snapshot = world.snapshot();
        assert_eq!(snapshot.total.generated, 1, "{overflow:?}: one marker");
        let marker = world.accepted.keys().find(|text| text.contains("\"splashdam\":\"loss\"")).unwrap();
        let told: serde_json::Value = serde_json::from_str(marker.trim_start_matches("s ")).unwrap();
        assert_eq!(told["count"], snapshot.total.dropped());
        assert_eq!(world.accepted.len() as u64, snapshot.total.delivered);
    }
}

#[test]
fn tombstones_do_not_pile_up() {
    let settings = Settings { overflow: Overflow::DropOldest, ..Settings::default() };
    let mut world = World::new(settings, 16 * MIB);
    let lane = world.lane("s");
    for _ in 0..40 {
        world.feed(lane, 500, 60_000, 0);
        world.tick(150);
    }
    let chunks = world.engine.lanes.get(lane).unwrap().queue.len();
    assert!(chunks < 400, "{chunks} chunks in the lane");
}

#[test]
fn disabled_takes_everything_and_ships_nothing() {
    let mut world = World::new(Settings { disabled: true, ..Settings::default() }, 16 * MIB);
    let lane = world.lane("s");
    assert_eq!(world.feed(lane, 5_000, 60_000, 0), 5_000);
    let total = world.snapshot().total;
    assert_eq!((total.dropped_for(Dropped::Disabled), total.has_loss()), (5_000, false));
    assert!(world.attempts.is_empty());
}

#[test]
fn drain_sends_everything_and_says_when_it_is_done() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lanes: Vec<_> = (0..5).map(|i| world.lane(&format!("s{i}"))).collect();
    for lane in &lanes {
        world.feed(*lane, 3, 10, 0);
    }
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    assert_eq!(world.attempts.len(), 5);
    assert!(!world.drained);
    while !world.attempts.is_empty() {
        world.accept();
    }
    assert!(world.drained);
}

#[test]
fn giving_up_drops_the_rest_counted() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 40, 60_000, 0);
    let now = world.now();
    world.engine.drain(SHUTDOWN, now);
    world.settle();
    let out: u32 = world.attempts.iter().map(|attempt| attempt.batch.records).sum();
    world.engine.give_up(now);
    world.settle();
    assert_eq!(world.snapshot().total.dropped_for(Dropped::Shutdown), u64::from(40 - out));
    assert!(!world.drained);
    while !world.attempts.is_empty() {
        world.end(0, Outcome::Cancelled);
    }
    assert!(world.drained);
    let total = world.snapshot().total;
    assert_eq!((total.dropped_for(Dropped::Shutdown), total.possible_duplicates), (40, u64::from(out)));
}

#[test]
fn an_idle_lane_goes_and_its_counts_stay() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 4, 10, 0);
    world.run_until_quiet();
    let now = world.now();
    world.engine.gone(lane, None, 1, now);
    world.tick(61_000);
    world.tick(61_000);
    let snapshot = world.snapshot();
    assert_eq!((snapshot.lanes.len(), snapshot.total.delivered), (0, 4));
    assert!(world.engine.next_tick().is_none(), "an idle engine asks for no ticks");
}

#[test]
fn at_the_cap_the_lane_idle_longest_makes_way_and_a_busy_one_never() {
    let mut world = World::new(Settings { lanes: 2, ..Settings::default() }, 64 * MIB);
    let (first, second) = (world.lane("a"), world.lane("b"));
    world.feed(second, 1, 10, 0);
    let now = world.now();
    let third = Destination::parse("group", "c").unwrap();
    assert_eq!(world.engine.open_lane(&third, now), None);
    world.engine.gone(first, None, 1, now);
    world.engine.gone(second, None, 2, now);
    assert!(world.engine.open_lane(&third, now).is_some());
    assert!(world.engine.lanes.find(&Destination::parse("group", "a").unwrap()).is_none());
}

/// Two lanes of which a flush of all waits: one has delivered.
fn flush_of_all_half_done() -> World {
    let mut world = World::new(Settings::default(), 64 * MIB);
    for name in ["a", "b"] {
        let lane = world.lane(name);
        world.feed(lane, 1, 10, 0);
    }
    let now = world.now();
    world.engine.flush_all(1, Duration::from_secs(5), now);
    world.settle();
    world.accept();
    assert!(world.flushed_all.is_empty(), "one is not all");
    world
}

#[test]
fn flush_all_waits_for_every_lane() {
    let mut world = flush_of_all_half_done();
    let now = world.now();
    world.accept();
    assert_eq!(world.flushed_all, [true]);
    world.engine.flush_all(2, Duration::from_secs(5), now);
    world.settle();
    assert_eq!(world.flushed_all, [true, true]);
}

#[test]
fn the_number_in_flight_follows_what_the_remote_end_can_take() {
    let mut world = World::new(Settings::default(), 64 * MIB);
    let lane = world.lane("s");
    for _ in 0..400 {
        world.feed(lane, 200, 60_000, 0);
        if !world.attempts.is_empty() {
            world.accept();
        }
        world.tick(1);
    }
    let limit = world.engine.lanes.get(lane).unwrap().limit;
    assert_eq!(limit, 16, "constant latency and a backlog: as many as allowed");
}

#[derive(Clone, Debug)]
enum Op {
    Feed { lane: usize, count: u32, size: usize, shift_ms: i64 },
    Tick(u64),
    End { index: usize, how: u8 },
    Create { how: u8 },
    Flush { lane: usize },
    Gone { lane: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let shift = prop_oneof![Just(0i64), Just(-108_000_000), Just(3_600_000), -1_000i64..1_000];
    prop_oneof![
        4 => (0usize..4, 1u32..80, prop_oneof![10usize..300, 10_000usize..70_000], shift)
            .prop_map(|(lane, count, size, shift_ms)| Op::Feed { lane, count, size, shift_ms }),
        4 => (1u64..2_000).prop_map(Op::Tick),
        6 => (any::<usize>(), any::<u8>()).prop_map(|(index, how)| Op::End { index, how }),
        2 => any::<u8>().prop_map(|how| Op::Create { how }),
        1 => (0usize..4).prop_map(|lane| Op::Flush { lane }),
        1 => (0usize..4).prop_map(|lane| Op::Gone { lane }),
    ]
}

fn outcome(how: u8, attempt: &Attempt) -> Outcome {
    let what = "played".to_owned();
    match how % 10 {
        0 => Outcome::Throttled { retry_after: None },
        1 => Outcome::Unavailable { what, ambiguous: how > 127, retry_after: None },
        2 => Outcome::Missing,
        3 => Outcome::Forbidden { what },
        4 => Outcome::Refused { what },
        5 => Outcome::TooLarge,
        6 => {
            let records = attempt.batch.parts[0].records.start..attempt.batch.parts[0].records.start + 1;
            Outcome::Accepted { rejected: vec![RejectedRange { part: 0, records, reason: account::Rejected::TooOld }] }
        }
        _ => Outcome::Accepted { rejected: Vec::new() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order: the account adds up, the budget holds, every batch is within the limits (all
    /// checked at each step), and once the remote end is well again every record has ended, delivered exactly once unless it
    /// was rejected or dropped.
    #[test]
    fn nothing_is_lost_whatever_happens(
        ops in prop::collection::vec(op(), 1..120),
        overflow in prop_oneof![Just(Overflow::Block), Just(Overflow::DropNewest), Just(Overflow::DropOldest)],
        memory in prop_oneof![Just(8 * MIB), Just(32 * MIB)],
        seed in any::<u64>(),
    ) {
        let mut world = World::new(Settings { overflow, seed, reach: 0, in_flight_min: 1, ..Settings::default() }, memory);
        let lanes: Vec<_> = (0..4).map(|i| world.lane(&format!("s{i}"))).collect();
        for op in ops {
            match op {
                Op::Feed { lane, count, size, shift_ms } => {
                    world.feed(lanes[lane], count, size, shift_ms);
                }
                Op::Tick(by) => world.tick(by),
                Op::End { index, how } if !world.attempts.is_empty() => {
                    let index = index % world.attempts.len();
                    let outcome = outcome(how, &world.attempts[index]);
                    world.end(index, outcome);
                }
                Op::Create { how } if !world.creates.is_empty() => world.created(match how % 5 {
                    0 => Created::Forbidden("no".to_owned()),
                    1 => Created::GroupMissing,
                    2 => Created::Failed { what: "500".to_owned(), throttled: how > 127, retry_after: None },
                    _ => Created::Exists,
                }),
                Op::Flush { lane } => {
                    let now = world.now();
                    let asker = Asker::Client { connection: 1, channel: TEXT, ticket: 1 };
                    world.engine.flush(lanes[lane], asker, Level::Ended, Duration::from_secs(1), now);
                    world.settle();
                }
                // A phantom connection that goes: lanes must not be taken away under those that are here.
                Op::Gone { lane } => {
                    world.engine.connected(lanes[lane]);
                    let now = world.now();
                    world.engine.gone(lanes[lane], None, 99, now);
                    world.settle();
                }
                _ => {}
            }
        }
        world.run_until_quiet();
        let snapshot = world.snapshot();
        prop_assert_eq!(snapshot.total.came(), snapshot.total.ended());
        prop_assert_eq!(snapshot.total.received, world.fed);
        prop_assert_eq!(world.accepted.len() as u64, snapshot.total.delivered);
        prop_assert!(world.accepted.values().all(|times| *times == 1));
        let distinct: HashSet<_> = world.accepted.keys().collect();
        prop_assert_eq!(distinct.len() as u64, snapshot.total.delivered);
        if overflow == Overflow::Block {
            prop_assert_eq!(snapshot.total.dropped(), 0);
        }
        prop_assert_eq!(world.budget.used(), 0);
    }
}
