//! The API: a server whose requests ask a database, log, and may call further services.
//!
//! Layout: `operations` is what a request does, `database` what it asks, `downstream` whom it calls.
//!
//! The life of the process, in [`run`]: listen → serve → stop at a signal → ship what was logged → say the account.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::account::{say, say_failed, say_last, Account};
use crate::cli::ApiArgs;
use crate::error::{io, Result};
use crate::logger::Logger;
use database::Database;
use downstream::Downstream;

mod database;
mod downstream;
mod operations;

/// How long requests under way may take once the end was asked for.
const FINISH: Duration = Duration::from_secs(20);

/// What all requests share.
#[derive(Debug)]
struct Service {
    logger: Logger,
    database: Database,
    downstream: Downstream,
    /// Answered with a 200.
    requests: AtomicU64,
}

pub(crate) fn run(args: &ApiArgs) -> Result<()> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(args.workers as usize)
        // Queries run there, one for each connection; names are looked up there as well.
        .max_blocking_threads(args.connections as usize + 2)
        .enable_all()
        .build()
        .map_err(io("start", "the async runtime"))?;
    let service = Arc::new(Service {
        logger: Logger::open(&args.log, runtime.handle())?,
        database: Database::open(&args.database, args.connections, args.query_ms)?,
        downstream: Downstream::new(args.downstream.clone()),
        requests: AtomicU64::new(0),
    });
    runtime.block_on(serve(args, Arc::clone(&service)))?;
    let ended = service.logger.close();
    say_failed(&ended);
    let account = Account {
        emitted: service.logger.emitted(),
        requests: service.requests.load(Ordering::Relaxed),
        lost_in_client: ended.lost_in_client,
        failed: ended.failed,
    };
    say_last("account", &account);
    // Requests that did not finish in time are not waited for again.
    runtime.shutdown_background();
    Ok(())
}

/// Serves until a signal, and then until no request is under way.
async fn serve(args: &ApiArgs, service: Arc<Service>) -> Result<()> {
    // Before anybody is told that we are there, or an early signal would kill us without an account.
    let terminate = signal(SignalKind::terminate()).map_err(io("wait for", "SIGTERM"))?;
    let interrupt = signal(SignalKind::interrupt()).map_err(io("wait for", "SIGINT"))?;
    let listener = TcpListener::bind(args.listen).await.map_err(io("listen on", args.listen))?;
    let address = listener.local_addr().map_err(io("listen on", args.listen))?;
    let listener = listener.tap_io(|stream| {
        // Without it, an answer could wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
    });
    let stopping = Arc::new(Notify::new());
    let stop = asked_to_end(terminate, interrupt, Arc::clone(&stopping));
    let server = axum::serve(listener, operations::router(service)).with_graceful_shutdown(stop);
    say(format_args!("listening on http://{address}"));
    tokio::select! {
        done = server.into_future() => done.map_err(io("serve on", address))?,
        () = too_late(&stopping) => say(format_args!("requests were still under way after {} s", FINISH.as_secs())),
    }
    Ok(())
}

async fn asked_to_end(mut terminate: Signal, mut interrupt: Signal, stopping: Arc<Notify>) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stopping.notify_one();
}

async fn too_late(stopping: &Notify) {
    stopping.notified().await;
    sleep(FINISH).await;
}
