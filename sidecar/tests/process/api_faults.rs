//! What CloudWatch may answer, code by code, to the real binary over HTTP. Each answer has a stream or a group of its own, so
//! that one sidecar hears all of them side by side, and none of them costs another lane anything.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use splashdam::wire::Level;

use crate::support::{until, Answer, Call, Proxy, Remote, Setup, Sidecar, Wire, GROUP};

const PUT: &str = "PutLogEvents";
const STREAM: &str = "CreateLogStream";
const GROUPS: &str = "CreateLogGroup";

/// Records of each lane.
const RECORDS: u64 = 3;

/// Operation, status and code of an answer that is given once, and whether the call may have had its effect.
type Case = (&'static str, u16, &'static str, bool);

/// They lower the rate for all lanes, so they are heard by a sidecar of their own.
const THROTTLES: &[Case] = &[
    (PUT, 400, "ThrottlingException", false),
    (PUT, 400, "LimitExceededException", false),
    (PUT, 429, "TooManyRequestsException", false),
    (STREAM, 400, "ThrottlingException", false),
    (STREAM, 400, "LimitExceededException", false),
    (GROUPS, 400, "ThrottlingException", false),
    (GROUPS, 400, "LimitExceededException", false),
];

const FAILURES: &[Case] = &[
    (PUT, 503, "ServiceUnavailableException", false),
    (PUT, 400, "OperationAbortedException", false),
    (PUT, 400, "ExpiredTokenException", false),
    (PUT, 400, "AccessDeniedException", false),
    (PUT, 400, "UnrecognizedClientException", false),
    (PUT, 400, "ResourceNotFoundException", false),
    (PUT, 400, "InvalidParameterException", false),
    (PUT, 413, "", false),
    (PUT, 500, "InternalFailure", true),
    (PUT, 400, "InvalidSequenceTokenException", true),
    (PUT, 400, "DataAlreadyAcceptedException", true),
    (PUT, 400, "ResourceAlreadyExistsException", true),
    (PUT, 400, "SomethingNew", true),
    (PUT, 502, "", true),
    (PUT, 404, "", true),
    (PUT, 301, "", true),
    (PUT, 503, "", false),
    (STREAM, 503, "ServiceUnavailableException", false),
    (STREAM, 400, "OperationAbortedException", false),
    (STREAM, 400, "InvalidParameterException", false),
    (STREAM, 400, "ResourceAlreadyExistsException", false),
    (STREAM, 500, "InternalFailure", false),
    (STREAM, 504, "", false),
    (GROUPS, 503, "ServiceUnavailableException", false),
    (GROUPS, 400, "OperationAbortedException", false),
    (GROUPS, 400, "InvalidParameterException", false),
    (GROUPS, 400, "ResourceAlreadyExistsException", false),
    (GROUPS, 500, "InternalFailure", false),
];

/// Group and stream that are answered so.
fn place((operation, status, code, _): &Case) -> (String, String) {
    let name = format!("{operation}/{status}/{code}");
    match *operation {
        GROUPS => (name, "s".to_owned()),
        _ => (GROUP.to_owned(), name),
    }
}

/// A lane that has been sent its records.
fn lane(sidecar: &Sidecar, client: u8, group: &str, stream: &str) -> Wire {
    let mut wire = sidecar.wire();
    assert!(!wire.hello_to(client, 1, group, stream).destination_refused());
    wire.records(1, (1..=RECORDS).map(|n| format!("{n}")));
    wire
}

fn named(call: &Call, name: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    body[name].as_str().unwrap_or_default().to_owned()
}

/// Has each of these answers given once, all by one sidecar; they are waited out and cost no record.
#[track_caller]
fn are_waited_out(cases: &'static [Case]) {
    let remote = Remote::strict();
    let answered = Mutex::new(HashSet::new());
    let proxy = Proxy::answering(remote.url(), move |call| {
        let place_of = (named(call, "logGroupName"), named(call, "logStreamName"));
        let case = cases.iter().position(|case| {
            let (group, stream) = place(case);
            call.operation == case.0 && place_of.0 == group && (place_of.1 == stream || case.0 == GROUPS)
        })?;
        let (_, status, code, _) = cases[case];
        let first = answered.lock().unwrap().insert(case);
        first.then(|| if code.is_empty() { Answer::new(status, "") } else { Answer::error(status, code) })
    });
    let flags = ["--allow", "CreateLogGroup/*:*", "--create-rate", "100", "--backoff-max", "1s"];
    let sidecar = Setup::at(proxy.url()).flags(&flags).start();
    let mut lanes = Vec::new();
    for (client, case) in (1..).zip(cases) {
        let (group, stream) = place(case);
        lanes.push((lane(&sidecar, client, &group, &stream), case));
    }
    for (wire, case) in &mut lanes {
        let done = wire.flush(Level::Ended);
        assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (RECORDS, 0, 0, 0), "{case:?}");
    }
    drop(lanes);
    let doubtful = cases.iter().filter(|case| case.3).count() as u64;
    let account = sidecar.stop();
    account.all_delivered(cases.len() as u64 * RECORDS);
    assert_eq!(account.possible_duplicates(), doubtful * RECORDS);
    for case in cases {
        let (group, stream) = place(case);
        assert_eq!(remote.events(&group, &stream).len() as u64, RECORDS, "{case:?}");
    }
    let given = |case: &Case| {
        let (group, stream) = place(case);
        let mut calls = proxy.calls();
        calls.retain(|call| call.operation == case.0 && named(call, "logGroupName") == group);
        calls.retain(|call| case.0 == GROUPS || named(call, "logStreamName") == stream);
        calls.len()
    };
    // Whoever was told that it exists already has nothing to create again.
    let again = |case: &&Case| case.0 == PUT || case.2 != "ResourceAlreadyExistsException";
    for case in cases.iter().filter(again) {
        assert!(given(case) > 1, "{case:?} was answered so and tried again");
    }
}

#[test]
fn every_way_to_be_throttled_is_waited_out_in_every_call() {
    are_waited_out(THROTTLES);
}

#[test]
fn every_error_code_is_waited_out_in_every_call_and_costs_no_record() {
    are_waited_out(FAILURES);
}

/// Answers of 200 that say which events were rejected: first too new, end of too old, end of expired; and what is left.
const INDICES: &[(&str, u64)] = &[
    (r#"{}"#, 5),
    (r#"{"rejectedLogEventsInfo":null}"#, 5),
    (r#"{"rejectedLogEventsInfo":{}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":0}}"#, 0),
    (r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":4}}"#, 4),
    (r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":5}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":2147483647}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":-1}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":0}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1}}"#, 4),
    (r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":5}}"#, 0),
    (r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":99}}"#, 0),
    (r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":-2147483648}}"#, 5),
    (r#"{"rejectedLogEventsInfo":{"expiredLogEventEndIndex":2}}"#, 3),
    (
        r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1,"expiredLogEventEndIndex":3,"tooNewLogEventStartIndex":4}}"#,
        1,
    ),
    (
        r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":4,"expiredLogEventEndIndex":4,"tooNewLogEventStartIndex":1}}"#,
        0,
    ),
    (r#"{"rejectedEntityInfo":{"errorType":"InvalidEntity"}}"#, 5),
];

#[test]
fn every_rejected_index_ends_the_records_it_names_and_no_other() {
    let remote = Remote::strict();
    let proxy = Proxy::answering(remote.url(), |call| {
        let index: Option<usize> = named(call, "logStreamName").strip_prefix("index-")?.parse().ok();
        // The loss markers that follow are another call.
        let first = call.operation == PUT && !call.body.contains("splashdam");
        index.filter(|_| first).map(|index| Answer::new(200, INDICES[index].0))
    });
    let sidecar = Setup::at(proxy.url()).flags(&["--create-rate", "100"]).start();
    let (mut delivered, mut lanes) = (0, Vec::new());
    for (index, (answer, left)) in INDICES.iter().enumerate() {
        let mut wire = sidecar.wire();
        wire.hello_to(index as u8 + 1, 1, "", &format!("index-{index}"));
        wire.records(1, ["a", "b", "c", "d", "e"]);
        lanes.push((wire, answer, left));
    }
    for (wire, answer, left) in &mut lanes {
        let done = wire.flush(Level::Ended);
        assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (**left, 5 - **left, 0, 0), "{answer}");
        delivered += **left;
    }
    drop(lanes);
    let account = sidecar.stop();
    let all = 5 * INDICES.len() as u64;
    let ended = (account.received(), account.delivered() - account.generated(), account.rejected(), account.dropped());
    assert_eq!(ended, (all, delivered, all - delivered, 0), "{account:?}");
    assert_eq!(account.possible_duplicates(), 0);
}

#[test]
fn an_answer_that_makes_no_sense_is_no_delivery() {
    let remote = Remote::strict();
    let answers = [
        Answer::new(200, "not JSON"),
        Answer::new(200, "[1, 2]"),
        Answer::new(200, r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":"first"}}"#),
        Answer::new(200, " \r\n"),
        Answer {
            status: 200,
            headers: "content-type: text/html\r\n".to_owned(),
            body: "<html>Log in</html>".to_owned(),
        },
        Answer::new(204, ""),
    ];
    let count = answers.len() as u64;
    let answers = Mutex::new(Vec::from(answers));
    let proxy = Proxy::answering(remote.url(), move |call| {
        let known = call.operation == PUT && call.body.contains("known");
        known.then(|| answers.lock().unwrap().pop()).flatten()
    });
    let sidecar = Setup::at(proxy.url()).flags(&["--backoff-max", "100ms"]).start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.feed("known\n");
    remote.until_accepted(2);
    let account = sidecar.stop();
    account.all_delivered(2);
    assert_eq!(account.possible_duplicates(), count, "who knows what each of them did");
}

#[test]
fn a_retention_is_tried_again_where_that_may_help() {
    for (code, calls) in [("ThrottlingException", 2), ("AccessDeniedException", 1)] {
        let remote = Remote::strict();
        let refused = AtomicBool::new(false);
        let first = move |call: &Call| call.operation == "PutRetentionPolicy" && !refused.swap(true, Ordering::Relaxed);
        let proxy = Proxy::start(remote.url(), move |call| first(call).then_some(code));
        let sidecar = Setup::at(proxy.url()).flags(&["--retention-days", "30"]).start();
        sidecar.feed("one\n");
        remote.until_accepted(1);
        let tried = proxy.operations().iter().filter(|operation| *operation == "PutRetentionPolicy").count();
        assert_eq!(tried, calls, "{code}");
        sidecar.stop().all_delivered(1);
    }
}

#[test]
fn a_retention_that_cannot_be_set_stops_no_delivery_and_is_said() {
    for code in ["AccessDeniedException", "ThrottlingException", "InvalidParameterException", "LimitExceededException"]
    {
        let remote = Remote::strict();
        let proxy = Proxy::start(remote.url(), move |call| (call.operation == "PutRetentionPolicy").then_some(code));
        let sidecar = Setup::at(proxy.url()).flags(&["--retention-days", "30"]).start();
        sidecar.feed("one\n");
        remote.until_accepted(1);
        until("it is said", || sidecar.stderr().contains("the group was created, but not its retention"));
        assert!(sidecar.stderr().contains(code), "{}", sidecar.stderr());
        sidecar.stop().all_delivered(1);
    }
}
