//! Request bodies in, answers out: the operations on a [`Store`], without network or clock.

use serde_json::Value;

use self::calls::Call;
use crate::refusal::Refusal;
use crate::store::{NewGroup, Store};

pub(crate) mod batch;
pub(crate) mod calls;
mod put;
mod read;
mod rules;

pub(crate) use self::put::{put, Put};

/// Carries out every operation but `PutLogEvents`, which has [`put`].
pub(crate) fn run(call: &Call, store: &mut Store, now_ms: i64) -> Result<Value, Refusal> {
    let done = Value::Object(serde_json::Map::new());
    match call {
        Call::CreateLogGroup(group) => {
            rules::group_name(&group.log_group_name)?;
            group.kms_key_id.as_deref().map_or(Ok(()), rules::kms_key)?;
            group.log_group_class.as_deref().map_or(Ok(()), rules::class)?;
            group.tags.as_ref().map_or(Ok(()), rules::tags)?;
            let new = NewGroup {
                class: group.log_group_class.clone(),
                kms_key: group.kms_key_id.clone(),
                tags: group.tags.clone().unwrap_or_default(),
            };
            store.create_group(&group.log_group_name, new, now_ms)?;
        }
        Call::CreateLogStream(stream) => {
            rules::group_name(&stream.log_group_name)?;
            rules::stream_name(&stream.log_stream_name)?;
            store.create_stream(&stream.log_group_name, &stream.log_stream_name, now_ms)?;
        }
        Call::PutRetentionPolicy(policy) => {
            rules::group_name(&policy.log_group_name)?;
            rules::retention(policy.retention_in_days)?;
            store.group_mut(&policy.log_group_name)?.retention_days = Some(policy.retention_in_days);
        }
        Call::TagResource(tag) => {
            rules::tags(&tag.tags)?;
            let mut tags = store.group(read::group_of_arn(&tag.resource_arn)?)?.tags.clone();
            tags.extend(tag.tags.clone());
            rules::tags(&tags)?;
            store.group_mut(read::group_of_arn(&tag.resource_arn)?)?.tags = tags;
        }
        Call::DeleteLogGroup(group) => store.delete_group(&group.log_group_name)?,
        Call::DeleteLogStream(stream) => {
            store.delete_stream(&stream.log_group_name, &stream.log_stream_name)?;
        }
        Call::DescribeLogGroups(ask) => return read::groups(ask, store),
        Call::DescribeLogStreams(ask) => return read::streams(ask, store),
        Call::GetLogEvents(ask) => return read::events(ask, store),
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
