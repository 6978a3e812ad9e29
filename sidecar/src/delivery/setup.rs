//! How CloudWatch is to be reached: what the configuration and the variables of the AWS tools say, made into what the SDK loads.

use std::path::PathBuf;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain};
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatchlogs::config::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::network::proxy::{Proxies, ProxyError};
use super::network::Network;
use super::tls;
use crate::config::{CreationConfig, DeliveryConfig, EndpointUrl, StaticKeys};

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
    /// Of the jitter in the search for credentials.
    pub(super) seed: u64,
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
    /// An endpoint that is none, named by a variable; its value is not shown, since it may hold a password.
    #[error("{variable}: {what}")]
    Endpoint {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl Setup {
    /// The setup that the configuration and the variables of the AWS tools describe.
    #[must_use]
    pub fn new(delivery: DeliveryConfig, create: CreationConfig) -> Self {
        let ca_bundle = std::env::var_os(tls::CA_BUNDLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        Setup { delivery, create, ca_bundle, used: true, seed: 0 }
    }

    /// For a sidecar that ships nothing: neither roots nor proxies matter.
    #[must_use]
    pub fn unused(self) -> Self {
        Setup { used: false, ..self }
    }

    /// Has chance begin here: each sidecar's is its own.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Setup { seed, ..self }
    }

    /// The AWS configuration to be, without asking anybody anything yet.
    pub(super) fn parts(&self) -> Result<Parts, SetupError> {
        let variable = |name: &str| std::env::var(name).ok();
        let endpoint_url = self.delivery.endpoint_url.as_ref().map(|url| url.as_str().to_owned());
        let endpoint = if self.used { self.endpoint(variable)? } else { None };
        let needed = match &endpoint {
            _ if !self.used => tls::Roots::Unneeded,
            Some(url) if url.as_str().starts_with("http://") => tls::Roots::Useful,
            _ => tls::Roots::Needed,
        };
        let place = Place {
            region: self.delivery.region.as_ref().map(|region| region.as_str().to_owned()).or_else(|| {
                let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().filter_map(variable);
                variables.into_iter().find(|region| !region.trim().is_empty())
            }),
            endpoint: endpoint.map(|url| url.as_str().to_owned()),
        };
        let proxies = if self.used { Proxies::from_variables(variable)? } else { Proxies::none() };
        let proxied = proxies.describe();
        let trust = tls::context(self.ca_bundle.as_deref(), needed)?;
        let http = SharedHttpClient::new(Network::new(&trust, proxies)?);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.delivery.connect_timeout)
            .operation_attempt_timeout(self.delivery.attempt_timeout)
            .build();
        let region = self.delivery.region.as_ref().map(|region| Region::new(region.as_str().to_owned()));
        Ok(Parts { http, timeouts, region, endpoint_url, keys: self.delivery.credentials.clone(), place, proxied })
    }

    /// The same over another HTTP client, with a region and keys that are given.
    #[cfg(any(test, fuzzing))]
    pub(super) fn parts_over(&self, http: SharedHttpClient) -> Parts {
        let region = self.delivery.region.as_ref().map(|region| Region::new(region.as_str().to_owned()));
        let place = Place { region: None, endpoint: None };
        let keys = self.delivery.credentials.clone();
        Parts {
            http,
            timeouts: TimeoutConfig::disabled(),
            region,
            endpoint_url: None,
            keys,
            place,
            proxied: Vec::new(),
        }
    }

    /// Where calls will go, if anything but the profile says so.
    fn endpoint(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<EndpointUrl>, SetupError> {
        if let Some(configured) = &self.delivery.endpoint_url {
            return Ok(Some(configured.clone()));
        }
        for name in ["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL"] {
            if let Some(text) = variable(name).filter(|text| !text.is_empty()) {
                return EndpointUrl::parse(&text)
                    .map(Some)
                    .map_err(|what| SetupError::Endpoint { variable: name, what });
            }
        }
        Ok(None)
    }
}

/// Where calls go, if more than the profile or the instance's metadata says so.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
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
    /// Where calls go, as far as it is known without asking.
    pub(super) place: Place,
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
        } else if std::env::var("AWS_REGION").is_ok_and(|region| region.trim().is_empty()) {
            loader = loader.region(self.region_elsewhere());
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(keys) = &self.keys {
            loader = loader.credentials_provider(Credentials::new(keys.id(), keys.secret(), None, None, "Clowder"));
        }
        loader.load().await
    }

    /// Where the SDK looks for a region that AWS_REGION does not name. (To the SDK an empty variable is a region without a name.)
    fn region_elsewhere(&self) -> impl ProvideRegion {
        let provider = ProviderConfig::default().with_http_client(self.http.clone());
        let other = std::env::var("AWS_DEFAULT_REGION").ok().filter(|region| !region.trim().is_empty());
        RegionProviderChain::first_try(other.map(Region::new))
            .or_else(ProfileFileRegionProvider::builder().configure(&provider).build())
            .or_else(ImdsRegionProvider::builder().configure(&provider).build())
    }
}
