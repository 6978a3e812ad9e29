//! CloudWatch Logs through the AWS SDK: what `sync` and `queue` have in common.
//!
//! One client, whose connections are kept and used again, with the SDK's own retries. Its settings come from the command line
//! alone, its credentials from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; no profile or instance is asked.
//! The group and the stream are created at the start, as Watchtower does.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, RejectedLogEventsInfo};
use aws_sdk_cloudwatchlogs::{Client, Config};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::Provider;

use super::Event;
use crate::error::{Error, Result};

/// The region that calls are signed for.
const REGION: &str = "us-east-1";
/// The SDK would wait for an answer for ever; boto3, which Watchtower calls through, waits this long.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Where records go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint_url: String,
    pub(crate) group: String,
    pub(crate) stream: String,
}

#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    target: Target,
}

impl Remote {
    /// Creates the group and the stream where they are missing.
    pub(crate) async fn open(target: Target) -> Result<Self> {
        let remote = Self { client: Client::from_conf(config(&target)), target };
        let Target { group, stream, endpoint_url } = &remote.target;
        let created = remote.client.create_log_group().log_group_name(group).send().await;
        exists("create the log group", endpoint_url, created)?;
        let created = remote.client.create_log_stream().log_group_name(group).log_stream_name(stream).send().await;
        exists("create the log stream", endpoint_url, created)?;
        Ok(remote)
    }

    /// Sends events, which must be in the order of their timestamps, and says how many were taken; or why none was, after the
    /// SDK's retries.
    pub(crate) async fn put(&self, events: Vec<Event>) -> std::result::Result<u64, String> {
        let count = events.len() as u64;
        let event = |event: Event| InputLogEvent::builder().timestamp(event.timestamp_ms).message(event.text).build();
        let events = events.into_iter().map(event).collect::<std::result::Result<Vec<_>, _>>();
        let Target { group, stream, .. } = &self.target;
        let call = self.client.put_log_events().log_group_name(group).log_stream_name(stream);
        let call = call.set_log_events(Some(events.map_err(|error| error.to_string())?));
        let answer = call.send().await.map_err(|error| in_full(&error))?;
        Ok(answer.rejected_log_events_info().map_or(count, |info| accepted(count, info)))
    }
}

fn config(target: &Target) -> Config {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(&target.endpoint_url)
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .retry_config(RetryConfig::standard())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build())
        .http_client(http)
        .build()
}

/// Takes it for a success where what should be created is there already, or is being created by somebody else.
fn exists<T, E>(doing: &'static str, endpoint: &str, created: std::result::Result<T, SdkError<E>>) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = created else { return Ok(()) };
    match error.code() {
        Some("ResourceAlreadyExistsException" | "OperationAbortedException") => Ok(()),
        _ => Err(Error::Remote { doing, endpoint: endpoint.to_owned(), why: in_full(&error) }),
    }
}

/// An error with all that it came from: the SDK's own text says little more than that there was one.
fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How many of `count` events were taken, by the answer's indices: too old and expired ones end there, too new ones begin there.
fn accepted(count: u64, info: &RejectedLogEventsInfo) -> u64 {
    let index = |index: Option<i32>| index.and_then(|index| u64::try_from(index).ok());
    let begin = index(info.too_old_log_event_end_index()).max(index(info.expired_log_event_end_index()));
    let end = index(info.too_new_log_event_start_index()).unwrap_or(count).min(count);
    end.saturating_sub(begin.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_events_are_not_taken_for_accepted() {
        let info = RejectedLogEventsInfo::builder();
        assert_eq!(accepted(10, &info.clone().build()), 10);
        assert_eq!(accepted(10, &info.clone().too_old_log_event_end_index(3).build()), 7);
        assert_eq!(accepted(10, &info.clone().too_new_log_event_start_index(8).build()), 8);
        let both = info.clone().expired_log_event_end_index(4).too_old_log_event_end_index(3);
        assert_eq!(accepted(10, &both.too_new_log_event_start_index(9).build()), 5);
        assert_eq!(accepted(10, &info.too_old_log_event_end_index(99).build()), 0);
    }
}
