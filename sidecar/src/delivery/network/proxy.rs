//! Proxies, as the environment names them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in capitals or not.
//!
//! Loopback and link-local addresses, and with them every instance's metadata service (IMDS, ECS, EKS Pod Identity), never
//! go through a proxy: it could not reach ours, and would be told secrets that are for this pod alone.

use std::fmt;
use std::net::IpAddr;

use aws_smithy_http_client::proxy::ProxyConfig;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// A proxy that cannot be used. The value is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {what}; write http://HOST:PORT or https://HOST:PORT, a name and password as NAME:PASSWORD@HOST with special characters percent-encoded")]
pub struct ProxyError {
    variable: &'static str,
    what: &'static str,
}

/// A proxy. Its URL is a secret, its host and port are not.
#[derive(Clone)]
pub(crate) struct Proxy {
    variable: &'static str,
    url: String,
    name: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("variable", &self.variable).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: &str) -> Result<Self, ProxyError> {
        let wrong = |what| ProxyError { variable, what };
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("is no proxy for HTTP (SOCKS cannot be used)"));
        }
        // What follows the host is ignored by none of those who use it; mostly it is the rest of a password.
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || url.contains('#') {
            return Err(wrong("has something after host and port"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        // A port that is none is to the parser as if there was none.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let behind = authority.rsplit('@').next().and_then(|place| place.strip_prefix(host)).unwrap_or_default();
        let port = match behind.strip_prefix(':') {
            None => usual,
            Some(port) => {
                port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| wrong("has a port that is none"))?
            }
        };
        Ok(Proxy { variable, name: format!("{host}:{port}"), url })
    }

    /// Its host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn config(&self) -> Result<ProxyConfig, ProxyError> {
        let what = "cannot be used";
        ProxyConfig::all(self.url.as_str()).map_err(|_| ProxyError { variable: self.variable, what })
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// Which requests go through which proxy.
#[derive(Debug)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Intercepts what `NO_PROXY` does not exempt.
    others: Matcher,
}

impl Proxies {
    /// Nobody goes through a proxy.
    pub(crate) fn none() -> Self {
        Proxies { http: None, https: None, others: matcher("") }
    }

    /// What these variables say. Of two spellings the one in capitals counts; empty is as good as missing.
    ///
    /// # Errors
    /// A proxy that could not be used: to go straight where one was asked for would only fail later, or leak.
    pub(crate) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let first = |names: [&'static str; 2]| {
            let value = |name| Some((name, variable(name).filter(|value| !value.trim().is_empty())?));
            names.into_iter().find_map(value)
        };
        let proxy = |names| first(names).map(|(name, value)| Proxy::parse(name, value.trim())).transpose();
        let all = proxy(["ALL_PROXY", "all_proxy"])?;
        let exempt = first(["NO_PROXY", "no_proxy"]).map_or(String::new(), |(_, value)| value);
        Ok(Proxies {
            http: proxy(["HTTP_PROXY", "http_proxy"])?.or_else(|| all.clone()),
            https: proxy(["HTTPS_PROXY", "https_proxy"])?.or(all),
            others: matcher(&exempt),
        })
    }

    /// Which there are, in words, without secrets.
    pub(crate) fn describe(&self) -> Vec<String> {
        let say = |(scheme, proxy): (&str, &Option<Proxy>)| {
            let Proxy { name, variable, .. } = proxy.as_ref()?;
            Some(format!("{scheme} goes through proxy {name}, by {variable}"))
        };
        [("https", &self.https), ("http", &self.http)].into_iter().filter_map(say).collect()
    }

    pub(super) fn http(&self) -> Option<&Proxy> {
        self.http.as_ref()
    }

    pub(super) fn https(&self) -> Option<&Proxy> {
        self.https.as_ref()
    }

    /// The proxy for this address, if it goes through one.
    pub(super) fn of(&self, address: &str) -> Option<(Scheme, &Proxy)> {
        let uri: Uri = address.parse().ok()?;
        let (scheme, proxy) = match uri.scheme_str() {
            Some("http") => (Scheme::Http, self.http.as_ref()?),
            Some("https") => (Scheme::Https, self.https.as_ref()?),
            _ => return None,
        };
        let near = uri.host().is_none_or(is_near);
        (!near && self.others.intercept(&uri).is_some()).then_some((scheme, proxy))
    }
}

/// The rules of `NO_PROXY` are curl's; `*.example.com`, which others take as well, is made `.example.com`.
fn matcher(exempt: &str) -> Matcher {
    let rules: Vec<_> = exempt
        .split(',')
        .map(str::trim)
        .map(|rule| rule.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(rule))
        .collect();
    Matcher::builder().all("http://any").no(rules.join(",")).build()
}

/// This host or this link: loopback, link-local, and the IPv6 addresses of AWS's metadata services (`fd00:ec2::/32`).
fn is_near(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0x0ec2],
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Proxies::from_variables(value)
    }

    fn through(proxies: &Proxies, address: &str) -> Option<String> {
        proxies.of(address).map(|(_, proxy)| proxy.name().to_owned())
    }

    #[test]
    fn each_scheme_has_its_proxy_and_all_proxy_stands_in() {
        let two = proxies(&[("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2"), ("ALL_PROXY", "c")]).unwrap();
        assert_eq!(through(&two, "https://logs.eu-west-1.amazonaws.com/").as_deref(), Some("a:1"));
        assert_eq!(through(&two, "http://emulator:4586/").as_deref(), Some("b:2"));
        let all = proxies(&[("all_proxy", "https://c"), ("HTTPS_PROXY", " "), ("https_proxy", "http://d")]).unwrap();
        assert_eq!(through(&all, "https://x/").as_deref(), Some("d:80"), "empty is as good as missing");
        assert_eq!(through(&all, "http://x/").as_deref(), Some("c:443"));
        assert_eq!(through(&Proxies::none(), "https://x/"), None);
    }

    #[test]
    fn what_is_near_never_goes_through_a_proxy() {
        let all = proxies(&[("ALL_PROXY", "p:1")]).unwrap();
        for near in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://[fe80::1]/",
            "http://127.0.0.1:4586/",
            "http://[::1]:4586/",
            "https://localhost:4586/",
        ] {
            assert_eq!(through(&all, near), None, "{near}");
        }
        for far in ["http://10.0.0.1/", "http://[fd00:ec3::1]/", "https://localhost.example.com/"] {
            assert!(through(&all, far).is_some(), "{far}");
        }
    }

    #[test]
    fn no_proxy_exempts_names_suffixes_addresses_and_networks() {
        let list = ".svc, *.internal,example.com,10.0.0.0/8,192.0.2.7";
        let some = proxies(&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", list)]).unwrap();
        for exempt in ["a.svc", "logs.internal", "example.com", "a.example.com", "10.1.2.3", "192.0.2.7"] {
            assert_eq!(through(&some, &format!("https://{exempt}/")), None, "{exempt}");
        }
        for other in ["notexample.com", "internal.org", "11.1.2.3", "logs.eu-west-1.amazonaws.com"] {
            assert!(through(&some, &format!("https://{other}/")).is_some(), "{other}");
        }
        let star = proxies(&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(through(&star, "https://x/"), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_value() {
        for bad in ["socks5://u:hunter2@p:1", "http://u:hunter2@", "http://u:hun ter2@p", "ftp://hunter2"] {
            let told = proxies(&[("https_proxy", bad)]).unwrap_err().to_string();
            assert!(told.starts_with("https_proxy: ") && !told.contains("hunter2") && !told.contains("ter2"), "{told}");
        }
        for (bad, why) in [
            ("http://USER:pa/ss@proxy:80", "after host"),
            ("http://USER:1234/x@proxy:80", "after host"),
            ("http://USER:pa?ss@proxy:80", "after host"),
            ("http://USER:12#ss@proxy:80", "after host"),
            ("http://USER:pa/ss@proxy:80", "percent-encoded"),
            ("http://proxy:99999", "port"),
            ("http://proxy:0", "port"),
            ("http://USER:80a", "port"),
            ("http://proxy:", "port"),
        ] {
            let told = proxies(&[("HTTPS_PROXY", bad)]).expect_err(bad).to_string();
            assert!(told.contains(why) && !told.contains("USER"), "{bad}: {told}");
        }
        let good = proxies(&[("HTTPS_PROXY", "http://user:hunter2@p:1")]).unwrap();
        assert_eq!(through(&good, "https://x/").as_deref(), Some("p:1"));
        assert!(!format!("{good:?}").contains("hunter2"), "{good:?}");
    }
}
