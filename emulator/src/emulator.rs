//! An emulator inside this process: built, started, asked, shut down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{self, Config, Mode};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::faults::{Fault, FaultError};
use crate::marks::Markers;
use crate::report::Report;
use crate::server::{self, Transport};
use crate::sigv4::Credentials;

/// The way to an endpoint; see [`Emulator::builder`].
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// A strict endpoint on a free port of the loopback interface, unless told otherwise.
    pub fn builder() -> Builder {
        Builder { config: Config::default() }
    }
}

/// What an endpoint is to do.
#[derive(Debug, Clone)]
#[must_use = "nothing listens before `start`"]
pub struct Builder {
    config: Config,
}

impl Builder {
    pub(crate) fn from_config(config: Config) -> Self {
        Self { config }
    }

    /// Listens here instead of on a free loopback port.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.listen = address;
        self
    }

    /// Counting mode: finds and marks the records' numbers, keeps nothing, checks little.
    pub fn counting(mut self) -> Self {
        self.config.mode = Mode::Counting;
        self
    }

    /// Makes missing groups and streams instead of refusing the call.
    pub fn auto_create(mut self) -> Self {
        self.config.auto_create = true;
        self
    }

    /// Whose signatures are good; without this, any access key with the secret `emulator`.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.config.credentials = Some(credentials);
        self
    }

    /// Lets unsigned and wrongly signed calls pass.
    pub fn without_signatures(mut self) -> Self {
        self.config.credentials = None;
        self
    }

    /// Enforces the calls a second of an AWS account.
    pub fn quotas(mut self) -> Self {
        self.config.quotas = config::aws_quotas();
        self
    }

    /// Adds a fault that is there from the start.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.config.faults.push(fault);
        self
    }

    /// Chooses among the ways chance may go.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// How the records' numbers and times are found.
    pub fn markers(mut self, markers: Markers) -> Self {
        self.config.markers = markers;
        self
    }

    /// Numbers below this can be marked; a bit of memory each.
    pub fn count_max(mut self, numbers: u64) -> Self {
        self.config.count_max = numbers;
        self
    }

    /// How many different numbers the report should find.
    pub fn expect(mut self, numbers: u64) -> Self {
        self.config.expect = Some(numbers);
        self
    }

    /// Keeps at most so many events, and so many bytes of them.
    pub fn store_max(mut self, events: u64, bytes: u64) -> Self {
        self.config.room = crate::store::Room { events, bytes };
        self
    }

    /// Serves HTTPS with a certificate made at start, and writes what a client has to trust to `ca_out`.
    #[cfg(feature = "tls")]
    pub fn tls_self_signed(mut self, ca_out: impl Into<std::path::PathBuf>) -> Self {
        self.config.tls = Some(config::TlsSource::SelfSigned { ca_out: Some(ca_out.into()) });
        self
    }

    /// Serves HTTPS with this certificate chain and private key, both PEM.
    #[cfg(feature = "tls")]
    pub fn tls_files(mut self, cert: impl Into<std::path::PathBuf>, key: impl Into<std::path::PathBuf>) -> Self {
        self.config.tls = Some(config::TlsSource::Files { cert: cert.into(), key: key.into() });
        self
    }

    /// Listens and serves, on the tokio runtime it is called from.
    pub async fn start(self) -> Result<Handle, Error> {
        self.config.check()?;
        let (transport, scheme) = transport(&self.config)?;
        let listen = self.config.listen;
        let bind = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let endpoint = Arc::new(Endpoint::new(self.config)?);
        let server = tokio::spawn(server::serve(listener, address, transport, Arc::clone(&endpoint)));
        Ok(Handle { endpoint, address, scheme, server })
    }
}

#[cfg(not(feature = "tls"))]
fn transport(_: &Config) -> Result<(Transport, &'static str), Error> {
    Ok((Transport::Plain, "http"))
}

#[cfg(feature = "tls")]
fn transport(config: &Config) -> Result<(Transport, &'static str), Error> {
    match &config.tls {
        None => Ok((Transport::Plain, "http")),
        Some(source) => Ok((Transport::Tls(server::tls::acceptor(source)?), "https")),
    }
}

/// An event that was accepted and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since the epoch, as the client set it.
    pub timestamp: i64,
    /// Milliseconds since the epoch, as the endpoint accepted it.
    pub ingestion_time: i64,
    /// The text.
    pub message: String,
}

/// A running endpoint. Dropping it ends the endpoint as a crash would: every connection is reset.
#[derive(Debug)]
pub struct Handle {
    endpoint: Arc<Endpoint>,
    address: SocketAddr,
    scheme: &'static str,
    server: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to set as the endpoint of a client.
    pub fn endpoint_url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// What happened since the start or the last reset.
    pub fn report(&self) -> Report {
        self.endpoint.report(None)
    }

    /// The kept events of a stream by timestamp, those of one timestamp in the order they came.
    pub fn events(&self, group: &str, stream: &str) -> Vec<Event> {
        let events = self.endpoint.events(group, stream).into_iter();
        let event = |stored: crate::store::Stored| Event {
            timestamp: stored.timestamp,
            ingestion_time: stored.ingestion,
            message: stored.message.into(),
        };
        events.map(event).collect()
    }

    /// Adds faults, all or none.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) -> Result<(), FaultError> {
        self.endpoint.faults().add(faults.into_iter().collect())
    }

    /// Removes all faults; an outage under way goes on.
    pub fn clear_faults(&self) {
        self.endpoint.faults().clear();
    }

    /// Resets every connection and refuses new ones for this long, from now.
    pub fn outage(&self, length: Duration) {
        self.endpoint.begin_outage(length);
    }

    /// Forgets events, counts and marks, and sets the faults of the start again.
    pub fn reset(&self) -> Result<(), FaultError> {
        self.endpoint.reset()
    }

    /// Ends the endpoint and returns its last report.
    pub async fn shutdown(mut self) -> Report {
        self.server.abort();
        // The error says that it was aborted, which is what we asked for.
        let _ = (&mut self.server).await;
        self.report()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.server.abort();
    }
}
