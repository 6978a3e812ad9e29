//! What requests do: the three operations of the seed's application in their shape, and one that does nothing.
//!
//! | operation | queries | records |
//! |---|---|---|
//! | `/noop` | 0 | 0 |
//! | `/sysconfig` | 1 | 3 |
//! | `/concurrent?identity=known` | 5 | 4 |
//! | `/concurrent?identity=unknown` | 4 | 4, one of them a warning |
//!
//! A request's records are numbered from the `n` that it brings; its driver gives each request sixteen numbers to itself.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{json, Value};

use super::database::queries::{self, DAYS};
use super::Service;
use crate::record::{Entry, Level};
use line::Line;

mod line;

#[derive(Debug, Deserialize)]
struct Ask {
    #[serde(default)]
    n: u64,
}

#[derive(Debug, Deserialize)]
struct AskConcurrent {
    #[serde(default)]
    n: u64,
    identity: Identity,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Identity {
    Known,
    Unknown,
}

/// Why there is no good answer.
pub(crate) type Failure = (StatusCode, String);
type Answer = Result<Json<Value>, Failure>;

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/noop", get(noop))
        .route("/sysconfig", get(sysconfig))
        .route("/concurrent", get(concurrent))
        .with_state(service)
}

async fn noop(State(service): State<Arc<Service>>, Query(ask): Query<Ask>) -> Answer {
    service.finish("/noop?", ask.n, json!({})).await
}

async fn sysconfig(State(service): State<Arc<Service>>, Query(ask): Query<Ask>) -> Answer {
    let request = Request { service: &service, base: ask.n };
    let identity = queries::known(ask.n);
    request.log(0, Level::Info, Line::Asked { path: "/api/v2/sysconfig/", identity }).await;
    let user = service.database.query(move |database| queries::user(database, identity)).await?;
    request.log(1, Level::Info, Line::Authenticated { identity, user: user.unwrap_or_default() }).await;
    request.log(2, Level::Info, Line::Answered { path: "/api/v2/sysconfig/", items: 3 }).await;
    let answer =
        json!({"aws_account_id": "372779871274", "version": "1.0.0", "policies": {"traditional_inspection": "v7"}});
    service.finish("/sysconfig?", ask.n, answer).await
}

async fn concurrent(State(service): State<Arc<Service>>, Query(ask): Query<AskConcurrent>) -> Answer {
    let request = Request { service: &service, base: ask.n };
    match ask.identity {
        Identity::Known => {
            let answer = request.concurrent_known().await?;
            service.finish("/concurrent?identity=known&", ask.n, answer).await
        }
        Identity::Unknown => {
            let answer = request.concurrent_unknown().await?;
            service.finish("/concurrent?identity=unknown&", ask.n, answer).await
        }
    }
}

impl Service {
    /// Calls what is downstream and gives the answer.
    async fn finish(self: &Arc<Self>, path: &str, base: u64, answer: Value) -> Answer {
        self.downstream.call(path, base).await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Json(answer))
    }
}

/// One request under way.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    service: &'a Service,
    base: u64,
}

impl Request<'_> {
    async fn log(&self, offset: u64, level: Level, message: Line) {
        let number = self.base.saturating_add(offset);
        let entry = Entry { level, logger: "api.operations", number, request: self.base, message };
        self.service.logger.log(&entry).await;
    }

    async fn concurrent_known(&self) -> Result<Value, Failure> {
        let (database, identity) = (&self.service.database, queries::known(self.base));
        self.log(0, Level::Info, Line::Asked { path: "/api/v2/concurrent/", identity }).await;
        let user = database.query(move |database| queries::user(database, identity)).await?;
        let user = user.ok_or((StatusCode::NOT_FOUND, format!("the database has no user {identity}")))?;
        self.log(1, Level::Info, Line::Authenticated { identity, user }).await;
        let accounts = database.query(move |database| queries::accounts(database, user)).await?;
        let newest = database.query(move |database| queries::newest_day(database, user)).await?.unwrap_or_default();
        let running = database.query(move |database| queries::running(database, user, newest)).await?;
        self.log(2, Level::Info, Line::Computed { accounts, running, newest }).await;
        let days = database.query(move |database| queries::usage(database, user, newest - DAYS / 2, newest)).await?;
        self.log(3, Level::Info, Line::Answered { path: "/api/v2/concurrent/", items: days.len() }).await;
        Ok(json!({"data": days, "accounts": accounts, "running": running}))
    }

    async fn concurrent_unknown(&self) -> Result<Value, Failure> {
        let (database, identity) = (&self.service.database, queries::unknown(self.base));
        self.log(0, Level::Info, Line::Asked { path: "/api/v2/concurrent/", identity }).await;
        let user = database.query(move |database| queries::user(database, identity)).await?;
        self.log(1, Level::Warning, Line::Unknown { identity }).await;
        let user = user.unwrap_or_default();
        let accounts = database.query(move |database| queries::accounts(database, user)).await?;
        let newest = database.query(move |database| queries::newest_day(database, user)).await?.unwrap_or_default();
        self.log(2, Level::Info, Line::Computed { accounts, running: 0, newest }).await;
        let days = database.query(move |database| queries::usage(database, user, newest - DAYS / 2, newest)).await?;
        self.log(3, Level::Info, Line::Answered { path: "/api/v2/concurrent/", items: days.len() }).await;
        Ok(json!({"data": days, "accounts": accounts, "running": 0}))
    }
}
