//! What a request asks for. Pure: method, path and query in, a route or a refusal out.

use std::time::Duration;

use hyper::Method;

use crate::config::parse_duration;

/// How long a flush waits if nobody says, and at most.
const FLUSH_DEFAULT: Duration = Duration::from_secs(5);
const FLUSH_MOST: Duration = Duration::from_secs(60);

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Metrics,
    Health,
    Ready,
    Status,
    Flush { timeout: Duration },
}

/// Why a request is none of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    Method { allow: &'static str },
    Query(String),
}

const READ: &str = "GET, HEAD";
const WRITE: &str = "POST";

/// All paths, for whoever asks for another one.
pub(super) const PATHS: &str = "/metrics /healthz /readyz /status and POST /flush?timeout=5s";

impl Route {
    pub(super) fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let read = |route| match *method {
            Method::GET | Method::HEAD => Ok(route),
            _ => Err(Refusal::Method { allow: READ }),
        };
        match path {
            "/metrics" => read(Route::Metrics),
            "/healthz" => read(Route::Health),
            "/readyz" => read(Route::Ready),
            "/status" => read(Route::Status),
            "/flush" if *method == Method::POST => Ok(Route::Flush { timeout: timeout(query)? }),
            "/flush" => Err(Refusal::Method { allow: WRITE }),
            _ => Err(Refusal::NotFound),
        }
    }
}

fn timeout(query: Option<&str>) -> Result<Duration, Refusal> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.into_iter().try_fold(FLUSH_DEFAULT, |_, pair| match pair.split_once('=') {
        Some(("timeout", value)) => {
            let timeout = parse_duration(value).map_err(|what| Refusal::Query(format!("timeout={value} {what}")))?;
            let longest = FLUSH_MOST.as_secs();
            let too_long = || Refusal::Query(format!("timeout={value} is too long: at most {longest}s"));
            (timeout <= FLUSH_MOST).then_some(timeout).ok_or_else(too_long)
        }
        _ => Err(Refusal::Query(format!("`{pair}` means nothing here: write timeout=5s"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_get_and_head() {
        for (path, route) in [
            ("/metrics", Route::Metrics),
            ("/healthz", Route::Health),
            ("/readyz", Route::Ready),
            ("/status", Route::Status),
        ] {
            assert_eq!(Route::of(&Method::GET, path, Some("x=1")), Ok(route));
            assert_eq!(Route::of(&Method::HEAD, path, None), Ok(route));
            assert_eq!(Route::of(&Method::POST, path, None), Err(Refusal::Method { allow: "GET, HEAD" }));
        }
        for path in ["/", "", "*", "/metrics/", "/Metrics", "/flush/x", "//metrics"] {
            assert_eq!(Route::of(&Method::GET, path, None), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn a_flush_is_posted_with_a_bounded_timeout() {
        let flush = |query| Route::of(&Method::POST, "/flush", query);
        let of = |timeout| Ok(Route::Flush { timeout });
        assert_eq!(flush(None), of(FLUSH_DEFAULT));
        assert_eq!(flush(Some("")), of(FLUSH_DEFAULT));
        assert_eq!(flush(Some("timeout=250ms")), of(Duration::from_millis(250)));
        assert_eq!(flush(Some("timeout=60s")), of(FLUSH_MOST));
        for bad in ["timeout=61s", "timeout=5", "timeout=", "timeout", "level=ended", "timeout=1s&x=2"] {
            assert!(matches!(flush(Some(bad)), Err(Refusal::Query(_))), "{bad}");
        }
        assert_eq!(Route::of(&Method::GET, "/flush", None), Err(Refusal::Method { allow: "POST" }));
    }
}
