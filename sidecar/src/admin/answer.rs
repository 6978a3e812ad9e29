//! Requests in, answers out.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use super::route::{Refusal, Route};
use super::status::Accounts;
use super::view::View;
use super::Surface;

type Answer = Response<Full<Bytes>>;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers one request. Its body, if it has one, is not read.
pub(super) async fn answer(view: &View, peer: SocketAddr, request: &Request<Incoming>) -> Answer {
    let uri = request.uri();
    match Route::of(view.surface, request.method(), uri.path(), uri.query()) {
        Ok(Route::Metrics) => match view.metrics() {
            Ok(text) => with(StatusCode::OK, OPEN_METRICS, text),
            Err(error) => with(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        },
        Ok(Route::Health) => said(view.is_alive().await, "ok", "the intake gives no sign of life"),
        Ok(Route::Ready) => said(view.is_ready(), "ok", "draining: the socket takes nothing more"),
        Ok(Route::Status) => json(&view.status()),
        Ok(Route::Flush { .. } | Route::Drain) if is_foreign(request.headers()) => {
            let text = "what changes anything is not for web pages: ask without Origin, by address or as localhost\n";
            with(StatusCode::FORBIDDEN, TEXT, text)
        }
        Ok(Route::Flush { timeout }) if view.may_change(peer) => {
            let reached = view.flush(timeout).await;
            json(&json!({ "reached": reached, "account": Accounts::of(&view.snapshot()) }))
        }
        Ok(Route::Drain) if view.may_change(peer) => {
            let mut answer = json(&view.drain());
            *answer.status_mut() = StatusCode::ACCEPTED;
            answer
        }
        Ok(Route::Flush { .. } | Route::Drain) => {
            let text = "what changes anything is for this host only: have --admin listen on a loopback address\n";
            with(StatusCode::FORBIDDEN, TEXT, text)
        }
        Err(refusal) => refuse(view.surface, refusal),
    }
}

/// Whether a web page asks, or may ask: a browser says whose page it is, and by which name it has found us. That name may be
/// anybody's and lead here all the same; an address, or `localhost`, may not.
fn is_foreign(headers: &HeaderMap) -> bool {
    let by_name = headers.get_all(HOST).iter().any(|host| !is_address(host.to_str().unwrap_or("?")));
    headers.contains_key(ORIGIN) || by_name
}

/// `127.0.0.1:9787`, `[::1]`, `localhost:9787` and their like.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    ip.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

fn refuse(surface: Surface, refusal: Refusal) -> Answer {
    match refusal {
        Refusal::NotFound => with(StatusCode::NOT_FOUND, TEXT, format!("not found; there are {}\n", surface.paths())),
        Refusal::Query(what) => with(StatusCode::BAD_REQUEST, TEXT, format!("{what}\n")),
        Refusal::Method { allow } => {
            let mut answer = with(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("only {allow}\n"));
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            answer
        }
    }
}

fn said(well: bool, yes: &'static str, no: &'static str) -> Answer {
    let (status, text) = if well { (StatusCode::OK, yes) } else { (StatusCode::SERVICE_UNAVAILABLE, no) };
    with(status, TEXT, format!("{text}\n"))
}

fn json(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_string(value) {
        Ok(text) => with(StatusCode::OK, JSON, text + "\n"),
        Err(error) => with(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

fn with(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_be_a_web_page_changes_nothing() {
        let foreign = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            is_foreign(&pairs.collect())
        };
        for host in ["127.0.0.1:9787", "127.0.0.1", "[::1]:9787", "[::1]", "localhost:9787", "LocalHost"] {
            assert!(!foreign(&[("host", host)]), "{host}");
            assert!(foreign(&[("host", host), ("origin", "null")]), "{host}");
        }
        for host in ["evil.example.com", "evil.example.com:9787", "localhost.example.com", "127.0.0.1.nip.io", "", "["]
        {
            assert!(foreign(&[("host", host)]), "{host}");
        }
        assert!(!foreign(&[]), "HTTP/1.0 needs none, and no browser speaks it");
    }
}
