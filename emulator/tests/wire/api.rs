//! The operations, and what is refused before them.

use std::io::Write;

use flate2::write::GzEncoder;
use flate2::Compression;
use serde_json::json;
use splashdam_emulator::Emulator;

use crate::client::{batch, call, now_ms, send};

#[tokio::test]
async fn groups_and_streams_come_first_then_events_read_back_in_order() {
    let emulator = Emulator::builder().without_signatures().start().await.unwrap();
    let refused = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (400, "ResourceNotFoundException"));
    assert_eq!(refused.message(), "The specified log group does not exist.");
    assert_eq!(refused.headers["x-amzn-errortype"], "ResourceNotFoundException");

    let group = json!({ "logGroupName": "g", "tags": { "team": "a" }, "logGroupClass": "INFREQUENT_ACCESS" });
    assert_eq!(call(&emulator, "CreateLogGroup", group.clone()).await.unwrap().status, 200);
    let again = call(&emulator, "CreateLogGroup", group).await.unwrap();
    assert_eq!(again.code(), "ResourceAlreadyExistsException");
    let refused = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
    assert_eq!(refused.message(), "The specified log stream does not exist.");
    let stream = json!({ "logGroupName": "g", "logStreamName": "s" });
    assert_eq!(call(&emulator, "CreateLogStream", stream).await.unwrap().status, 200);

    let (now, old) = (now_ms(), now_ms() - 60_000);
    let put = |timestamp: u64, messages: [&str; 2]| {
        let events = messages.map(|message| json!({ "timestamp": timestamp, "message": message }));
        call(&emulator, "PutLogEvents", json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events }))
    };
    assert!(put(now, ["c", "d"]).await.unwrap().has_request_id());
    assert_eq!(put(old, ["a", "b"]).await.unwrap().status, 200);

    let texts: Vec<_> = emulator.events("g", "s").into_iter().map(|event| event.message).collect();
    assert_eq!(texts, ["a", "b", "c", "d"]);
    let report = emulator.shutdown().await;
    assert_eq!((report.events.accepted, report.batches.accepted), (4, 2));
    assert_eq!(report.violations.total, 0, "finding out what exists breaks no limit");
}

#[tokio::test]
async fn pages_go_both_ways() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    call(&emulator, "PutLogEvents", batch(&["0", "1", "2", "3", "4"])).await.unwrap();
    let page = async |more: serde_json::Value| {
        let mut ask = json!({ "logGroupName": "g", "logStreamName": "s", "limit": 2 });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = call(&emulator, "GetLogEvents", ask).await.unwrap().json();
        let events = answer["events"].as_array().unwrap().iter();
        let texts: String = events.map(|event| event["message"].as_str().unwrap()).collect();
        (texts, answer["nextForwardToken"].clone(), answer["nextBackwardToken"].clone())
    };
    let (texts, forward, _) = page(json!({ "startFromHead": true })).await;
    assert_eq!(texts, "01");
    let (texts, forward, backward) = page(json!({ "nextToken": forward })).await;
    assert_eq!(texts, "23");
    assert_eq!(page(json!({ "nextToken": backward })).await.0, "01");
    let (texts, end, _) = page(json!({ "nextToken": forward })).await;
    assert_eq!(texts, "4");
    let (texts, same, _) = page(json!({ "nextToken": end })).await;
    assert_eq!((texts.as_str(), same), ("", end), "the end is where the token stays the same");
    assert_eq!(page(json!({})).await.0, "34", "the tail, unless asked otherwise");
    assert_eq!(page(json!({ "endTime": 1, "startFromHead": true })).await.0, "");
}

#[tokio::test]
async fn rejected_events_are_named_by_index() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let (now, day) = (now_ms(), 86_400_000);
    let events = [now - 15 * day, now, now + day].map(|t| json!({ "timestamp": t, "message": "x" }));
    let body = json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events });
    let answer = call(&emulator, "PutLogEvents", body.clone()).await.unwrap().json();
    let expected = json!({ "tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2 });
    assert_eq!(answer["rejectedLogEventsInfo"], expected);

    call(&emulator, "PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 1 })).await.unwrap();
    let events = [now - 3 * day, now].map(|t| json!({ "timestamp": t, "message": "x" }));
    let body = json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events });
    let answer = call(&emulator, "PutLogEvents", body).await.unwrap().json();
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 1 }));

    let events = emulator.report().events;
    assert_eq!((events.accepted, events.rejected_too_old), (2, 1));
    assert_eq!((events.rejected_too_new, events.rejected_expired), (1, 1));
}

#[tokio::test]
async fn unsigned_calls_are_refused_unless_told_otherwise() {
    let emulator = Emulator::builder().start().await.unwrap();
    let refused = call(&emulator, "CreateLogGroup", json!({ "logGroupName": "g" })).await.unwrap();
    assert_eq!(refused.code(), "MissingAuthenticationTokenException");
    assert_eq!(emulator.report().violations.list[0].operation, "CreateLogGroup");
}

#[tokio::test]
async fn gzip_is_taken_and_nonsense_is_not() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(batch(&["n=7 packed"]).to_string().as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let encoding = [("content-encoding", "gzip")];
    assert_eq!(send(&emulator, "PutLogEvents", &encoding, &body).await.unwrap().status, 200);
    assert_eq!(emulator.events("g", "s")[0].message, "n=7 packed");
    assert_eq!(emulator.report().marks.highest, Some(7));

    for (headers, body) in
        [(&encoding[..], &b"not gzip"[..]), (&[("content-encoding", "br")], &body), (&[], b"{"), (&[], b"\xff")]
    {
        let refused = send(&emulator, "PutLogEvents", headers, body).await.unwrap();
        assert_eq!(refused.code(), "SerializationException");
    }
    assert_eq!(send(&emulator, "Nonsense", &[], b"{}").await.unwrap().code(), "UnknownOperationException");
    assert_eq!(emulator.report().violations.total, 5);
}

#[tokio::test]
async fn a_bomb_is_not_inflated() {
    let emulator = Emulator::builder().without_signatures().start().await.unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&vec![b' '; splashdam_emulator::limits::MAX_BODY_BYTES + 1]).unwrap();
    let body = gzip.finish().unwrap();
    let refused = send(&emulator, "PutLogEvents", &[("content-encoding", "gzip")], &body).await.unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (413, "RequestEntityTooLarge"));
}

#[tokio::test]
async fn quotas_throttle_what_comes_too_fast() {
    let emulator = Emulator::builder().without_signatures().quotas().start().await.unwrap();
    let mut throttled = 0;
    for _ in 0..100 {
        let reply = call(&emulator, "DescribeLogGroups", json!({})).await.unwrap();
        throttled += u64::from(reply.status == 400 && reply.code() == "ThrottlingException");
    }
    assert!(throttled > 0, "100 calls in well under nine seconds");
    let report = emulator.report();
    assert_eq!((report.quota_throttles, report.violations.total), (throttled, 0));
}
