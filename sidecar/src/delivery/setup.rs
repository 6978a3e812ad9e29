//! How CloudWatch is to be reached: what the configuration and the variables of the AWS tools say, made into what the SDK loads.

use std::path::PathBuf;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatchlogs::config::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::network::proxy::{Proxies, ProxyError};
use super::network::Network;
use super::tls;
use crate::config::{CreationConfig, DeliveryConfig, StaticKeys};

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
    pub(super) fn parts(&self) -> Result<Parts, SetupError> {
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
    pub(super) proxied: Vec<String>,
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
