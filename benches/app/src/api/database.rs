//! The database: a SQLite file behind a pool, as far away as it is told to be.
//!
//! A query takes a connection, asks, and keeps the connection for the time the way to a real database and back would take. That
//! happens on a thread for blocking work, never on one of the runtime's. Whoever finds all connections taken waits in a line
//! of tasks, so there are never more such threads than connections. Requests only read.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::http::StatusCode;
use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::operations::Failure;
use crate::error::{Error, Result};

mod fill;
pub(super) mod queries;

/// Longest wait for a connection.
const CONNECTION: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Database {
    pool: Pool<SqliteConnectionManager>,
    free: Arc<Semaphore>,
    away: Duration,
}

impl Database {
    /// Opens the file, after making and filling it if need be.
    pub(super) fn open(path: &Path, connections: u32, away: Duration) -> Result<Self> {
        fill::ensure(path)?;
        let manager = SqliteConnectionManager::file(path).with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY);
        let pool = Pool::builder()
            .max_size(connections)
            .connection_timeout(CONNECTION)
            .build(manager)
            .map_err(|source| Error::Pool { connections, path: path.display().to_string(), source })?;
        Ok(Self { pool, free: Arc::new(Semaphore::new(connections as usize)), away })
    }

    /// Runs one query.
    pub(super) async fn query<T, Q>(&self, query: Q) -> std::result::Result<T, Failure>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let turn = timeout(CONNECTION, Arc::clone(&self.free).acquire_owned()).await;
        let turn = turn.map_err(|_| busy("no connection became free"))?.map_err(busy)?;
        let (pool, away) = (self.pool.clone(), self.away);
        let asked = spawn_blocking(move || {
            let connection = pool.get().map_err(busy)?;
            let found = query(&connection).map_err(failed)?;
            thread::sleep(away);
            drop((connection, turn));
            Ok(found)
        });
        asked.await.map_err(failed)?
    }
}

fn busy(why: impl ToString) -> Failure {
    (StatusCode::SERVICE_UNAVAILABLE, format!("the database is busy: {}", why.to_string()))
}

fn failed(why: impl ToString) -> Failure {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("the query failed: {}", why.to_string()))
}
