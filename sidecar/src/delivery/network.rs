//! The way to a host: straight, or through a proxy. One HTTP client for CloudWatch and for every source of credentials.
//!
//! Layout: `proxy` says who goes through which proxy. Here the choice is made for each request, and a proxy's refusal is told
//! as such. Connections are pooled beneath: calls to one host through a proxy share tunnels.
//!
//! Absent: retries, and any word of what stands in a proxy's URL but its host and port.

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{proxy::ProxyConfig, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

pub(crate) mod proxy;
mod refusal;

use proxy::Proxies;

/// Most bytes of an answer. The longest that is of use has a kilobyte or two.
const ANSWER_BYTES: usize = 1 << 20;

/// What a proxy answers where it wants a name and a password; CloudWatch never does.
const PROXY_WANTS_PASSWORD: u16 = 407;

/// All ways out.
#[derive(Clone, Debug)]
pub(super) struct Network {
    direct: SharedHttpClient,
    /// Through the proxy for http and for https, where there is one.
    proxied: [Option<SharedHttpClient>; 2],
    proxies: std::sync::Arc<Proxies>,
}

impl Network {
    pub(super) fn new(trust: &TlsContext, proxies: Proxies) -> Result<Self, proxy::ProxyError> {
        let through = |proxy: Option<&proxy::Proxy>| proxy.map(|proxy| proxy.config()).transpose();
        let [http, https] = [through(proxies.http())?, through(proxies.https())?];
        let proxied = [http, https].map(|config| config.map(|config| client(trust.clone(), config)));
        Ok(Network { direct: client(trust.clone(), ProxyConfig::disabled()), proxied, proxies: proxies.into() })
    }

    /// Whom to ask for this address, and by which proxy.
    fn way(&self, uri: &str) -> (&SharedHttpClient, Option<&proxy::Proxy>) {
        let Some((scheme, proxy)) = self.proxies.of(uri) else { return (&self.direct, None) };
        match &self.proxied[scheme as usize] {
            Some(client) => (client, Some(proxy)),
            None => (&self.direct, None),
        }
    }
}

fn client(trust: TlsContext, proxy: ProxyConfig) -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(proxy.clone())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trust.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let (settings, components) = (settings.clone(), components.clone());
        SharedHttpConnector::new(Crossing { network: self.clone(), settings, components })
    }
}

/// Where requests part, each by its address, and answers come back, none longer than [`ANSWER_BYTES`].
#[derive(Debug)]
struct Crossing {
    network: Network,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Crossing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, proxy) = self.network.way(request.uri());
        let answer = client.http_connector(&self.settings, &self.components).call(request);
        let proxy = proxy.map(|proxy| proxy.name().to_owned());
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map(|answer| answer.map(bounded));
            match proxy {
                Some(name) => told(answer, name),
                None => answer,
            }
        })
    }
}

/// An answer whose body ends with an error where it is longer than any that we can use: whoever reads it keeps all of it.
fn bounded(body: SdkBody) -> SdkBody {
    SdkBody::from_body_1_x(Limited::new(body, ANSWER_BYTES))
}

/// What came back, with the proxy's name on what went wrong.
fn told(answer: Result<HttpResponse, ConnectorError>, proxy: String) -> Result<HttpResponse, ConnectorError> {
    match answer {
        Ok(answer) if answer.status().as_u16() == PROXY_WANTS_PASSWORD => {
            // Of a request that it was to forward; the endpoint never saw it.
            Err(ConnectorError::other(refusal::of_password(proxy).into(), None))
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(refusal::named(error, proxy)),
    }
}
