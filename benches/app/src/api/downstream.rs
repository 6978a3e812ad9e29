//! The services behind this one. All of them are called at once for each request, over connections that are kept.
//!
//! Each request has sixteen numbers to itself and each service at most four records: the k-th service below another one numbers
//! its records from 4 (k + 1) beyond it. So a chain of three takes 0, 4, 8, and a tree of one over three 0, 4, 8, 12.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::operations::Failure;

/// Numbers from one service's records to the next one's.
const STEP: u64 = 4;
/// Longer than the longest honest answer under overload, shorter than any driver's patience.
const ANSWER: Duration = Duration::from_secs(60);

type Http = Client<HttpConnector, Empty<Bytes>>;

#[derive(Debug)]
pub(super) struct Downstream {
    http: Http,
    services: Vec<String>,
}

impl Downstream {
    pub(super) fn new(services: Vec<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { http: Client::builder(TokioExecutor::new()).build(connector), services }
    }

    /// Calls `path`, which ends where a parameter may begin, of every service.
    ///
    /// # Errors
    /// The first service that does not answer well.
    pub(super) async fn call(&self, path: &str, base: u64) -> Result<(), Failure> {
        let mut calls = JoinSet::new();
        for (service, n) in self.services.iter().zip(numbers(base)) {
            let (http, url) = (self.http.clone(), format!("{service}{path}n={n}"));
            calls.spawn(async move {
                let answered = timeout(ANSWER, get(&http, &url)).await.unwrap_or_else(|_| Err("no answer".into()));
                answered.map_err(|why| (StatusCode::BAD_GATEWAY, format!("{url}: {why}")))
            });
        }
        while let Some(called) = calls.join_next().await {
            called.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))??;
        }
        Ok(())
    }
}

/// Where the services below a request number their records from.
fn numbers(base: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |place| base.saturating_add(STEP * place))
}

async fn get(http: &Http, url: &str) -> Result<(), String> {
    let uri = url.parse().map_err(|error| format!("not an address: {error}"))?;
    let answer = http.get(uri).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    // To the end, so that the connection can be used again.
    answer.into_body().collect().await.map_err(|error| error.to_string())?;
    status.is_success().then_some(()).ok_or_else(|| format!("answered {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_and_a_tree_fit_into_sixteen_numbers() {
        let below = |base| numbers(base).next().unwrap();
        assert_eq!((below(32), below(below(32))), (36, 40), "chain");
        assert_eq!(numbers(32).take(3).collect::<Vec<_>>(), [36, 40, 44], "tree");
    }
}
