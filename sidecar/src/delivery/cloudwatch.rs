//! The calls themselves, through the AWS SDK.
//!
//! The SDK signs, connects and reads errors. It does not build the body: ours replaces the one it
//! would serialize, before it is signed. Its retries are off. Every call has a connect and an attempt time-out.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_cloudwatchlogs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatchlogs::error::BoxError;
use aws_sdk_cloudwatchlogs::types::{LogGroupClass, RejectedLogEventsInfo};
use aws_sdk_cloudwatchlogs::Client;
#[cfg(any(test, fuzzing))]
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use bytes::Bytes;

use super::access::{Access, Lease};
use super::body::{self, RejectedIndices, TooLarge};
use super::outcome::{Class, Failure};
use super::setup::{Place, Setup, SetupError};
use crate::config::{CreationConfig, Destination, GroupClass, Retention};
use crate::engine::budget::Budget;
use crate::engine::create::{Created, Target};
use crate::engine::{Attempt, Outcome, Report};

/// Longest search for credentials, where an attempt may not take longer anyway: sources ask others, and try again.
const SEARCH: Duration = Duration::from_secs(10);

/// How long to wait before a new group's retention is tried once more. A lane's first records wait with it.
const RETENTION_WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// How long a new group's retention may take in all: its records do not wait longer.
const RETENTION_TIME: Duration = Duration::from_secs(5);

/// The remote end.
#[derive(Debug)]
pub struct CloudWatch {
    access: Arc<Access>,
    create: CreationConfig,
    budget: Arc<Budget>,
    place: Place,
    proxied: Vec<String>,
}

impl CloudWatch {
    /// Sets the delivery up. Nothing is asked of the network before the first call.
    ///
    /// # Errors
    /// A CA bundle or a proxy that cannot be used, or no trusted roots at all.
    pub fn new(setup: &Setup, budget: Arc<Budget>) -> Result<Self, SetupError> {
        let parts = setup.parts()?;
        let (place, proxied) = (parts.place.clone(), parts.proxied.clone());
        proxied.iter().for_each(|way| tracing::info!("{way}"));
        let access = Access::new(parts, setup.delivery.attempt_timeout.max(SEARCH), setup.seed);
        Ok(CloudWatch { access, create: setup.create.clone(), budget, place, proxied })
    }

    /// The same over another HTTP client.
    #[cfg(any(test, fuzzing))]
    pub(super) fn over(http: SharedHttpClient, setup: &Setup, budget: Arc<Budget>) -> Self {
        let parts = setup.parts_over(http);
        let place = parts.place.clone();
        let access = Access::new(parts, SEARCH, 0);
        CloudWatch { access, create: setup.create.clone(), budget, place, proxied: Vec::new() }
    }

    /// Region and endpoint in words, without asking anybody.
    #[must_use]
    pub fn place(&self) -> (&str, &str) {
        let region = self.place.region.as_deref().unwrap_or("of the profile or the instance");
        (region, self.place.endpoint.as_deref().unwrap_or("the region's"))
    }

    /// What goes through proxies, in words, without secrets.
    #[must_use]
    pub fn proxied(&self) -> &[String] {
        &self.proxied
    }

    /// The AWS configuration that calls are made with, loaded anew.
    pub async fn aws(&self) -> SdkConfig {
        self.access.load().await
    }

    /// Makes the call that an attempt asks for, unless `cancelled` comes first. Before it is made nobody can have got anything.
    pub async fn attempt(&self, attempt: Attempt, cancelled: impl Future<Output = ()>) -> Report {
        tokio::pin!(cancelled);
        let Attempt { id, destination, batch, body: payment } = attempt;
        let unmade = |batch, outcome| Report { id, batch, outcome, took: None, growth: None };
        let lease = tokio::select! {
            lease = self.access.lease() => lease,
            () = &mut cancelled => return unmade(batch, Outcome::Cancelled),
        };
        let lease = match lease {
            Ok(lease) => lease,
            Err(failure) => return unmade(batch, failure.into_outcome()),
        };
        let body = match body::build(&self.budget, &destination, &batch, payment) {
            Ok(body) => body,
            Err(TooLarge) => return unmade(batch, Outcome::TooLarge),
        };
        let begun = Instant::now();
        let outcome = tokio::select! {
            put = self.put(&lease, &destination, body.bytes) => match put {
                Ok(indices) => Outcome::Accepted { rejected: body::rejected_ranges(&batch, indices) },
                Err(failure) => failure.into_outcome(),
            },
            () = &mut cancelled => Outcome::Cancelled,
        };
        Report { id, batch, outcome, took: Some(begun.elapsed()), growth: Some(body.growth) }
    }

    /// Creates a stream, or a group with its settings.
    pub async fn create(&self, what: Target, destination: &Destination) -> Created {
        let lease = match self.access.lease().await {
            Ok(lease) => lease,
            Err(failure) => return failure.into_created(),
        };
        let (group, stream) = (destination.group().as_str(), destination.stream().as_str());
        let failure = match what {
            Target::Stream => {
                let call = lease.client.create_log_stream().log_group_name(group).log_stream_name(stream);
                call.send().await.err().map(|error| self.failed(&lease, &error))
            }
            Target::Group => self.create_group(&lease, group).await.err(),
        };
        failure.map_or(Created::Exists, Failure::into_created)
    }

    async fn create_group(&self, lease: &Lease, group: &str) -> Result<(), Failure> {
        let client = &lease.client;
        let mut call = client.create_log_group().log_group_name(group);
        for (key, value) in self.create.tags.iter() {
            call = call.tags(key, value);
        }
        if let Some(key) = &self.create.kms_key {
            call = call.kms_key_id(key.as_str());
        }
        if self.create.class != GroupClass::Standard {
            call = call.log_group_class(LogGroupClass::from(self.create.class.api_name()));
        }
        call.send().await.map_err(|error| self.failed(lease, &error))?;
        // Only a group that we made is given a retention: one that exists belongs to somebody else.
        if let Some(retention) = self.create.retention {
            let put = tokio::time::timeout(RETENTION_TIME, self.put_retention(client, group, retention));
            let late = |_| Failure {
                class: Class::Unavailable { ambiguous: true },
                what: "no answer in time".to_owned(),
                retry_after: None,
            };
            if let Err(failure) = put.await.map_err(late).flatten() {
                tracing::warn!(
                    group,
                    error = failure.what,
                    days = retention.days(),
                    "the group was created, but not its retention: set it, else its records are kept for ever"
                );
            }
        }
        Ok(())
    }

    /// Nobody gives the group its retention later, so what may go well in a moment is tried again; the lane waits meanwhile.
    async fn put_retention(&self, client: &Client, group: &str, retention: Retention) -> Result<(), Failure> {
        let mut waits = RETENTION_WAITS.into_iter();
        loop {
            let call = client.put_retention_policy().log_group_name(group).retention_in_days(retention.days().into());
            let Err(error) = call.send().await else { return Ok(()) };
            let failure = Failure::of(&error);
            match waits.next().filter(|_| matches!(failure.class, Class::Throttled | Class::Unavailable { .. })) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure),
            }
        }
    }

    /// What an error means, here and for the credentials.
    fn failed<E>(&self, lease: &Lease, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.access.learn(lease, error);
        Failure::of(error)
    }

    /// One PutLogEvents with a ready body.
    async fn put(&self, lease: &Lease, destination: &Destination, body: Bytes) -> Result<RejectedIndices, Failure> {
        let unproven = Arc::new(AtomicBool::new(false));
        let length = body.len().to_string();
        let answer = lease
            .client
            .put_log_events()
            .log_group_name(destination.group().as_str())
            .log_stream_name(destination.stream().as_str())
            .set_log_events(Some(Vec::new()))
            .customize()
            .interceptor(Proof { missing: Arc::clone(&unproven) })
            .mutate_request(move |request| {
                *request.body_mut() = SdkBody::from(body.clone());
                request.headers_mut().insert("content-length", length.clone());
            })
            .send()
            .await
            .map_err(|error| self.failed(lease, &error))?;
        // All of that has been seen from proxies and is no proof that CloudWatch took anything.
        if answer.request_id().is_none() || unproven.load(Ordering::Relaxed) {
            let what = "an answer 2xx that is not 200 with a request id and a body proves nothing".to_owned();
            return Err(Failure { class: Class::Unavailable { ambiguous: true }, what, retry_after: None });
        }
        Ok(answer.rejected_log_events_info().map(indices_of).unwrap_or_default())
    }
}

/// What an answer says of single events. An index below zero names none.
fn indices_of(info: &RejectedLogEventsInfo) -> RejectedIndices {
    let index = |index: i32| usize::try_from(index).ok();
    RejectedIndices {
        too_new_from: info.too_new_log_event_start_index().and_then(index),
        too_old_to: info.too_old_log_event_end_index().and_then(index),
        expired_to: info.expired_log_event_end_index().and_then(index),
    }
}

/// Sees whether the answer is a 200 with a body: the SDK takes every 2xx for a success, and no body for an empty object.
#[derive(Debug)]
struct Proof {
    missing: Arc<AtomicBool>,
}

impl Intercept for Proof {
    fn name(&self) -> &'static str {
        "Proof"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let empty = response.body().bytes().is_none_or(|bytes| bytes.trim_ascii().is_empty());
        self.missing.store(empty || response.status().as_u16() != 200, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_taken_as_they_are_and_those_below_zero_name_no_event() {
        for (said, expected) in
            [(i32::MIN, None), (-1, None), (0, Some(0)), (1, Some(1)), (i32::MAX, Some(2_147_483_647))]
        {
            let info = RejectedLogEventsInfo::builder();
            let new = indices_of(&info.clone().too_new_log_event_start_index(said).build());
            assert_eq!(new, RejectedIndices { too_new_from: expected, ..RejectedIndices::default() });
            let old = indices_of(&info.clone().too_old_log_event_end_index(said).build());
            assert_eq!(old, RejectedIndices { too_old_to: expected, ..RejectedIndices::default() });
            let expired = indices_of(&info.expired_log_event_end_index(said).build());
            assert_eq!(expired, RejectedIndices { expired_to: expected, ..RejectedIndices::default() });
        }
        assert_eq!(indices_of(&RejectedLogEventsInfo::builder().build()), RejectedIndices::default());
    }
}
