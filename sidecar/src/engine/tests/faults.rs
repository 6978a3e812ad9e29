//! Class by class: what an answer makes the engine do. What is tried again, how soon and how late, and what is counted.

use super::*;

/// Seeds of the jitter that each bound is looked at with.
const SEEDS: u64 = 24;

fn seeded(seed: u64) -> World {
    World::new(Settings { seed, ..Settings::default() }, 64 * MIB)
}

/// A world with one lane of so many records, all of them in an attempt.
fn attempting(seed: u64, records: u32) -> World {
    let mut world = seeded(seed);
    let lane = world.lane("s");
    world.feed(lane, records, 10, 0);
    until_next(&mut world);
    assert_eq!(world.attempts[0].batch.records, records);
    world
}

/// Goes on until there is something to do; says how many milliseconds later.
#[track_caller]
fn until_next(world: &mut World) -> u64 {
    let from = world.at_ms;
    while world.attempts.is_empty() && world.creates.is_empty() {
        let next = world.engine.next_tick().expect("something is going to happen");
        world.tick((next.as_millis() as u64).saturating_sub(world.at_ms).max(1));
    }
    world.at_ms - from
}

fn unavailable(ambiguous: bool, seconds: Option<u64>) -> Outcome {
    let retry_after = seconds.map(Duration::from_secs);
    Outcome::Unavailable { what: "out of order".to_owned(), ambiguous, retry_after }
}

fn throttled(seconds: Option<u64>) -> Outcome {
    Outcome::Throttled { retry_after: seconds.map(Duration::from_secs) }
}

/// What an outcome does to a lane's only batch.
struct Class {
    name: &'static str,
    outcome: fn() -> Outcome,
    /// Longest wait after the first failure, after the second and so on, in milliseconds: full jitter, so the least is none.
    waits: &'static [u64],
    /// Possible duplicates for each record and failure.
    doubled: u64,
    throttles: u64,
    /// Unavailable, forbidden, refused, credentials.
    failures: [u64; 4],
}

const USUAL: &[u64] = &[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
const LONG: &[u64] = &[7_500, 15_000, 30_000, 60_000, 60_000, 60_000];

const CLASSES: &[Class] = &[
    // At most a quarter of the linger at first, and at most the linger, which each refusal stretches by two seconds.
    Class {
        name: "throttled",
        outcome: || throttled(None),
        waits: &[750, 1_500, 3_000],
        doubled: 0,
        throttles: 1,
        failures: [0; 4],
    },
    Class {
        name: "not taken",
        outcome: || unavailable(false, None),
        waits: USUAL,
        doubled: 0,
        throttles: 0,
        failures: [1, 0, 0, 0],
    },
    Class {
        name: "unsure",
        outcome: || unavailable(true, None),
        waits: USUAL,
        doubled: 1,
        throttles: 0,
        failures: [1, 0, 0, 0],
    },
    Class {
        name: "forbidden",
        outcome: || Outcome::Forbidden { what: "AccessDenied".to_owned() },
        waits: LONG,
        doubled: 0,
        throttles: 0,
        failures: [0, 1, 0, 0],
    },
    Class {
        name: "unsigned",
        outcome: || Outcome::Unsigned { what: "no credentials".to_owned() },
        waits: USUAL,
        doubled: 0,
        throttles: 0,
        failures: [0, 0, 0, 1],
    },
];

#[test]
fn every_class_that_may_pass_is_tried_again_within_its_bounds_and_counted() {
    const RECORDS: u32 = 3;
    for class in CLASSES {
        let mut longest = vec![0; class.waits.len()];
        for seed in 0..SEEDS {
            let mut world = attempting(seed, RECORDS);
            for (most, longest) in class.waits.iter().zip(&mut longest) {
                world.end(0, (class.outcome)());
                assert!(world.snapshot().lanes[0].trouble.is_some(), "{}", class.name);
                let waited = until_next(&mut world);
                assert!(waited <= most + 1, "{}: {waited} of {most} ms", class.name);
                *longest = waited.max(*longest);
            }
            let tries = class.waits.len() as u64;
            world.accept();
            let (total, tally) = (world.snapshot().total, world.snapshot().tally);
            let ended = (total.delivered, total.rejected(), total.dropped());
            assert_eq!(ended, (u64::from(RECORDS), 0, 0), "{}", class.name);
            assert_eq!(total.possible_duplicates, class.doubled * tries * u64::from(RECORDS), "{}", class.name);
            assert_eq!(tally.throttles, class.throttles * tries, "{}", class.name);
            assert_eq!(tally.failures, class.failures.map(|count| count * tries), "{}", class.name);
            assert_eq!((tally.first_attempts, tally.retries), (1, tries), "{}", class.name);
            assert!(world.accepted.values().all(|times| *times == 1), "{}", class.name);
            assert_eq!(world.snapshot().lanes[0].trouble, None, "{}", class.name);
        }
        // The waits are spread over the whole range, not just short.
        let spread = class.waits.iter().zip(&longest).all(|(most, longest)| *longest >= most / 2);
        assert!(spread, "{}: {longest:?} of {:?}", class.name, class.waits);
    }
}

#[test]
fn a_retry_after_is_kept_to_the_millisecond_and_five_minutes_are_the_most() {
    for (asked, kept) in [(0, 0), (1, 1), (299, 299), (300, 300), (301, 300), (86_400, 300), (u64::MAX, 300)] {
        for (outcome, jitter) in [(throttled(Some(asked)), 750), (unavailable(true, Some(asked)), 100)] {
            for seed in 0..SEEDS {
                let mut world = attempting(seed, 1);
                world.end(0, outcome.clone());
                let waited = until_next(&mut world);
                let bounds = kept * 1_000..=kept * 1_000 + jitter + 1;
                assert!(bounds.contains(&waited), "{outcome:?}: {waited} ms");
                world.accept();
            }
        }
    }
}

/// It holds for all that the lane has, once it is more than one failure: nothing else goes meanwhile.
#[test]
fn a_lane_that_was_asked_to_wait_sends_nothing_else() {
    let mut world = attempting(1, 3);
    world.end(0, unavailable(false, None));
    until_next(&mut world);
    world.end(0, unavailable(false, Some(60)));
    let lane = world.lane("s");
    world.feed(lane, 17, 65_000, 0);
    assert!(until_next(&mut world) >= 60_000);
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 20);
}

#[test]
fn what_was_cancelled_goes_again_at_once_and_may_have_arrived() {
    let mut world = attempting(1, 3);
    world.end(0, Outcome::Cancelled);
    assert_eq!(until_next(&mut world), 0);
    world.accept();
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.possible_duplicates), (3, 3));
}

#[test]
fn what_is_missing_is_created_at_once_and_sent_again() {
    let mut world = attempting(1, 3);
    world.end(0, Outcome::Missing);
    assert_eq!((until_next(&mut world), world.creates[0].1), (0, Target::Stream));
    world.created(Created::GroupMissing);
    assert_eq!((until_next(&mut world), world.creates[0].1), (0, Target::Group));
    world.created(Created::Exists);
    // A burst of creations is two, then the rate.
    assert!(until_next(&mut world) <= 101);
    assert_eq!(world.creates[0].1, Target::Stream);
    world.created(Created::Exists);
    assert_eq!(until_next(&mut world), 0);
    world.accept();
    let (total, tally) = (world.snapshot().total, world.snapshot().tally);
    assert_eq!((total.delivered, total.possible_duplicates, tally.creates, tally.failures), (3, 0, 3, [0; 4]));
}

/// How a creation failed, the longest wait after it in milliseconds, and what is counted: throttles, then failures.
type Failing = (Created, std::ops::RangeInclusive<u64>, u64, [u64; 4]);

fn failing() -> Vec<Failing> {
    let failed = |throttled, seconds: Option<u64>| Created::Failed {
        what: "out of order".to_owned(),
        throttled,
        retry_after: seconds.map(Duration::from_secs),
    };
    vec![
        (failed(true, None), 0..=101, 1, [0; 4]),
        (failed(true, Some(7)), 7_000..=7_101, 1, [0; 4]),
        (failed(false, None), 0..=101, 0, [1, 0, 0, 0]),
        (failed(false, Some(86_400)), 300_000..=300_101, 0, [1, 0, 0, 0]),
        (Created::Forbidden("AccessDenied".to_owned()), 0..=30_001, 0, [0, 1, 0, 0]),
        (Created::Unsigned("no credentials".to_owned()), 0..=101, 0, [0, 0, 0, 1]),
    ]
}

#[test]
fn a_creation_that_fails_is_waited_out_and_the_put_is_tried_again() {
    for target in [Target::Stream, Target::Group] {
        for (created, waits, throttles, failures) in failing() {
            for seed in 0..SEEDS {
                let mut world = attempting(seed, 3);
                world.end(0, Outcome::Missing);
                if target == Target::Group {
                    world.created(Created::GroupMissing);
                }
                assert_eq!(world.creates[0].1, target);
                world.created(created.clone());
                let waited = until_next(&mut world);
                assert!(waits.contains(&waited), "{target:?} {created:?}: {waited}");
                // Perhaps somebody else has created it meanwhile.
                assert_eq!((world.attempts.len(), world.creates.len()), (1, 0), "{created:?}");
                world.accept();
                let (total, tally) = (world.snapshot().total, world.snapshot().tally);
                assert_eq!((total.delivered, total.possible_duplicates), (3, 0), "{created:?}");
                assert_eq!((tally.throttles, tally.failures), (throttles, failures), "{target:?} {created:?}");
            }
        }
    }
}

#[test]
fn where_nothing_may_be_created_what_is_missing_is_waited_for() {
    for seed in 0..SEEDS {
        let mut world = World::new(Settings { seed, create_stream: false, ..Settings::default() }, 64 * MIB);
        let lane = world.lane("s");
        world.feed(lane, 3, 10, 0);
        until_next(&mut world);
        world.end(0, Outcome::Missing);
        assert!(until_next(&mut world) <= 7_501);
        assert!(world.creates.is_empty());
        world.accept();
        assert_eq!(world.snapshot().tally.failures, [0, 1, 0, 0], "somebody must act");
    }
    let mut world = World::new(Settings { create_group: false, ..Settings::default() }, 64 * MIB);
    let lane = world.lane("s");
    world.feed(lane, 3, 10, 0);
    until_next(&mut world);
    world.end(0, Outcome::Missing);
    world.created(Created::GroupMissing);
    assert!(until_next(&mut world) <= 30_001);
    assert!(world.creates.is_empty());
    assert_eq!(world.snapshot().tally.failures, [0, 1, 0, 0], "somebody must act");
}

/// Plays a CloudWatch that refuses every call with one of these records in it, until nothing moves. Says how many calls it saw.
fn poisoned(world: &mut World, poison: &[u64]) -> u32 {
    let mut calls = 0;
    while world.snapshot().in_memory > 0 {
        until_next(world);
        let is_poison = |text: &[u8]| {
            let number = String::from_utf8_lossy(&text[..8]).parse().unwrap();
            poison.contains(&number)
        };
        let parts = world.attempts[0].batch.parts.iter();
        let refused =
            parts.flat_map(|part| part.chunk.range(part.records.clone())).any(|record| is_poison(record.text));
        calls += 1;
        match refused {
            true => world.end(0, Outcome::Refused { what: "InvalidParameterException".to_owned() }),
            false => world.accept(),
        }
    }
    calls
}

#[test]
fn one_poison_record_of_ten_thousand_costs_itself_only() {
    for poison in [0, 1, 4_999, 5_000, 6_789, 9_998, 9_999] {
        let mut world = attempting(1, 10_000);
        let calls = poisoned(&mut world, &[poison]);
        let total = world.snapshot().total;
        let ended = (total.delivered, total.rejected(), total.dropped(), total.possible_duplicates);
        assert_eq!(ended, (9_999, 1, 0, 0), "{poison}");
        assert_eq!(total.rejected_for(account::Rejected::Invalid), 1);
        assert!(calls <= 29, "two for each of fourteen halvings, and the first: {calls}");
        assert!(world.accepted.values().all(|times| *times == 1));
    }
}

#[test]
fn three_poison_records_of_ten_thousand_cost_themselves_only() {
    for poison in [[0, 5_000, 9_999], [17, 18, 19], [2_499, 2_500, 7_500]] {
        let mut world = attempting(1, 10_000);
        poisoned(&mut world, &poison);
        let total = world.snapshot().total;
        assert_eq!((total.delivered, total.rejected(), total.dropped()), (9_997, 3, 0), "{poison:?}");
        assert!(world.accepted.values().all(|times| *times == 1));
    }
}

#[test]
fn where_ten_thousand_are_refused_none_is_rejected_and_calls_are_few() {
    let mut world = attempting(1, 10_000);
    let mut calls = 0;
    while world.at_ms < 60_000 {
        until_next(&mut world);
        world.end(0, Outcome::Refused { what: "InvalidParameterException".to_owned() });
        calls += 1;
    }
    let total = world.snapshot().total;
    assert_eq!((total.delivered, total.rejected(), world.snapshot().in_memory), (0, 0, 10_000));
    assert!(calls <= 200, "a bisection and its cap of 64, then the long backoff: {calls} calls in a minute");
    world.run_until_quiet();
    assert_eq!(world.snapshot().total.delivered, 10_000);
}
