//! The bodies of the operations, as the API's model names their fields. Unknown fields are let pass, as AWS
//! does with fields of newer models.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::Deserialize;

use crate::faults::Names;
use crate::operation::Operation;
use crate::refusal::Refusal;

/// A call other than `PutLogEvents`.
#[derive(Debug)]
pub(crate) enum Call {
    CreateLogGroup(CreateLogGroup),
    CreateLogStream(StreamName),
    PutRetentionPolicy(PutRetentionPolicy),
    TagResource(TagResource),
    DescribeLogGroups(DescribeLogGroups),
    DescribeLogStreams(DescribeLogStreams),
    GetLogEvents(GetLogEvents),
    DeleteLogGroup(GroupName),
    DeleteLogStream(StreamName),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupName {
    pub(crate) log_group_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamName {
    pub(crate) log_group_name: String,
    pub(crate) log_stream_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateLogGroup {
    pub(crate) log_group_name: String,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) log_group_class: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PutRetentionPolicy {
    pub(crate) log_group_name: String,
    pub(crate) retention_in_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagResource {
    pub(crate) resource_arn: String,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeLogGroups {
    pub(crate) log_group_name_prefix: Option<String>,
    pub(crate) next_token: Option<String>,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeLogStreams {
    pub(crate) log_group_name: String,
    pub(crate) log_stream_name_prefix: Option<String>,
    pub(crate) order_by: Option<String>,
    #[serde(default)]
    pub(crate) descending: bool,
    pub(crate) next_token: Option<String>,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetLogEvents {
    pub(crate) log_group_name: String,
    pub(crate) log_stream_name: String,
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: Option<i64>,
    pub(crate) next_token: Option<String>,
    pub(crate) limit: Option<usize>,
    #[serde(default)]
    pub(crate) start_from_head: bool,
}

/// Turns what serde found wrong into what AWS would say.
pub(crate) fn malformed(error: &serde_json::Error) -> Refusal {
    if error.is_data() {
        Refusal::invalid(format!("1 validation error detected: {error}"))
    } else {
        Refusal::serialization(error.to_string())
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

impl Call {
    /// Reads a body; none for `PutLogEvents`.
    pub(crate) fn parse(operation: Operation, body: &[u8]) -> Result<Option<Self>, Refusal> {
        Ok(Some(match operation {
            Operation::PutLogEvents => return Ok(None),
            Operation::CreateLogGroup => Self::CreateLogGroup(read(body)?),
            Operation::CreateLogStream => Self::CreateLogStream(read(body)?),
            Operation::PutRetentionPolicy => Self::PutRetentionPolicy(read(body)?),
            Operation::TagResource => Self::TagResource(read(body)?),
            Operation::DescribeLogGroups => Self::DescribeLogGroups(read(body)?),
            Operation::DescribeLogStreams => Self::DescribeLogStreams(read(body)?),
            Operation::GetLogEvents => Self::GetLogEvents(read(body)?),
            Operation::DeleteLogGroup => Self::DeleteLogGroup(read(body)?),
            Operation::DeleteLogStream => Self::DeleteLogStream(read(body)?),
        }))
    }

    /// What it names, for faults that are meant for one name only.
    pub(crate) fn names(&self) -> Names<'_> {
        let (group, stream) = match self {
            Self::CreateLogGroup(call) => (Some(&call.log_group_name), None),
            Self::PutRetentionPolicy(call) => (Some(&call.log_group_name), None),
            Self::DescribeLogStreams(call) => (Some(&call.log_group_name), None),
            Self::DeleteLogGroup(call) => (Some(&call.log_group_name), None),
            Self::CreateLogStream(call) | Self::DeleteLogStream(call) => {
                (Some(&call.log_group_name), Some(&call.log_stream_name))
            }
            Self::GetLogEvents(call) => (Some(&call.log_group_name), Some(&call.log_stream_name)),
            Self::TagResource(_) | Self::DescribeLogGroups(_) => (None, None),
        };
        Names { group: group.map(String::as_str), stream: stream.map(String::as_str) }
    }
}
