use super::*;

#[test]
fn waits_grow_within_their_bounds() {
    let backoff = Backoff { least: Duration::from_millis(100), most: Duration::from_secs(30) };
    let mut jitter = Jitter::new(1);
    for (tries, most) in [(1, 100), (2, 200), (5, 1_600), (9, 25_600), (10, 30_000), (4_000_000, 30_000)] {
        let waits: Vec<_> = (0..200).map(|_| backoff.wait(tries, None, &mut jitter)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(most)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(most) / 2), "jitter uses the whole range");
    }
}

#[test]
fn retry_after_is_obeyed_up_to_five_minutes() {
    let backoff = Backoff { least: Duration::from_millis(1), most: Duration::from_millis(1) };
    let wait = |asked| backoff.wait(1, Some(Duration::from_secs(asked)), &mut Jitter::new(1));
    assert!(wait(7) >= Duration::from_secs(7));
    assert!(wait(86_400) <= Duration::from_secs(301));
}

#[test]
fn tokens_come_at_the_rate() {
    let mut pacer = Pacer::new(100);
    let mut now = Duration::from_secs(1);
    let mut taken = 0;
    while now < Duration::from_secs(3) {
        match pacer.take(now) {
            Ok(()) => taken += 1,
            Err(next) => {
                assert!(next > now);
                now = next;
            }
        }
    }
    assert!((200..=221).contains(&taken), "{taken}");
}

/// Three minutes of so many calls a second, of which one in `refused_of` is refused.
fn three_minutes(pacer: &mut Pacer, calls: u64, refused_of: u64) {
    for call in 0..calls * 180 {
        let now = Duration::from_secs(5) + Duration::from_nanos(call * 1_000_000_000 / calls);
        match call % refused_of {
            0 => pacer.throttled(now),
            _ => pacer.went_well(now),
        }
    }
}

#[test]
fn the_rate_settles_where_what_is_lost_to_refusals_is_won_back() {
    // One in thirty refused: about five calls a second, as full as batches can be. One in four: one.
    for (refused_of, least, most) in [(30, 4.0, 12.0), (4, 1.0, 3.0)] {
        let mut pacer = Pacer::new(500);
        three_minutes(&mut pacer, 30, refused_of);
        assert!((least..=most).contains(&pacer.rate()), "one of {refused_of}: {}", pacer.rate());
    }
}

#[test]
fn who_has_much_gives_up_more_than_who_has_little() {
    let (mut large, mut small) = (Pacer::new(500), Pacer::new(500));
    let mut now = Duration::from_secs(5);
    // Both share 60 calls a second, and each calls as often as it may.
    large.change(now, 200.0);
    small.change(now, 10.0);
    (large.fell_at, small.fell_at) = (Some(now), Some(now));
    for _ in 0..300 {
        now += Duration::from_secs(1);
        let excess = ((large.rate() + small.rate()) / 60.0 - 1.0).max(0.0);
        for pacer in [&mut large, &mut small] {
            let calls = pacer.rate() as u32;
            let refused = (f64::from(calls) * excess / (1.0 + excess)).round() as u32;
            (0..calls - refused).for_each(|_| pacer.went_well(now));
            (0..refused).for_each(|_| pacer.throttled(now));
        }
    }
    assert!(large.rate() < 2.0 * small.rate(), "{} {}", large.rate(), small.rate());
    assert!((45.0..=90.0).contains(&(large.rate() + small.rate())), "{} {}", large.rate(), small.rate());
}

#[test]
fn throttling_halves_the_rate_at_most_and_once_a_second_and_success_raises_it() {
    let mut pacer = Pacer::new(100);
    for _ in 0..100 {
        pacer.throttled(Duration::from_secs(5));
    }
    assert!((pacer.rate() - 5.0).abs() < 0.01, "half of what the first refusal found in use: {}", pacer.rate());
    for second in 6..60 {
        pacer.went_well(Duration::from_secs(second));
    }
    assert!((pacer.rate() - 100.0).abs() < 0.01, "{}", pacer.rate());
    for second in 60..200 {
        pacer.throttled(Duration::from_secs(second));
    }
    assert!((pacer.rate() - 1.0).abs() < 0.01, "never to a standstill");
}

#[test]
fn who_calls_seldom_rises_as_fast_as_who_calls_often() {
    let fallen = || {
        let mut pacer = Pacer::new(500);
        (0..40).for_each(|second| pacer.throttled(Duration::from_secs(second)));
        pacer
    };
    let rate_after_a_minute = |every: u64| {
        let mut pacer = fallen();
        (40..100).step_by(every as usize).for_each(|second| pacer.went_well(Duration::from_secs(second)));
        pacer.rate()
    };
    let (often, seldom) = (rate_after_a_minute(1), rate_after_a_minute(8));
    assert!(often > 100.0 && seldom > often / 3.0, "{often} {seldom}");
    let mut silent = fallen();
    silent.went_well(Duration::from_secs(10_000));
    assert!(silent.rate() < 12.0, "hours of silence are no proof: {}", silent.rate());
}

#[test]
fn the_end_shortens_every_wait() {
    let backoff = Backoff { least: Duration::from_secs(10), most: Duration::from_secs(60) };
    let mut waits = Waits::new(1);
    assert!((0..20).map(|_| waits.after(backoff, 5, None)).max() > Some(Duration::from_secs(30)));
    waits.hurry(Duration::from_secs(2));
    for asked in [None, Some(Duration::from_secs(300))] {
        assert!((0..20).all(|_| waits.after(backoff, 5, asked) <= Duration::from_secs(2)));
    }
    let short = (0..20).filter(|_| waits.after(backoff, 5, None) < Duration::from_secs(1)).count();
    assert!((4..=16).contains(&short), "spread over all of it: {short}");
    let soon: Vec<_> = (0..20).map(|_| waits.soon()).collect();
    assert!(soon.iter().all(|wait| *wait <= Duration::from_secs(2)));
    assert!((4..=16).contains(&soon.iter().filter(|wait| **wait < Duration::from_secs(1)).count()), "{soon:?}");
}

#[test]
fn the_jitter_is_splitmix64() {
    // The first numbers of the reference implementation with the seed 1234567.
    let reference: [u64; 5] = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    let mut jitter = Jitter::new(1_234_567);
    for number in reference {
        let unit = number as f64 / 2f64.powi(64);
        assert!((jitter.unit() - unit).abs() < 1e-12, "{unit}");
    }
}

#[test]
fn a_first_refusal_finds_the_rate_that_is_in_use() {
    // 39 calls went well in the fifth second, and one is refused in this one.
    for (refused_at, rate) in [(5, 40.0 * 39.0 / 40.0), (6, 39.0 * 39.0 / 40.0), (7, USED_LEAST * LEAST_KEPT)] {
        let mut pacer = Pacer::new(500);
        (0..39).for_each(|_| pacer.went_well(Duration::from_secs(5)));
        pacer.throttled(Duration::from_secs(refused_at));
        assert!((pacer.rate() - rate).abs() < 1e-9, "{refused_at}: {}", pacer.rate());
    }
}

#[test]
fn who_is_back_at_the_full_rate_gets_no_burst_for_each_call_that_goes_well() {
    let mut pacer = Pacer::new(100);
    pacer.throttled(Duration::from_secs(5));
    (6..100).for_each(|second| pacer.went_well(Duration::from_secs(second)));
    assert!((pacer.rate() - 100.0).abs() < 0.01, "{}", pacer.rate());
    let now = Duration::from_secs(200);
    while pacer.take(now).is_ok() {}
    pacer.went_well(now);
    assert!(pacer.take(now).is_err());
}
