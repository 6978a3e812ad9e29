//! What a request asks for. Pure: interface, method, path and query in, a route or a refusal out.

use std::fmt;
use std::time::Duration;

use hyper::Method;

use crate::config::parse_duration;

/// How long a flush waits if nobody says, and at most.
const FLUSH_DEFAULT: Duration = Duration::from_secs(5);
const FLUSH_MOST: Duration = Duration::from_secs(60);

/// Which of our two interfaces is asked. Each is a setting of its own and shown by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Everything; usually for this host alone.
    Admin,
    /// Health and metrics; nothing that changes anything or tells names of streams, so that it may be open to the network.
    Health,
}

impl Surface {
    /// All paths, for whoever asks for another one.
    pub(super) fn paths(self) -> &'static str {
        match self {
            Surface::Admin => "/metrics /healthz /readyz /status, POST /flush?timeout=5s and POST /drain",
            Surface::Health => "/ /healthz /readyz /metrics",
        }
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Surface::Admin => "admin",
            Surface::Health => "health",
        })
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Metrics,
    Health,
    Ready,
    Status,
    Flush { timeout: Duration },
    Drain,
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

impl Route {
    pub(super) fn of(surface: Surface, method: &Method, path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let read = |route| match *method {
            Method::GET | Method::HEAD => Ok(route),
            _ => Err(Refusal::Method { allow: READ }),
        };
        match (surface, path) {
            (_, "/metrics") => read(Route::Metrics),
            (_, "/healthz") | (Surface::Health, "/") => read(Route::Health),
            (_, "/readyz") => read(Route::Ready),
            (Surface::Admin, "/status") => read(Route::Status),
            (Surface::Admin, "/flush" | "/drain") if *method != Method::POST => Err(Refusal::Method { allow: WRITE }),
            (Surface::Admin, "/flush") => Ok(Route::Flush { timeout: timeout(query)? }),
            (Surface::Admin, "/drain") => match query {
                None | Some("") => Ok(Route::Drain),
                Some(query) => Err(Refusal::Query(format!("`{query}` means nothing here: drain takes no query"))),
            },
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

    fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
        Route::of(Surface::Admin, method, path, query)
    }

    #[test]
    fn reading_takes_get_and_head() {
        for (path, route) in [
            ("/metrics", Route::Metrics),
            ("/healthz", Route::Health),
            ("/readyz", Route::Ready),
            ("/status", Route::Status),
        ] {
            assert_eq!(of(&Method::GET, path, Some("x=1")), Ok(route));
            assert_eq!(of(&Method::HEAD, path, None), Ok(route));
            assert_eq!(of(&Method::POST, path, None), Err(Refusal::Method { allow: "GET, HEAD" }));
        }
        for path in ["/", "", "*", "/metrics/", "/Metrics", "/flush/x", "/drain/", "//metrics"] {
            assert_eq!(of(&Method::GET, path, None), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn health_has_nothing_that_changes_anything_and_no_status() {
        let of = |method, path| Route::of(Surface::Health, &method, path, None);
        let routes = [
            ("/", Route::Health),
            ("/healthz", Route::Health),
            ("/readyz", Route::Ready),
            ("/metrics", Route::Metrics),
        ];
        for (path, route) in routes {
            assert_eq!(of(Method::GET, path), Ok(route), "{path}");
            assert_eq!(of(Method::HEAD, path), Ok(route), "{path}");
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                assert_eq!(of(method, path), Err(Refusal::Method { allow: "GET, HEAD" }), "{path}");
            }
        }
        for path in ["/status", "/flush", "/drain", "", "*", "//", "/healthz/", "/x"] {
            assert_eq!(of(Method::GET, path), Err(Refusal::NotFound), "{path}");
            assert_eq!(of(Method::POST, path), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn a_flush_is_posted_with_a_bounded_timeout() {
        let flush = |query| of(&Method::POST, "/flush", query);
        let with = |timeout| Ok(Route::Flush { timeout });
        assert_eq!(flush(None), with(FLUSH_DEFAULT));
        assert_eq!(flush(Some("")), with(FLUSH_DEFAULT));
        assert_eq!(flush(Some("timeout=250ms")), with(Duration::from_millis(250)));
        assert_eq!(flush(Some("timeout=60s")), with(FLUSH_MOST));
        for bad in ["timeout=61s", "timeout=5", "timeout=", "timeout", "level=ended", "timeout=1s&x=2"] {
            assert!(matches!(flush(Some(bad)), Err(Refusal::Query(_))), "{bad}");
        }
        assert_eq!(of(&Method::GET, "/flush", None), Err(Refusal::Method { allow: "POST" }));
    }

    #[test]
    fn a_drain_is_posted_and_takes_nothing() {
        assert_eq!(of(&Method::POST, "/drain", None), Ok(Route::Drain));
        assert_eq!(of(&Method::POST, "/drain", Some("")), Ok(Route::Drain));
        assert!(matches!(of(&Method::POST, "/drain", Some("timeout=5s")), Err(Refusal::Query(_))));
        assert_eq!(of(&Method::GET, "/drain", None), Err(Refusal::Method { allow: "POST" }));
    }
}
