//! The admin interface and the health interface: metrics, health, status, flush, drain, over HTTP/1.1.
//!
//! | route | what | admin | health |
//! |---|---|---|---|
//! | `GET /metrics` | OpenMetrics text; one consistent snapshot a scrape | yes | yes |
//! | `GET /healthz` | 200 while our own loops make progress | yes | yes, also as `/` |
//! | `GET /readyz` | 200 while the socket accepts, 503 once draining | yes | yes |
//! | `GET /status` | JSON: account, connections, memory, attempts, lanes with their streams | yes | |
//! | `POST /flush?timeout=5s` | asks that what is here ends; only where we listen on loopback | yes | |
//! | `POST /drain` | asks for the end that SIGTERM asks for; only where we listen on loopback | yes | |
//!
//! Nothing here waits for the engine but to take a snapshot, and nothing is formatted under its lock. Connections are
//! bounded, for each interface by itself, and so is how long each may take; whoever is slow makes nobody wait, the intake
//! least of all. CloudWatch, the disk and a full memory have no say in what `/healthz` answers.
//!
//! Absent: authentication and TLS. What reads may be served to the network, what changes anything only to this host.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::run::Sidecar;

mod answer;
mod metrics;
mod process;
mod route;
pub mod status;
mod view;

pub(crate) use route::Surface;
use view::View;

/// Most connections at a time; for one more the oldest goes.
pub(crate) const CONNECTIONS: usize = 64;
/// Longest wait for a request's head, on a new connection or an idle one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest life of a connection: bounds readers that do not read. Longer than any flush may take.
const CONNECTION_LIFE: Duration = Duration::from_secs(120);
/// Longest head of a request.
const HEAD_BYTES: usize = 16 * 1024;
/// Rest after a failed `accept`: out of descriptors, most likely.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Why there is no admin or no health interface.
#[derive(Debug, thiserror::Error)]
#[error("{surface} {address}: cannot listen: {source}; choose another with --{surface}, or --{surface} off")]
pub struct AdminError {
    surface: Surface,
    address: SocketAddr,
    source: std::io::Error,
}

/// Listens, then serves in a task of its own for as long as the runtime lives.
pub(crate) async fn serve(surface: Surface, address: SocketAddr, sidecar: &Sidecar) -> Result<(), AdminError> {
    let failed = |source| AdminError { surface, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "{surface} interface");
    let view = Arc::new(View::new(surface, sidecar, address));
    tokio::spawn(accept(listener, view));
    Ok(())
}

async fn accept(listener: TcpListener, view: Arc<View>) {
    let mut running: VecDeque<JoinHandle<()>> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                running.retain(|connection| !connection.is_finished());
                if running.len() >= CONNECTIONS {
                    // Health must be answered however many connections somebody leaves open.
                    running.pop_front().iter().for_each(JoinHandle::abort);
                }
                running.push_back(tokio::spawn(connection(stream, peer, Arc::clone(&view))));
            }
            Err(error) => {
                tracing::debug!(%error, "{}: cannot accept", view.surface);
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, view: Arc<View>) {
    let service = service_fn(move |request| {
        let view = Arc::clone(&view);
        async move { Ok::<_, Infallible>(answer::answer(&view, peer, &request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // What breaks a connection here concerns its client alone.
    let _ = tokio::time::timeout(CONNECTION_LIFE, serving).await;
}
