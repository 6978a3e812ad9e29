use serde_json::json;

use super::*;
use crate::operation::Operation;
use crate::store::Room;

fn store() -> Store {
    Store::new(Room { events: 100, bytes: 10_000 })
}

fn call(store: &mut Store, operation: &str, body: Value) -> Result<Value, Refusal> {
    let operation = Operation::named(operation).unwrap();
    let call = Call::parse(operation, body.to_string().as_bytes())?.unwrap();
    run(&call, store, 1_000)
}

fn ok(store: &mut Store, operation: &str, body: Value) -> Value {
    call(store, operation, body).unwrap()
}

fn code(store: &mut Store, operation: &str, body: Value) -> &'static str {
    call(store, operation, body).unwrap_err().code
}

fn names(answer: &Value, list: &str, field: &str) -> Vec<String> {
    let list = answer[list].as_array().unwrap().iter();
    list.map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_group_is_described_as_it_was_made() {
    let mut store = store();
    let group = json!({ "logGroupName": "g", "kmsKeyId": "key", "logGroupClass": "DELIVERY", "tags": { "a": "b" } });
    ok(&mut store, "CreateLogGroup", group);
    ok(&mut store, "PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 30 }));
    let described = ok(&mut store, "DescribeLogGroups", json!({ "logGroupNamePrefix": "g" }));
    let group = &described["logGroups"][0];
    assert_eq!((&group["kmsKeyId"], &group["logGroupClass"]), (&json!("key"), &json!("DELIVERY")));
    assert_eq!((&group["retentionInDays"], &group["creationTime"]), (&json!(30), &json!(1_000)));
    assert_eq!(group["arn"], "arn:aws:logs:us-east-1:000000000000:log-group:g:*");
}

#[test]
fn bad_settings_make_no_group() {
    let mut store = store();
    for bad in [
        json!({ "logGroupName": "a b" }),
        json!({ "logGroupName": "g", "logGroupClass": "CHEAP" }),
        json!({ "logGroupName": "g", "tags": {} }),
        json!({ "logGroupName": "g", "kmsKeyId": "k".repeat(257) }),
        json!({}),
        json!({ "logGroupName": 7 }),
    ] {
        assert_eq!(code(&mut store, "CreateLogGroup", bad), "InvalidParameterException");
    }
    assert_eq!(store.groups("").count(), 0);
}

#[test]
fn tags_add_up_to_fifty() {
    let mut store = store();
    ok(&mut store, "CreateLogGroup", json!({ "logGroupName": "g", "tags": { "0": "old" } }));
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:g:*";
    let tags = |from: u32, to: u32| -> Value {
        (from..to).map(|n| (n.to_string(), json!("new"))).collect::<serde_json::Map<_, _>>().into()
    };
    ok(&mut store, "TagResource", json!({ "resourceArn": arn, "tags": tags(0, 50) }));
    assert_eq!(store.group("g").unwrap().tags["0"], "new");
    let more = json!({ "resourceArn": arn, "tags": tags(50, 51) });
    assert_eq!(code(&mut store, "TagResource", more), "InvalidParameterException");
    let other = json!({ "resourceArn": "arn:aws:logs:x:1:log-group:other", "tags": tags(0, 1) });
    assert_eq!(code(&mut store, "TagResource", other), "ResourceNotFoundException");
    let nonsense = json!({ "resourceArn": "g", "tags": tags(0, 1) });
    assert_eq!(code(&mut store, "TagResource", nonsense), "InvalidParameterException");
}

#[test]
fn streams_are_listed_in_pages() {
    let mut store = store();
    ok(&mut store, "CreateLogGroup", json!({ "logGroupName": "g" }));
    for name in ["a", "b", "c"] {
        ok(&mut store, "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": name }));
    }
    let first = ok(&mut store, "DescribeLogStreams", json!({ "logGroupName": "g", "limit": 2 }));
    assert_eq!(names(&first, "logStreams", "logStreamName"), ["a", "b"]);
    let rest = json!({ "logGroupName": "g", "limit": 2, "nextToken": first["nextToken"] });
    let rest = ok(&mut store, "DescribeLogStreams", rest);
    assert_eq!(names(&rest, "logStreams", "logStreamName"), ["c"]);
    assert!(rest.get("nextToken").is_none());
    let down = ok(&mut store, "DescribeLogStreams", json!({ "logGroupName": "g", "descending": true }));
    assert_eq!(names(&down, "logStreams", "logStreamName"), ["c", "b", "a"]);

    for bad in [
        json!({ "logGroupName": "g", "limit": 0 }),
        json!({ "logGroupName": "g", "limit": 51 }),
        json!({ "logGroupName": "g", "nextToken": "x" }),
        json!({ "logGroupName": "g", "orderBy": "Size" }),
        json!({ "logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "a" }),
    ] {
        assert_eq!(code(&mut store, "DescribeLogStreams", bad), "InvalidParameterException");
    }
}

#[test]
fn what_is_deleted_is_not_found() {
    let mut store = store();
    ok(&mut store, "CreateLogGroup", json!({ "logGroupName": "g" }));
    let stream = json!({ "logGroupName": "g", "logStreamName": "s" });
    ok(&mut store, "CreateLogStream", stream.clone());
    ok(&mut store, "DeleteLogStream", stream.clone());
    assert_eq!(code(&mut store, "DeleteLogStream", stream.clone()), "ResourceNotFoundException");
    ok(&mut store, "DeleteLogGroup", json!({ "logGroupName": "g" }));
    for operation in ["GetLogEvents", "DescribeLogStreams", "CreateLogStream"] {
        assert_eq!(code(&mut store, operation, stream.clone()), "ResourceNotFoundException");
    }
}
