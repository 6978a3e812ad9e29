//! The calls themselves, through the AWS SDK.
//!
//! The SDK finds credentials, signs, connects and reads errors. It does not build the body: ours replaces the one it
//! would serialize, before it is signed. Its retries are off. Every call has a connect and an attempt time-out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatchlogs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_cloudwatchlogs::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_cloudwatchlogs::error::BoxError;
use aws_sdk_cloudwatchlogs::types::LogGroupClass;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use bytes::Bytes;

use super::access::{Access, Lease};
use super::body::{self, RejectedIndices, TooLarge};
use super::network::proxy::{Proxies, ProxyError};
use super::network::Network;
use super::outcome::{Class, Failure};
use super::tls;
use crate::config::{CreationConfig, DeliveryConfig, Destination, GroupClass, StaticKeys};
use crate::engine::budget::Budget;
use crate::engine::create::{Created, Target};
use crate::engine::{Attempt, Outcome, Report};

/// How to reach CloudWatch.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Endpoint, region, time-outs.
    pub delivery: DeliveryConfig,
    /// What a group that we create is given.
    pub create: CreationConfig,
    /// Private roots, from `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// Whether anything will be sent at all.
    used: bool,
}

/// Why the delivery cannot be set up; all of it is configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Nobody could be trusted.
    #[error(transparent)]
    Trust(#[from] tls::TrustError),
    /// A proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// The remote end.
#[derive(Debug)]
pub struct CloudWatch {
    access: Arc<Access>,
    create: CreationConfig,
    budget: Arc<Budget>,
    proxied: Vec<String>,
}

impl Setup {
    /// The setup that the configuration and the variables of the AWS tools describe.
    #[must_use]
    pub fn new(delivery: DeliveryConfig, create: CreationConfig) -> Self {
        let ca_bundle = std::env::var_os(tls::CA_BUNDLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        Setup { delivery, create, ca_bundle, used: true }
    }

    /// For a sidecar that ships nothing: neither roots nor proxies matter.
    #[must_use]
    pub fn unused(self) -> Self {
        Setup { used: false, ..self }
    }

    /// The AWS configuration to be, without asking anybody anything yet.
    fn parts(&self) -> Result<Parts, SetupError> {
        let endpoint_url = self.delivery.endpoint_url.as_ref().map(|url| url.as_str().to_owned());
        let needed = match self.endpoint(endpoint_url.as_deref()) {
            _ if !self.used => tls::Roots::Unneeded,
            Some(url) if url.starts_with("http://") => tls::Roots::Useful,
            _ => tls::Roots::Needed,
        };
        let variable = |name: &str| std::env::var(name).ok();
        let proxies = if self.used { Proxies::from_variables(variable)? } else { Proxies::none() };
        let proxied = proxies.describe();
        let trust = tls::context(self.ca_bundle.as_deref(), needed)?;
        let http = SharedHttpClient::new(Network::new(&trust, proxies)?);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.delivery.connect_timeout)
            .operation_attempt_timeout(self.delivery.attempt_timeout)
            .build();
        let region = self.delivery.region.as_ref().map(|region| Region::new(region.as_str().to_owned()));
        Ok(Parts { http, timeouts, region, endpoint_url, keys: self.delivery.credentials.clone(), proxied })
    }

    /// Where calls will go, if anything but the profile says so.
    fn endpoint(&self, configured: Option<&str>) -> Option<String> {
        let variables = ["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL"];
        configured.map(str::to_owned).or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()))
    }
}

/// What the SDK's configuration is loaded with.
#[derive(Debug)]
pub(super) struct Parts {
    http: SharedHttpClient,
    timeouts: TimeoutConfig,
    region: Option<Region>,
    endpoint_url: Option<String>,
    /// Keys of Clowder's, before the chain's.
    keys: Option<StaticKeys>,
    /// What goes through proxies, in words.
    proxied: Vec<String>,
}

impl Parts {
    pub(super) async fn load(&self) -> SdkConfig {
        // The HTTP client also goes to the credential providers, which would have none of their own.
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(self.http.clone())
            .timeout_config(self.timeouts.clone())
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(region) = &self.region {
            loader = loader.region(region.clone());
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(keys) = &self.keys {
            loader = loader.credentials_provider(Credentials::new(keys.id(), keys.secret(), None, None, "Clowder"));
        }
        loader.load().await
    }
}

impl CloudWatch {
    /// Sets the delivery up. Nothing is asked of the network before the first call.
    ///
    /// # Errors
    /// A CA bundle or a proxy that cannot be used, or no trusted roots at all.
    pub fn new(setup: &Setup, budget: Arc<Budget>) -> Result<Self, SetupError> {
        let parts = setup.parts()?;
        let proxied = parts.proxied.clone();
        proxied.iter().for_each(|way| tracing::info!("{way}"));
        let access = Access::new(parts, setup.delivery.attempt_timeout);
        Ok(CloudWatch { access, create: setup.create.clone(), budget, proxied })
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

    /// Makes the call that an attempt asks for.
    pub async fn attempt(&self, attempt: Attempt) -> Report {
        let Attempt { id, destination, batch, body: payment } = attempt;
        let lease = match self.access.lease().await {
            Ok(lease) => lease,
            Err(failure) => {
                let outcome = failure.into_outcome();
                return Report { id, batch, outcome, took: Duration::ZERO, growth: None };
            }
        };
        let (outcome, took, growth) = match body::build(&self.budget, &destination, &batch, payment) {
            Err(TooLarge) => (Outcome::TooLarge, Duration::ZERO, None),
            Ok(body) => {
                let begun = Instant::now();
                let outcome = match self.put(&lease, &destination, body.bytes).await {
                    Ok(indices) => Outcome::Accepted { rejected: body::rejected_ranges(&batch, indices) },
                    Err(failure) => failure.into_outcome(),
                };
                (outcome, begun.elapsed(), Some(body.growth))
            }
        };
        Report { id, batch, outcome, took, growth }
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
            let call = client.put_retention_policy().log_group_name(group).retention_in_days(retention.days().into());
            if let Err(error) = call.send().await {
                let failure = Failure::of(&error);
                tracing::warn!(group, error = failure.what, "the group was created, but not its retention");
            }
        }
        Ok(())
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
        let empty = Arc::new(AtomicBool::new(false));
        let length = body.len().to_string();
        let answer = lease
            .client
            .put_log_events()
            .log_group_name(destination.group().as_str())
            .log_stream_name(destination.stream().as_str())
            .set_log_events(Some(Vec::new()))
            .customize()
            .interceptor(EmptyBody(Arc::clone(&empty)))
            .mutate_request(move |request| {
                *request.body_mut() = SdkBody::from(body.clone());
                request.headers_mut().insert("content-length", length.clone());
            })
            .send()
            .await
            .map_err(|error| self.failed(lease, &error))?;
        // Both have been seen from proxies and are no proof that CloudWatch took anything.
        if answer.request_id().is_none() || empty.load(Ordering::Relaxed) {
            let what = "an answer 200 without a request id or body proves nothing".to_owned();
            return Err(Failure { class: Class::Unavailable { ambiguous: true }, what, retry_after: None });
        }
        let index = |index: i32| usize::try_from(index).ok();
        let info = answer.rejected_log_events_info();
        Ok(RejectedIndices {
            too_new_from: info.and_then(|info| info.too_new_log_event_start_index()).and_then(index),
            too_old_to: info.and_then(|info| info.too_old_log_event_end_index()).and_then(index),
            expired_to: info.and_then(|info| info.expired_log_event_end_index()).and_then(index),
        })
    }
}

/// Sees whether the answer had a body: the SDK takes none for an empty object.
#[derive(Debug)]
struct EmptyBody(Arc<AtomicBool>);

impl Intercept for EmptyBody {
    fn name(&self) -> &'static str {
        "EmptyBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes();
        self.0.store(body.is_none_or(|bytes| bytes.iter().all(u8::is_ascii_whitespace)), Ordering::Relaxed);
        Ok(())
    }
}
