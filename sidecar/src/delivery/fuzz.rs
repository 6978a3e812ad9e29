//! An answer to a call: status (2 bytes), then how many records the call had and whether they were in order (1 byte), then the
//! headers (`name: value`, a line each), an empty line, and the body.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // this is how a fuzzer hears of it

use std::cell::LazyCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    http_client_fn, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use tokio::runtime::Runtime;

use super::{CloudWatch, Setup};
use crate::config::{Config, Destination, PodFacts, Region, StaticKeys};
use crate::engine::batch::{cut, Batch, Bounds, Queued};
use crate::engine::budget::{Budget, Kind};
use crate::engine::chunk::{ChunkBuilder, Run, CHUNK_CLAIM};
use crate::engine::create::{Created, Target};
use crate::engine::{Attempt, Outcome, RejectedRange};

/// What calls are signed with; nobody is ever shown it. Of each input another one: a fuzzer that has seen what it is compared with
/// would put it into an answer.
fn secret(data: &[u8]) -> String {
    format!("secret-{:08x}", crc32fast::hash(data))
}

/// An answer, as the HTTP client gives it.
#[derive(Clone, Debug)]
struct Canned {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Tries one answer.
pub fn run(data: &[u8]) {
    thread_local! {
        static RUNTIME: LazyCell<Runtime> =
            LazyCell::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    }
    let Some((&[low, high, shape], answer)) = data.split_first_chunk::<3>() else { return };
    let Some(canned) = Canned::read(u16::from_le_bytes([low, high]), answer) else { return };
    let budget = Budget::new(32 << 20);
    let batch = batch(&budget, u32::from(shape >> 1), shape % 2 == 1);
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let secret = secret(data);
            let remote = remote(&canned, &budget, &secret);
            check_put(&remote, &canned, &budget, batch, &secret).await;
            check_create(&remote, &canned, &secret).await;
        });
    });
}

impl Canned {
    /// `None` where no HTTP client would give this on.
    fn read(status: u16, answer: &[u8]) -> Option<Self> {
        let head = memchr::memmem::find(answer, b"\n\n").unwrap_or(answer.len());
        let (head, body) = (&answer[..head], answer.get(head + 2..).unwrap_or_default().to_vec());
        let head = std::str::from_utf8(head).ok()?;
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        StatusCode::try_from(status).ok().map(|_| Canned { status, headers, body })
    }

    fn response(&self) -> HttpResponse {
        let status = StatusCode::try_from(self.status).expect("seen before");
        let mut response = HttpResponse::new(status, SdkBody::from(self.body.clone()));
        for (name, value) in &self.headers {
            // What cannot be a header comes from no HTTP client.
            let _ = response.headers_mut().try_append(name.clone(), value.clone());
        }
        response
    }

    /// What it takes for a record to be delivered.
    fn proves(&self) -> bool {
        let has_id = self.headers.iter().any(|(name, _)| name == "x-amzn-requestid" || name == "x-amz-request-id");
        self.status == 200 && has_id && !self.body.trim_ascii().is_empty()
    }
}

/// Answers every request alike.
#[derive(Debug)]
struct Always(Canned);

impl HttpConnector for Always {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.0.response()))
    }
}

fn remote(canned: &Canned, budget: &Arc<Budget>, secret: &str) -> CloudWatch {
    let connector = SharedHttpConnector::new(Always(canned.clone()));
    let http = SharedHttpClient::new(http_client_fn(move |_, _| connector.clone()));
    let defaults = Config::defaults(PodFacts::default(), 64 << 20);
    let mut delivery = defaults.delivery;
    delivery.region = Region::parse("us-east-1").ok();
    delivery.credentials = Some(StaticKeys::new("AKIDOFOURS".to_owned(), secret.to_owned()));
    let create = crate::config::CreationConfig::default();
    CloudWatch::over(http, &Setup::new(delivery, create), Arc::clone(budget))
}

fn destination() -> Destination {
    Destination::parse("/app", "pod").unwrap()
}

/// A batch of two chunks; `backward`: its timestamps fall.
fn batch(budget: &Arc<Budget>, records: u32, backward: bool) -> Batch {
    let records = records.max(2);
    let mut queue = VecDeque::new();
    for chunk in [0..records / 2, records / 2..records] {
        let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
        let mut builder = ChunkBuilder::new(budget, payment, 16_384, Duration::ZERO);
        let first = u64::from(chunk.start);
        for index in chunk {
            builder.push(if backward { -i64::from(index) } else { index.into() }, b"text");
            builder.own(Run::of_text(1));
        }
        queue.push_back(Queued::new(first, builder.seal()));
    }
    cut(&mut queue, Bounds { reach: usize::MAX, growth: 1.0, body: usize::MAX, events: u32::MAX }).unwrap()
}

async fn check_put(remote: &CloudWatch, canned: &Canned, budget: &Arc<Budget>, batch: Batch, secret: &str) {
    let body = budget.claim(Kind::Body, 1 << 16).unwrap();
    let attempt = Attempt { id: 1, destination: destination(), batch, body };
    let report = remote.attempt(attempt, std::future::pending()).await;
    match &report.outcome {
        Outcome::Accepted { rejected } => {
            assert!(canned.proves(), "delivered by {canned:?}");
            check_ranges(&report.batch, rejected);
        }
        Outcome::Unavailable { what, .. }
        | Outcome::Forbidden { what }
        | Outcome::Refused { what }
        | Outcome::Unsigned { what } => check_text(what, secret),
        Outcome::Throttled { .. } | Outcome::Missing => {}
        other => panic!("{other:?} is no answer's outcome"),
    }
}

/// Reject ranges name records of the batch, and each once.
fn check_ranges(batch: &Batch, rejected: &[RejectedRange]) {
    let mut seen = Vec::new();
    for range in rejected {
        let part = &batch.parts[range.part];
        assert!(range.records.start < range.records.end, "{range:?}");
        assert!(part.records.start <= range.records.start && range.records.end <= part.records.end, "{range:?}");
        seen.extend(range.records.clone().map(|record| (range.part, record)));
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "a record rejected twice");
}

async fn check_create(remote: &CloudWatch, canned: &Canned, secret: &str) {
    for target in [Target::Stream, Target::Group] {
        match remote.create(target, &destination()).await {
            Created::Exists | Created::GroupMissing => {}
            Created::Forbidden(what) | Created::Unsigned(what) | Created::Failed { what, .. } => {
                check_text(&what, secret)
            }
        }
    }
    assert!(canned.status >= 100);
}

/// What people are told is one bounded line.
fn check_text(what: &str, secret: &str) {
    assert!(!what.is_empty() && what.len() <= 600 && !what.contains('\n'), "{what:?}");
    assert!(!what.contains(secret));
}
