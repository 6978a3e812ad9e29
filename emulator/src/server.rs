//! The network side: accept, read a request, act on its outcome.
//!
//! One task accepts and owns all connections; when it ends, so do they. An outage closes the listener, so
//! that connecting is refused, and binds the same port again afterwards.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::line::{Line, Unsaid};
use self::request::Connection;
use crate::endpoint::Endpoint;

mod answer;
pub(crate) mod body;
mod control;
mod delay;
mod line;
mod request;
#[cfg(feature = "tls")]
pub(crate) mod tls;

/// Most connections at once; further ones are closed at once.
const MAX_CONNECTIONS: usize = 4_096;
/// Between tries to bind the port again, or to accept when the kernel has no descriptor left.
const PAUSE: Duration = Duration::from_millis(20);

/// What turns an accepted connection into one that HTTP is spoken on.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

/// Serves until it is dropped.
pub(crate) async fn serve(
    mut listener: TcpListener,
    address: SocketAddr,
    transport: Transport,
    endpoint: Arc<Endpoint>,
) {
    let mut outage = endpoint.outage();
    loop {
        accept(&listener, &transport, &endpoint, &mut outage).await;
        drop(listener);
        wait_out(&mut outage).await;
        listener = bind_again(address).await;
    }
}

/// Accepts until an outage begins. Dropping the set then ends all connections.
async fn accept(
    listener: &TcpListener,
    transport: &Transport,
    endpoint: &Arc<Endpoint>,
    outage: &mut watch::Receiver<Option<Instant>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    connections.spawn(connection(stream, transport.clone(), Arc::clone(endpoint)));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = outage.changed() => return,
        }
    }
}

async fn wait_out(outage: &mut watch::Receiver<Option<Instant>>) {
    loop {
        let end = (*outage.borrow_and_update()).unwrap_or_else(Instant::now);
        tokio::select! {
            () = tokio::time::sleep_until(end.into()) => return,
            // Made longer or shorter meanwhile.
            _ = outage.changed() => {}
        }
    }
}

async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, transport: Transport, endpoint: Arc<Endpoint>) {
    // An answer is small and somebody waits for it.
    let _ = stream.set_nodelay(true);
    // Unless the connection comes to its own end, it ends in a reset: by a fault, an outage or a shutdown.
    let connection = Connection::default();
    let line = Line::new(stream, connection.cut.clone(), connection.unsaid.clone());
    let _left = Left { endpoint: Arc::clone(&endpoint), unsaid: connection.unsaid.clone() };
    match transport {
        Transport::Plain => speak(line, connection, endpoint).await,
        #[cfg(feature = "tls")]
        Transport::Tls(acceptor) => {
            if let Ok(stream) = acceptor.accept(line).await {
                speak(stream, connection, endpoint).await;
            }
        }
    }
}

/// Counts when a connection goes, also by an outage, what its client was not told.
struct Left {
    endpoint: Arc<Endpoint>,
    unsaid: Unsaid,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.endpoint.tally().leave_unconfirmed(self.unsaid.take());
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, connection: Connection, endpoint: Arc<Endpoint>) {
    let service = service_fn(|request| request::handle(request, &endpoint, &connection));
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // How a connection ends is the client's business or a fault's; either way there is nobody to tell.
    let _ = serving.as_mut().await;
    // The line is still there, inside `serving`, and learns now how it is to be closed.
    connection.cut.disarm();
}
