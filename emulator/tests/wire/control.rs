//! The control API.

use serde_json::json;
use splashdam_emulator::{Emulator, Fault, FaultKind};

use crate::client::{batch, call, control};

#[tokio::test]
async fn faults_come_and_go_at_run_time() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let list = json!([{ "kind": "throttle", "retry_after_seconds": 2, "count": 1 }, { "kind": "server_error" }]);
    assert_eq!(control(&emulator, "POST", "/_emulator/faults", &list.to_string()).await.status, 200);
    let one = json!({ "kind": "latency", "latency": "uniform:1..2" });
    control(&emulator, "POST", "/_emulator/faults", &one.to_string()).await;
    let listed = control(&emulator, "GET", "/_emulator/faults", "").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 3);

    let reply = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
    assert_eq!((reply.code().as_str(), reply.headers["retry-after"].as_str()), ("ThrottlingException", "2"));
    assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 500);
    control(&emulator, "DELETE", "/_emulator/faults", "").await;
    assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 200);
}

#[tokio::test]
async fn faults_are_replaced_at_once_or_not_at_all() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let put = async |body: &str| control(&emulator, "PUT", "/_emulator/faults", body).await.status;
    assert_eq!(put(r#"[{"kind":"throttle"},{"kind":"server_error"}]"#).await, 200);
    assert_eq!(put(r#"[{"kind":"unavailable"}]"#).await, 200);
    assert_eq!(put(r#"[{"kind":"throttle"},{"kind":"outage"}]"#).await, 400, "an outage has a length");
    assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 503);
    assert_eq!(put("[]").await, 200);
    assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_was_taken_without_a_good_answer_is_counted() {
    let emulator = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let script = r#"[{"kind":"commit_then_drop","count":1},{"kind":"no_request_id","commit":true,"count":1},
        {"kind":"no_request_id","count":1},{"kind":"throttle","count":1}]"#;
    control(&emulator, "PUT", "/_emulator/faults", script).await;
    for (taken, unconfirmed) in [(2, 2), (4, 4), (4, 4), (4, 4), (6, 4)] {
        let _ = call(&emulator, "PutLogEvents", batch(&["x", "y"])).await;
        let events = emulator.report().events;
        assert_eq!((events.accepted, events.unconfirmed), (taken, unconfirmed));
    }
}

#[tokio::test]
async fn a_report_and_a_reset() {
    let start = Fault::new(FaultKind::Throttle).times(1);
    let builder = Emulator::builder().without_signatures().auto_create().fault(start);
    let emulator = builder.start().await.unwrap();
    for expected in [400, 200] {
        assert_eq!(call(&emulator, "PutLogEvents", batch(&["n=0", "n=2"])).await.unwrap().status, expected);
    }
    let report = control(&emulator, "GET", "/_emulator/report?expect=3", "").await.json();
    assert_eq!(report["marks"]["missing"], 1);
    assert_eq!(report["marks"]["first_missing"], json!([1]));
    assert_eq!(report["faults"], json!({ "throttle": 1 }));
    assert_eq!(report["calls"]["PutLogEvents"]["refused"], 1);
    let marks = control(&emulator, "GET", "/_emulator/marks?from=1&until=3", "").await.json();
    assert_eq!(marks, json!({ "unique": 1 }));

    control(&emulator, "POST", "/_emulator/reset", "").await;
    let report = emulator.report();
    assert_eq!((report.marks.unique, report.events.accepted), (0, 0));
    assert!(emulator.events("g", "s").is_empty());
    let again = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
    assert_eq!(again.code(), "ThrottlingException", "the faults of the start are set again");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let emulator = Emulator::builder().start().await.unwrap();
    for (method, path, body) in [
        ("POST", "/_emulator/faults", r#"{"kind":"nonsense"}"#),
        ("POST", "/_emulator/faults", r#"{"kind":"throttle","cuont":1}"#),
        ("POST", "/_emulator/outage", r#"{"seconds":-1}"#),
        ("GET", "/_emulator/report?expect=x", ""),
        ("GET", "/_emulator/marks?from=1", ""),
        ("GET", "/_emulator/nothing", ""),
    ] {
        assert_eq!(control(&emulator, method, path, body).await.status, 400, "{path} {body}");
    }
    assert!(emulator.faults([Fault::new(FaultKind::Outage)]).is_err());
}

#[tokio::test]
async fn freshness_is_measured_anew_and_of_one_stream() {
    let strict = Emulator::builder().without_signatures().auto_create().start().await.unwrap();
    let counting = Emulator::builder().counting().start().await.unwrap();
    for emulator in [&strict, &counting] {
        let put = || call(emulator, "PutLogEvents", batch(&["n=0 t=1700000000000000 a"]));
        put().await.unwrap();
        for (stream, counted) in [("other", 0), ("s", 1)] {
            let only = json!({ "stream": stream });
            assert_eq!(control(emulator, "POST", "/_emulator/freshness", &only.to_string()).await.status, 200);
            put().await.unwrap();
            assert_eq!(emulator.report().freshness_micros.count, counted, "{stream}");
        }
        control(emulator, "POST", "/_emulator/freshness", "{}").await;
        put().await.unwrap();
        assert_eq!((emulator.report().freshness_micros.count, emulator.report().marks.doubled), (1, 3));
    }
}
