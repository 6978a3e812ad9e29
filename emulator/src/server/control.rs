//! The control API: faults and the report at run time, on the port of the endpoint itself. Not signed.
//!
//! | request | does |
//! |---|---|
//! | `GET /_emulator/report[?expect=N]` | answers with the report |
//! | `GET /_emulator/marks?from=N&until=M` | answers with how many of these numbers arrived: `{"unique": 7}` |
//! | `GET /_emulator/faults` | lists the faults |
//! | `POST /_emulator/faults` | adds the fault in the body, or the list of faults |
//! | `PUT /_emulator/faults` | sets these and no others, at once |
//! | `DELETE /_emulator/faults` | removes all faults |
//! | `POST /_emulator/outage` | begins an outage: `{"seconds": 5}` |
//! | `POST /_emulator/freshness` | measures freshness anew, of all streams or one: `{"stream": "name"}` |
//! | `POST /_emulator/access-key` | from now on only `{"access_key": "AKID"}` is good, others have expired |
//! | `POST /_emulator/reset` | forgets events, counts and marks; sets the faults of the start again |

use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request};
use serde::Deserialize;
use serde_json::{json, Value};

use super::answer::{self, Answer};
use super::body::{Body, Spare};
use crate::endpoint::Endpoint;
use crate::faults::Fault;
use crate::refusal::Refusal;

pub(super) const PREFIX: &str = "/_emulator/";

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Fault>),
    One(Fault),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Freshness {
    #[serde(default)]
    stream: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessKey {
    access_key: String,
}

pub(super) async fn handle(request: Request<Incoming>, endpoint: &Endpoint) -> Answer {
    let (head, mut incoming) = request.into_parts();
    let Ok(body) = Body::read(&mut incoming, &Spare::default()).await else {
        return answer::failure(&Refusal::body_too_large());
    };
    let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    match act(&head.method, path, query, body.sent(), endpoint) {
        Ok(value) => answer::success(value.to_string()),
        Err(text) => answer::failure(&Refusal::invalid(text)),
    }
}

fn act(method: &Method, path: &str, query: &str, body: &[u8], endpoint: &Endpoint) -> Result<Value, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    match (method, path) {
        (&Method::GET, "report") => Ok(json!(endpoint.report(expected(query)?))),
        (&Method::GET, "marks") => {
            let (from, until) = range(query)?;
            Ok(json!({ "unique": endpoint.tally().marked_within(from, until) }))
        }
        (&Method::GET, "faults") => Ok(json!(endpoint.faults().list())),
        (&Method::POST | &Method::PUT, "faults") => {
            let faults = match serde_json::from_slice(body).map_err(|error| text(&error))? {
                OneOrMany::Many(faults) => faults,
                OneOrMany::One(fault) => vec![fault],
            };
            let mut set = endpoint.faults();
            let done = if method == Method::PUT { set.replace(faults) } else { set.add(faults) };
            done.map_err(|error| text(&error))?;
            Ok(json!({}))
        }
        (&Method::POST, "access-key") => {
            let key: AccessKey = serde_json::from_slice(body).map_err(|error| text(&error))?;
            endpoint.renew(key.access_key);
            Ok(json!({}))
        }
        (&Method::DELETE, "faults") => {
            endpoint.faults().clear();
            Ok(json!({}))
        }
        (&Method::POST, "outage") => {
            let outage: Outage = serde_json::from_slice(body).map_err(|error| text(&error))?;
            let length = Duration::try_from_secs_f64(outage.seconds).map_err(|error| text(&error))?;
            endpoint.begin_outage(length);
            Ok(json!({}))
        }
        (&Method::POST, "freshness") => {
            let freshness: Freshness = serde_json::from_slice(body).map_err(|error| text(&error))?;
            endpoint.tally().restart_freshness(freshness.stream);
            Ok(json!({}))
        }
        (&Method::POST, "reset") => {
            endpoint.reset().map_err(|error| text(&error))?;
            Ok(json!({}))
        }
        _ => Err(format!("no such control: {method} {PREFIX}{path}")),
    }
}

fn expected(query: &str) -> Result<Option<u64>, String> {
    match query.strip_prefix("expect=") {
        None => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| format!("`expect` is not a number: {number}")),
    }
}

fn range(query: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("`{query}` is not `from=N&until=M`");
    let (from, until) = query.strip_prefix("from=").and_then(|rest| rest.split_once("&until=")).ok_or_else(wrong)?;
    from.parse().ok().zip(until.parse().ok()).ok_or_else(wrong)
}
