//! `PutLogEvents` on a store.

use std::borrow::Cow;

use serde::Deserialize;

use super::batch::{check, screen, InputEvent, Screened};
use super::{calls, rules};
use crate::faults::Names;
use crate::refusal::Refusal;
use crate::store::{NewGroup, Store, Stored};

/// The body of a call. Sequence tokens are let pass, as AWS does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Put<'a> {
    #[serde(borrow)]
    pub(crate) log_group_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) log_stream_name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) log_events: Vec<InputEvent<'a>>,
}

impl<'a> Put<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| calls::malformed(&error))
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names { group: Some(&self.log_group_name), stream: Some(&self.log_stream_name) }
    }
}

/// Checks a call and keeps its good events; returns the batch's size and what became of each event.
///
/// With `create`, the group and the stream are made if they are missing.
pub(crate) fn put(call: &Put<'_>, store: &mut Store, create: bool, now_ms: i64) -> Result<(usize, Screened), Refusal> {
    let (group, stream) = (&*call.log_group_name, &*call.log_stream_name);
    rules::group_name(group)?;
    rules::stream_name(stream)?;
    let bytes = check(&call.log_events)?;
    if create {
        make(store, group, stream, now_ms)?;
    }
    store.stream(group, stream)?;

    let timestamps: Vec<_> = call.log_events.iter().map(|event| event.timestamp).collect();
    let screened = screen(&timestamps, now_ms, store.group(group)?.retention_days)?;
    let kept = call.log_events[screened.accepted.clone()].iter().map(|event| Stored {
        timestamp: event.timestamp,
        ingestion: now_ms,
        message: event.message.as_ref().into(),
    });
    store.append(group, stream, kept)?;
    Ok((bytes, screened))
}

fn make(store: &mut Store, group: &str, stream: &str, now_ms: i64) -> Result<(), Refusal> {
    if store.group(group).is_err() {
        store.create_group(group, NewGroup::default(), now_ms)?;
    }
    if store.stream(group, stream).is_err() {
        store.create_stream(group, stream, now_ms)?;
    }
    Ok(())
}
