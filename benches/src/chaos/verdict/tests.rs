//! Sabotage of the checker: a run in which all holds, and every lie about it found by the check it is meant for.

use std::collections::BTreeMap;

use super::*;
use crate::chaos::client::Told;
use crate::chaos::crowd::Mortal;
use crate::chaos::text::Segment;

const HELD: Held = Held { descriptors: 30, threads: 6 };

fn incarnation(fate: Fate) -> Incarnation {
    Incarnation {
        pid: 7,
        from: 0.0,
        until: 1.0,
        fate,
        unended: Some(500),
        under_way: 0,
        just_ended: 1,
        counted: 60,
        scrapes: 10,
        wrong: 0,
        first_wrong: None,
        peak_mib: 40.0,
        most: HELD,
        early: HELD,
        late: HELD,
        no_name: false,
    }
}

fn killed() -> Incarnation {
    incarnation(Fate::Killed { while_shutting_down: false })
}

fn ended(outage: bool) -> Incarnation {
    let last_line = "splashdam: final account: received=9 delivered=9 dropped=0 spooled=0 in_memory=0 x=0".to_owned();
    incarnation(Fate::Ended { outage, took: 1.5, code: Some(0), last_line, written: Vec::new() })
}

fn good() -> Facts {
    let told =
        Told { first: 0, logged: 100, reached: true, delivered: 90, rejected: 10, too_old: 10, ..Told::default() };
    let mortal = Mortal { first: 200, safe: 50, end: 300, lost: 0, after_flush: true };
    let segment = Segment { pid: 7, first: 400, end: 500 };
    Facts {
        bounds: Bounds { memory_mib: 72.0, deadline: 2.0, descriptors: 60, threads: 16, kills: 10, seconds: 300.0 },
        closed: vec![Closed { told, arrived: 90 }],
        gone: vec![Gone { mortal, safe_arrived: 50, arrived: 60 }],
        text: vec![Line { segment, promised_to: 450, promised_arrived: 50, arrived: 95 }],
        incarnations: (0..10).map(|_| killed()).chain([ended(true), ended(false)]).collect(),
        endpoint: Endpoint { unique: 245, doubled: 30, unconfirmed: 20, too_old: 10, ..Endpoint::default() },
        met: BTreeMap::from([("hang".to_owned(), 3)]),
        skipped: Vec::new(),
        left_in_spool: 0,
    }
}

/// What does not hold, by its words.
fn broken(lie: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = good();
    lie(&mut facts);
    findings(&facts).into_iter().filter(|finding| !finding.holds).map(|finding| finding.what).collect()
}

#[track_caller]
fn finds(words: &str, lie: impl FnOnce(&mut Facts)) {
    let broken = broken(lie);
    assert!(broken.iter().any(|what| what.contains(words)), "{words}: {broken:?}");
}

fn last(facts: &mut Facts) -> &mut Incarnation {
    facts.incarnations.last_mut().unwrap()
}

fn say(facts: &mut Facts, change: impl FnOnce(&mut f64, &mut Option<i32>, &mut String)) {
    if let Fate::Ended { took, code, last_line, .. } = &mut last(facts).fate {
        change(took, code, last_line);
    }
}

#[test]
fn a_good_run_holds() {
    assert_eq!(broken(|_| {}), [""; 0]);
}

#[test]
fn a_lost_record_is_found() {
    finds("1 of 100 lost", |facts| facts.closed[0].arrived -= 1);
    finds("1 lost of 50 records they knew", |facts| facts.gone[0].safe_arrived -= 1);
    finds("records they knew", |facts| facts.gone[0].mortal.lost = 1);
    finds("1 lost of 50 lines", |facts| facts.text[0].promised_arrived -= 1);
    finds("1 records left in its spool", |facts| facts.left_in_spool = 1);
    finds("the last one", |facts| say(facts, |_, _, line| *line = line.replace("spooled=0", "spooled=1")));
}

#[test]
fn a_client_that_was_told_wrong_is_found() {
    for lie in [
        (|told| told.delivered += 1) as fn(&mut Told),
        |told| told.rejected -= 1,
        |told| told.dropped = 1,
        |told| told.lost = 1,
        |told| told.reached = false,
    ] {
        finds("0 of 1 clients were told", |facts| lie(&mut facts.closed[0].told));
    }
    finds("refused 9 of them", |facts| facts.endpoint.too_old = 9);
}

#[test]
fn too_many_duplicates_are_found() {
    // Twenty without an answer, one that had just ended at each of ten kills; these ten are a tenth of all.
    assert_eq!(broken(|facts| facts.endpoint.doubled = 30), [""; 0]);
    let kills = |facts: &mut Facts, doubled, under_way, just_ended| {
        facts.endpoint.doubled = doubled;
        facts.incarnations.iter_mut().for_each(|one| (one.under_way, one.just_ended) = (under_way, just_ended));
    };
    finds("31 doubled, 20 taken", |facts| kills(facts, 31, 100, 100));
    finds("21 doubled, 20 taken", |facts| kills(facts, 21, 0, 0));
    assert_eq!(broken(|facts| kills(facts, 30, 1, 0)), [""; 0]);
    // Killed before its first answer: all that the one before had left.
    let silent = |facts: &mut Facts| facts.incarnations[5].unended = None;
    assert_eq!(broken(|facts| (kills(facts, 30, 0, 0), silent(facts)).0), [""; 0]);
    finds("30 doubled, 29 counted", |facts| {
        facts.incarnations.iter_mut().for_each(|one| one.counted = 0);
        facts.incarnations[3].counted = 29;
    });
    finds("1 records at the endpoint", |facts| facts.endpoint.strange = 1);
    finds("1 calls broke a limit", |facts| facts.endpoint.violations = 1);
}

#[test]
fn kills_that_prove_nothing_are_found() {
    let none = |facts: &mut Facts, count: usize| {
        facts.incarnations[..count].iter_mut().for_each(|one| one.unended = Some(0));
    };
    assert_eq!(broken(|facts| none(facts, 1)), [""; 0]);
    finds("8 of 10 kills", |facts| none(facts, 2));
    finds("9 of 9 kills", |facts| drop(facts.incarnations.remove(0)));
    // Killed before it could say anything: it had what the one before had left.
    assert_eq!(broken(|facts| facts.incarnations[1..].iter_mut().for_each(|one| one.unended = None)), [""; 0]);
    // Seen once only, before it had looked through its spool.
    let seen_once = |one: &mut Incarnation| (one.unended, one.scrapes) = (Some(0), 1);
    assert_eq!(broken(|facts| facts.incarnations[2..4].iter_mut().for_each(seen_once)), [""; 0]);
    finds("0 of 10 kills", |facts| facts.incarnations.iter_mut().for_each(|one| one.unended = None));
}

#[test]
fn what_grows_is_found() {
    // In the one that lives longest, whichever that is.
    let late = |facts: &mut Facts, held: Held| (facts.incarnations[4].until, facts.incarnations[4].late) = (2.0, held);
    let more = |descriptors, threads| Held { descriptors: 30 + descriptors, threads: 6 + threads };
    assert_eq!(broken(|facts| late(facts, more(MORE_DESCRIPTORS, MORE_THREADS))), [""; 0]);
    finds("descriptors: 30", |facts| late(facts, more(MORE_DESCRIPTORS + 1, 0)));
    finds("threads: 6", |facts| late(facts, more(0, MORE_THREADS + 1)));
    // In any.
    finds("descriptors: 61 at most, 60 allowed", |facts| facts.incarnations[2].most.descriptors = 61);
    finds("threads: 17 at most, 16 allowed", |facts| last(facts).most.threads = 17);
    finds("72.1 MiB at most", |facts| facts.incarnations[5].peak_mib = 72.1);
    finds("0.0 MiB", |facts| facts.incarnations.iter_mut().for_each(|one| one.peak_mib = 0.0));
}

#[test]
fn an_end_out_of_order_is_found() {
    finds("not in order", |facts| say(facts, |took, _, _| *took = 3.01));
    finds("not in order", |facts| say(facts, |_, code, _| *code = Some(1)));
    finds("not in order", |facts| say(facts, |_, code, _| *code = None));
    finds("not in order", |facts| say(facts, |_, _, line| *line = line.replace("in_memory=0", "in_memory=1")));
    finds("0 with the remote away", |facts| drop(facts.incarnations.remove(10)));
}

#[test]
fn a_wrong_account_and_a_trouble_that_never_came_are_found() {
    finds("1 do not: 5 ≠ 4", |facts| {
        (facts.incarnations[2].wrong, facts.incarnations[2].first_wrong) = (1, Some("5 ≠ 4".to_owned()));
    });
    finds("hang 0", |facts| *facts.met.get_mut("hang").unwrap() = 0);
    let short = |facts: &mut Facts, troubles: &[(&str, u64)]| {
        facts.bounds.seconds = 30.0;
        facts.met = troubles.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    };
    assert_eq!(broken(|facts| short(facts, &[("hang", 0), ("resets", 1)])), [""; 0]);
    finds("hang 0", |facts| short(facts, &[("hang", 0), ("outage", 0), ("resets", 1)]));
}
