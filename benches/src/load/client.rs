//! One request and its answer, over kept connections; and what a failure is called.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{connect::HttpConnector, Client as Pool};
use hyper_util::rt::TokioExecutor;

use super::Spec;
use crate::error::{io, wrong, Result};

/// A kind of failure is a key of a map and a line of a table.
const LONGEST_KIND: usize = 120;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With a status below 400, and its body read to the end.
    Well { redirect: bool, bytes: u64 },
    /// With another status, by the server's own word.
    Refused(String),
    /// Without an answer.
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Client {
    pool: Kept,
    spec: Spec,
}

/// Roots of trust are read only where they are needed: that takes a while, and not every machine has them.
#[derive(Debug)]
enum Kept {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Tls(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Client {
    pub(super) fn new(spec: &Spec, connections: u32) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(spec.timeout));
        let mut builder = Pool::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(connections as usize);
        let pool = if spec.url.scheme_str() == Some("https") {
            connector.enforce_http(false);
            let roots = HttpsConnectorBuilder::new().with_native_roots();
            let roots = roots.map_err(io("read", "this machine's root certificates (SSL_CERT_FILE names others)"))?;
            Kept::Tls(builder.build(roots.https_only().enable_http1().wrap_connector(connector)))
        } else {
            Kept::Plain(builder.build(connector))
        };
        Ok(Self { pool, spec: spec.clone() })
    }

    pub(super) async fn ask(&self, number: Option<u64>) -> Outcome {
        match tokio::time::timeout(self.spec.timeout, self.exchange(number)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(format!("no answer within {}", in_words(self.spec.timeout))),
        }
    }

    async fn exchange(&self, number: Option<u64>) -> Outcome {
        let mut request = Request::new(Full::new(self.spec.body.clone()));
        *request.method_mut() = self.spec.method.clone();
        *request.headers_mut() = self.spec.headers.clone();
        *request.uri_mut() = match numbered(&self.spec.url, number) {
            Ok(url) => url,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let answer = match &self.pool {
            Kept::Plain(pool) => pool.request(request),
            Kept::Tls(pool) => pool.request(request),
        };
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Outcome::Failed(format!("connect: {}", name(&error))),
            Err(error) => return Outcome::Failed(name(&error)),
        };
        let (status, mut body, mut bytes) = (answer.status(), answer.into_body(), 0);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                Err(error) => return Outcome::Failed(format!("body: {}", name(&error))),
            }
        }
        match status.as_u16() {
            400.. => Outcome::Refused(format!("status {}", status.as_u16())),
            _ => Outcome::Well { redirect: status.is_redirection(), bytes },
        }
    }
}

fn numbered(url: &Uri, number: Option<u64>) -> Result<Uri> {
    let Some(number) = number else { return Ok(url.clone()) };
    let mut parts = url.clone().into_parts();
    let mark = if url.query().is_some() { '&' } else { '?' };
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    let path = PathAndQuery::from_maybe_shared(Bytes::from(format!("{path}{mark}n={number}")));
    parts.path_and_query = Some(path.map_err(|error| wrong("the URL with a number", error))?);
    Uri::from_parts(parts).map_err(|error| wrong("the URL with a number", error))
}

/// How the standard library shows errors that it has no kind for.
const UNNAMED: &str = "uncategorized error";

/// The same failure has the same name, so nothing in it may be peculiar to one request.
fn name(error: &(dyn std::error::Error + 'static)) -> String {
    let (mut innermost, mut next) = (String::new(), Some(error));
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            // What the kernel said has a name of its own; TLS says more than its kind does.
            match io.kind() {
                ErrorKind::Other | ErrorKind::InvalidData => {}
                // A name that nobody knows, among others: the standard library has no kind for it.
                kind if kind.to_string() == UNNAMED => return io.to_string().chars().take(LONGEST_KIND).collect(),
                kind => return kind.to_string(),
            }
        }
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return "connection closed before the answer was whole".to_owned();
        }
        innermost = cause.to_string();
        next = cause.source();
    }
    innermost.chars().take(LONGEST_KIND).collect()
}

fn in_words(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_added_to_any_query() {
        let with = |url: &str| numbered(&url.parse().unwrap(), Some(7)).unwrap().to_string();
        assert_eq!(with("http://h:1/x"), "http://h:1/x?n=7");
        assert_eq!(with("http://h:1/x?a=b"), "http://h:1/x?a=b&n=7");
        assert_eq!(with("http://h:1"), "http://h:1/?n=7");
        assert_eq!(numbered(&"http://h/x".parse().unwrap(), None).unwrap(), "http://h/x");
    }

    #[test]
    fn failures_are_named_by_what_the_kernel_said() {
        let refused = std::io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(name(&refused), "connection refused");
        let told = std::io::Error::other("unknown issuer");
        assert_eq!(name(&told), "unknown issuer");
        assert_eq!(in_words(Duration::from_millis(500)), "500 ms");
    }
}
