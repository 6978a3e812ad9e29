//! The operations that read: describe groups and streams, get events.
//!
//! # Limits
//! A token is a position. Events that arrive with earlier timestamps between two pages shift it; AWS promises
//! no snapshot either.

use serde_json::{json, Value};

use super::calls::{DescribeLogGroups, DescribeLogStreams, GetLogEvents};
use crate::limits::{MAX_DESCRIBE, MAX_GET_BYTES, MAX_GET_EVENTS};
use crate::refusal::Refusal;
use crate::store::{Group, Store, Stored, Stream};

const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:";

/// The group an ARN names, with or without the `:*` that some of AWS's answers end in.
pub(super) fn group_of_arn(arn: &str) -> Result<&str, Refusal> {
    let name = arn.strip_prefix("arn:").and_then(|_| arn.split_once(":log-group:"));
    let (_, name) = name.ok_or_else(|| Refusal::invalid(format!("Invalid resource ARN: {arn}")))?;
    Ok(name.strip_suffix(":*").unwrap_or(name))
}

pub(super) fn groups(ask: &DescribeLogGroups, store: &Store) -> Result<Value, Refusal> {
    let prefix = ask.log_group_name_prefix.as_deref().unwrap_or_default();
    let all: Vec<_> = store.groups(prefix).map(|(name, group)| describe_group(name, group)).collect();
    page("logGroups", all, ask.next_token.as_deref(), ask.limit)
}

pub(super) fn streams(ask: &DescribeLogStreams, store: &Store) -> Result<Value, Refusal> {
    let prefix = ask.log_stream_name_prefix.as_deref().unwrap_or_default();
    let mut all: Vec<_> = store.streams(&ask.log_group_name, prefix)?.collect();
    match ask.order_by.as_deref() {
        None | Some("LogStreamName") => {}
        Some("LastEventTime") if prefix.is_empty() => all.sort_by_key(|(_, stream)| stream.last_event),
        Some("LastEventTime") => {
            return Err(Refusal::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        Some(other) => {
            let allowed = "satisfy enum value set: [LogStreamName, LastEventTime]";
            return Err(Refusal::constraint(other, "orderBy", allowed));
        }
    }
    if ask.descending {
        all.reverse();
    }
    let group = &ask.log_group_name;
    let all = all.into_iter().map(|(name, stream)| describe_stream(group, name, stream)).collect();
    page("logStreams", all, ask.next_token.as_deref(), ask.limit)
}

fn describe_group(name: &str, group: &Group) -> Value {
    let mut described = json!({
        "logGroupName": name,
        "arn": format!("{ARN}{name}:*"),
        "logGroupArn": format!("{ARN}{name}"),
        "creationTime": group.created,
        "logGroupClass": group.class,
        "metricFilterCount": 0,
        "storedBytes": 0,
    });
    if let Some(days) = group.retention_days {
        described["retentionInDays"] = days.into();
    }
    if let Some(key) = &group.kms_key {
        described["kmsKeyId"] = key.as_str().into();
    }
    described
}

fn describe_stream(group: &str, name: &str, stream: &Stream) -> Value {
    let mut described = json!({
        "logStreamName": name,
        "arn": format!("{ARN}{group}:log-stream:{name}"),
        "creationTime": stream.created,
        "storedBytes": 0,
    });
    let times = [
        ("firstEventTimestamp", stream.first_event),
        ("lastEventTimestamp", stream.last_event),
        ("lastIngestionTime", stream.last_ingestion),
    ];
    for (field, time) in times {
        if let Some(time) = time {
            described[field] = time.into();
        }
    }
    described
}

/// One page of a describe call.
fn page(field: &str, mut all: Vec<Value>, token: Option<&str>, limit: Option<usize>) -> Result<Value, Refusal> {
    let limit = bounded(limit, MAX_DESCRIBE)?;
    let from: usize = token.map_or(Ok(0), |token| token.parse().map_err(|_| bad_token()))?;
    let end = all.len().min(from.saturating_add(limit));
    let more = end < all.len();
    all.truncate(end);
    let mut answer = json!({ field: all.split_off(from.min(end)) });
    if more {
        answer["nextToken"] = end.to_string().into();
    }
    Ok(answer)
}

fn bounded(limit: Option<usize>, most: usize) -> Result<usize, Refusal> {
    match limit {
        None => Ok(most),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => {
            let bound = format!("have value between 1 and {most}");
            Err(Refusal::constraint(&limit.to_string(), "limit", &bound))
        }
    }
}

fn bad_token() -> Refusal {
    Refusal::invalid("The specified nextToken is invalid.")
}

pub(super) fn events(ask: &GetLogEvents, store: &Store) -> Result<Value, Refusal> {
    let limit = bounded(ask.limit, MAX_GET_EVENTS)?;
    let mut all = store.stream(&ask.log_group_name, &ask.log_stream_name)?.sorted();
    // `startTime` is inclusive, `endTime` is not.
    all.retain(|event| {
        ask.start_time.is_none_or(|start| event.timestamp >= start)
            && ask.end_time.is_none_or(|end| event.timestamp < end)
    });
    let (forward, position) = match ask.next_token.as_deref() {
        None if ask.start_from_head => (true, 0),
        None => (false, all.len()),
        Some(token) => position(token)?,
    };
    let position = position.min(all.len());
    let (from, end) = if forward {
        (position, position + fitting(all[position..].iter().copied(), limit))
    } else {
        (position - fitting(all[..position].iter().rev().copied(), limit), position)
    };
    let page: Vec<_> = all[from..end].iter().map(|event| output(event)).collect();
    Ok(json!({
        "events": page,
        "nextForwardToken": format!("f/{end:020}"),
        "nextBackwardToken": format!("b/{from:020}"),
    }))
}

fn position(token: &str) -> Result<(bool, usize), Refusal> {
    let (direction, position) = token.split_once('/').ok_or_else(bad_token)?;
    let position = position.parse().map_err(|_| bad_token())?;
    match direction {
        "f" => Ok((true, position)),
        "b" => Ok((false, position)),
        _ => Err(bad_token()),
    }
}

/// How many events fit into one answer.
fn fitting<'a>(events: impl Iterator<Item = &'a Stored>, limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Stored| {
        bytes += event.message.len();
        bytes <= MAX_GET_BYTES
    };
    events.take(limit).take_while(fits).count()
}

fn output(event: &Stored) -> Value {
    json!({ "timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingestion })
}
