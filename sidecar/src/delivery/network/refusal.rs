//! A proxy's refusals, in words that say whose they are.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::result::ConnectorError;

type Source = Box<dyn Error + Send + Sync>;

/// What went wrong on the way through a proxy.
#[derive(Debug)]
pub(super) struct ProxyFailure {
    proxy: String,
    stage: Stage,
    source: Option<Source>,
}

/// How far it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The proxy did not answer.
    Unreached,
    /// It wants a name and a password, or other ones.
    Password,
    /// It did not open a tunnel; which status it answered is not known.
    NoTunnel,
    /// The tunnel was open: it is between us and the endpoint.
    Beyond,
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = &self.proxy;
        match self.stage {
            Stage::Unreached => write!(f, "proxy {proxy} cannot be reached"),
            Stage::Password => {
                write!(f, "proxy {proxy} refused: 407, it wants a name and a password (in the variable)")
            }
            Stage::NoTunnel => write!(f, "proxy {proxy} refused to connect us (not a 407; its log says why)"),
            Stage::Beyond => write!(f, "through proxy {proxy}"),
        }
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// The proxy answered 407 instead of forwarding.
pub(super) fn of_password(proxy: String) -> ProxyFailure {
    ProxyFailure { proxy, stage: Stage::Password, source: None }
}

/// The same error, of the same kind, with the proxy's name before it.
pub(super) fn named(error: ConnectorError, proxy: String) -> ConnectorError {
    let (timeout, io, user, other) = (error.is_timeout(), error.is_io(), error.is_user(), error.as_other());
    let source = error.into_source();
    let stage = stage(&*source);
    let failure: Source = ProxyFailure { proxy, stage, source: Some(source) }.into();
    match (timeout, io, user) {
        (true, _, _) => ConnectorError::timeout(failure),
        (_, true, _) => ConnectorError::io(failure),
        (_, _, true) => ConnectorError::user(failure),
        _ => ConnectorError::other(failure, other),
    }
}

/// The type of the tunnel's error is not exported, so its words count; a test that tunnels holds them to it.
fn stage(error: &(dyn Error + 'static)) -> Stage {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.to_string().strip_prefix("tunnel error: ") {
            Some("failed to create underlying connection") => return Stage::Unreached,
            Some("proxy authorization required") => return Stage::Password,
            Some(_) => return Stage::NoTunnel,
            None => next = error.source(),
        }
    }
    Stage::Beyond
}
