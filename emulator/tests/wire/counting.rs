//! Counting mode says the same as strict mode about the same bodies.

use serde_json::{json, Value};
use splashdam_emulator::{Emulator, Handle, Report};

use crate::client::{batch, call, now_ms};

async fn both() -> [Handle; 2] {
    let strict = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let counting = Emulator::builder().counting().start().await.unwrap();
    [strict, counting]
}

/// What both modes must agree on.
fn essence(report: &Report) -> Value {
    json!([report.marks, report.events, report.batches, report.freshness_micros.count, report.violations])
}

#[tokio::test]
async fn the_same_bodies_come_to_the_same_report() {
    let [strict, counting] = both().await;
    let large = format!("n=9 {}", "y".repeat(300_000));
    let quoted = "n=5 \"message\":\"n=6\"";
    for emulator in [&strict, &counting] {
        for messages in [
            &["n=0 t=1700000000000000 a", "n=1 b", "none", "n=1 twice"][..],
            &[&large],
            &["INFO: n=3 late", "n=99999999999 far"],
        ] {
            assert_eq!(call(emulator, "PutLogEvents", batch(messages)).await.unwrap().status, 200);
        }
        assert_eq!(call(emulator, "PutLogEvents", batch(&[])).await.unwrap().status, 400);
    }
    assert_eq!(essence(&strict.report()), essence(&counting.report()));
    assert_eq!(counting.report().marks.out_of_range, 1);

    for emulator in [&strict, &counting] {
        call(emulator, "PutLogEvents", batch(&[quoted])).await.unwrap();
    }
    assert_eq!(strict.report().marks, counting.report().marks, "a quoted key is text");
}

#[tokio::test]
async fn both_draw_the_same_line() {
    // Plain text, text whose escapes make the body larger than it counts, and JSON with spaces.
    let plain = "x".repeat(65_536 - 26);
    let escaped = "\"é\n\u{1}".repeat(65_536 / 5) + "y";
    for text in [plain.as_str(), &escaped[..65_536 - 26]] {
        let [strict, counting] = both().await;
        for emulator in [&strict, &counting] {
            let full = vec![text; 16];
            assert_eq!(call(emulator, "PutLogEvents", batch(&full)).await.unwrap().status, 200);
            let mut over = full.clone();
            let one_more = format!("{text}!");
            over[15] = &one_more;
            let refused = call(emulator, "PutLogEvents", batch(&over)).await.unwrap();
            assert_eq!(refused.message(), "Upload too large: 1048577 bytes exceeds limit of 1048576");
        }
        assert_eq!(strict.report().violations, counting.report().violations);
    }
}

#[tokio::test]
async fn ten_thousand_and_one_are_too_many() {
    let [strict, counting] = both().await;
    for emulator in [&strict, &counting] {
        assert_eq!(call(emulator, "PutLogEvents", batch(&["x"; 10_000])).await.unwrap().status, 200);
        let refused = call(emulator, "PutLogEvents", batch(&["x"; 10_001])).await.unwrap();
        assert_eq!(refused.code(), "InvalidParameterException");
    }
    assert_eq!(essence(&strict.report()), essence(&counting.report()));
    assert_eq!(strict.report().batches.mean_fill_events_percent, 100.0);
}

#[tokio::test]
async fn freshness_is_from_emit_to_acceptance() {
    for emulator in both().await {
        let ago = (now_ms() - 1_000) * 1_000;
        call(&emulator, "PutLogEvents", batch(&[&format!("n=1 t={ago} x")])).await.unwrap();
        let freshness = emulator.report().freshness_micros;
        assert_eq!(freshness.count, 1);
        assert_eq!(freshness.buckets, [(freshness.max, 1)]);
        assert!(freshness.p50 >= 1_000_000 && freshness.p50 <= freshness.p99 && freshness.p99 <= freshness.max);
    }
}
