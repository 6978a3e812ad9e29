use super::*;
use crate::engine::batch::{cut, Bounds, Queued};
use crate::engine::chunk::tests::chunk_of;

fn batch_of(budget: &Arc<Budget>, chunks: &[&[(i64, &str)]]) -> Batch {
    let mut first = 0;
    let queued = chunks.iter().map(|records| {
        let queued = Queued::new(first, chunk_of(budget, records));
        first += u64::from(queued.unended);
        queued
    });
    cut(&mut queued.collect(), Bounds { reach: usize::MAX, growth: 1.0, body: usize::MAX, events: u32::MAX }).unwrap()
}

fn destination() -> Destination {
    Destination::parse("group", "a \"quoted\" stream").unwrap()
}

fn build_json(chunks: &[&[(i64, &str)]]) -> serde_json::Value {
    let budget = Budget::new(1 << 24);
    let batch = batch_of(&budget, chunks);
    let payment = budget.claim(Kind::Body, 1 << 16).unwrap();
    let body = build(&budget, &destination(), &batch, payment).unwrap();
    serde_json::from_slice(&body.bytes).unwrap()
}

#[test]
fn a_body_is_what_the_api_expects() {
    let json = build_json(&[&[(1, "one"), (2, "with \"quotes\"\n")], &[(2, "ß\u{1}")]]);
    let expected = serde_json::json!({
        "logGroupName": "group", "logStreamName": "a \"quoted\" stream",
        "logEvents": [
            {"timestamp": 1, "message": "one"}, {"timestamp": 2, "message": "with \"quotes\"\n"},
            {"timestamp": 2, "message": "ß\u{1}"},
        ]
    });
    assert_eq!(json, expected);
}

#[test]
fn events_are_in_order_of_time_and_then_of_arrival() {
    let json = build_json(&[&[(5, "a"), (3, "b"), (5, "c")], &[(4, "d"), (3, "e")]]);
    let texts: Vec<_> = json["logEvents"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["b", "e", "d", "a", "c"]);
}

#[test]
fn a_body_pays_for_what_it_grows_and_gives_all_back() {
    let budget = Budget::new(1 << 24);
    let text = "\u{1}".repeat(60_000);
    let batch = batch_of(&budget, &[&[(1, &text)]]);
    let before = budget.used();
    let payment = budget.claim(Kind::Body, 1 << 16).unwrap();
    let body = build(&budget, &destination(), &batch, payment).unwrap();
    assert!(body.bytes.len() > 360_000);
    assert!(budget.used_for(Kind::Body) >= body.bytes.len());
    drop(body);
    assert_eq!(budget.used(), before);
}

#[test]
fn a_body_that_nobody_can_pay_for_is_refused() {
    let budget = Budget::new(1 << 18);
    let text = "\u{1}".repeat(60_000);
    let batch = batch_of(&budget, &[&[(1, &text)]]);
    let payment = budget.claim(Kind::Body, 1 << 16).unwrap();
    assert_eq!(build(&budget, &destination(), &batch, payment).unwrap_err(), TooLarge);
    assert_eq!(budget.used_for(Kind::Body), 0);
}

#[test]
fn two_records_stop_at_the_bound_where_one_may_go_on() {
    let budget = Budget::new(1 << 26);
    let text = "\u{1}".repeat(250_000);
    let pay = || budget.claim(Kind::Body, 1 << 16).unwrap();
    let one = batch_of(&budget, &[&[(1, &text)]]);
    assert!(build(&budget, &destination(), &one, pay()).is_ok());
    let two = batch_of(&budget, &[&[(1, &text)], &[(2, &text)]]);
    assert_eq!(build(&budget, &destination(), &two, pay()).unwrap_err(), TooLarge);
}

fn ranges(chunks: &[&[(i64, &str)]], indices: RejectedIndices) -> Vec<(usize, std::ops::Range<u32>, Rejected)> {
    let budget = Budget::new(1 << 24);
    let batch = batch_of(&budget, chunks);
    rejected_ranges(&batch, indices).into_iter().map(|r| (r.part, r.records, r.reason)).collect()
}

#[test]
fn rejected_indices_name_the_records_that_were_sent_there() {
    let sorted: &[&[(i64, &str)]] = &[&[(1, "a"), (2, "b")], &[(3, "c"), (4, "d")]];
    assert_eq!(ranges(sorted, RejectedIndices::default()), []);
    let new = RejectedIndices { too_new_from: Some(3), ..Default::default() };
    assert_eq!(ranges(sorted, new), [(1, 1..2, Rejected::TooNew)]);
    let old = RejectedIndices { too_old_to: Some(1), expired_to: Some(3), ..Default::default() };
    let expected = [(0, 0..1, Rejected::TooOld), (0, 1..2, Rejected::Expired), (1, 0..1, Rejected::Expired)];
    assert_eq!(ranges(sorted, old), expected);
    let wild = RejectedIndices { too_new_from: Some(99), too_old_to: Some(99), expired_to: None };
    assert_eq!(ranges(sorted, wild).len(), 2, "indices beyond the end are clamped");
}

#[test]
fn rejected_indices_follow_the_order_that_was_sent() {
    let mixed: &[&[(i64, &str)]] = &[&[(9, "new"), (1, "old")], &[(8, "newer"), (2, "fine")]];
    let new = RejectedIndices { too_new_from: Some(2), ..Default::default() };
    assert_eq!(ranges(mixed, new), [(0, 0..1, Rejected::TooNew), (1, 0..1, Rejected::TooNew)]);
}

/// What becomes of five events in two chunks, a letter each: `n`ew, `o`ld, `e`xpired, or `.` for those that are delivered.
fn fates(too_new_from: Option<usize>, too_old_to: Option<usize>, expired_to: Option<usize>) -> String {
    let chunks: &[&[(i64, &str)]] = &[&[(1, "a"), (2, "b")], &[(3, "c"), (4, "d"), (5, "e")]];
    let mut fates = [['.'; 2].to_vec(), ['.'; 3].to_vec()];
    for (part, records, reason) in ranges(chunks, RejectedIndices { too_new_from, too_old_to, expired_to }) {
        assert!(!records.is_empty());
        for record in records {
            let fate = &mut fates[part][record as usize];
            assert_eq!(*fate, '.', "an event is rejected once");
            *fate = match reason {
                Rejected::TooNew => 'n',
                Rejected::TooOld => 'o',
                Rejected::Expired => 'e',
                Rejected::Invalid => panic!("no index says so"),
            };
        }
    }
    fates.concat().into_iter().collect()
}

#[test]
fn each_index_rejects_up_to_its_bounds_and_no_further() {
    const MOST: usize = i32::MAX as usize;
    for (from, expected) in
        [(0, "nnnnn"), (1, ".nnnn"), (2, "..nnn"), (4, "....n"), (5, "....."), (6, "....."), (MOST, ".....")]
    {
        assert_eq!(fates(Some(from), None, None), expected, "too new from {from}");
    }
    for (to, expected) in
        [(0, "....."), (1, "x...."), (2, "xx..."), (4, "xxxx."), (5, "xxxxx"), (6, "xxxxx"), (MOST, "xxxxx")]
    {
        assert_eq!(fates(None, Some(to), None), expected.replace('x', "o"), "too old to {to}");
        assert_eq!(fates(None, None, Some(to)), expected.replace('x', "e"), "expired to {to}");
    }
    assert_eq!(fates(None, None, None), ".....");
}

#[test]
fn where_ranges_overlap_each_event_is_rejected_once() {
    // All three side by side, with and without somebody left in between.
    assert_eq!(fates(Some(4), Some(1), Some(3)), "oee.n");
    assert_eq!(fates(Some(3), Some(1), Some(3)), "oeenn");
    // Too old and expired begin at the same end: the shorter one comes first, the other goes on.
    assert_eq!(fates(None, Some(3), Some(1)), "ooo..");
    assert_eq!(fates(None, Some(2), Some(5)), "ooeee");
    // What cannot be: an event that is too new and too old.
    assert_eq!(fates(Some(1), Some(3), None), "onnnn");
    assert_eq!(fates(Some(2), None, Some(4)), "eennn");
    assert_eq!(fates(Some(0), Some(5), Some(5)), "nnnnn");
}
