//! One request: read it, let the endpoint decide, answer or fail as decided.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::Request;

use super::answer::{self, Answer};
use super::body::{Body, Spare, Unread};
use super::control;
use super::delay::delay as exactly;
use super::line::{Cut, Unsaid};
use crate::endpoint::{Endpoint, Outcome};
use crate::faults::{Fault, FaultKind};
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::tally::Ending;

/// The connection is to be reset: by a fault, or because the client has left.
#[derive(Debug, thiserror::Error)]
#[error("connection reset")]
pub(super) struct Reset;

/// What a call needs of the connection it came on.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) cut: Cut,
    pub(super) unsaid: Unsaid,
    pub(super) spare: Spare,
}

pub(super) async fn handle(
    request: Request<Incoming>,
    endpoint: &Endpoint,
    connection: &Connection,
) -> Result<Answer, Reset> {
    if request.uri().path().starts_with(control::PREFIX) {
        return Ok(control::handle(request, endpoint).await);
    }
    let (head, mut body) = request.into_parts();
    let operation = target(&head);
    let mut open = Open::new(endpoint, operation);
    let answer = match operation {
        Some(operation) => respond(operation, &head, &mut body, connection, &mut open).await,
        None => {
            let refusal = Refusal::unknown_operation();
            endpoint.tally().refuse(None, &refusal);
            Ok(answer::failure(&refusal))
        }
    };
    if answer.is_err() {
        connection.cut.cut();
    }
    answer
}

fn target(head: &Parts) -> Option<Operation> {
    let target = head.headers.get("x-amz-target")?.to_str().ok()?;
    Operation::from_target(target).filter(|_| head.method == hyper::Method::POST && head.uri.path() == "/")
}

async fn respond(
    operation: Operation,
    head: &Parts,
    incoming: &mut Incoming,
    connection: &Connection,
    open: &mut Open<'_>,
) -> Result<Answer, Reset> {
    let endpoint = open.endpoint;
    let early = endpoint.faults().decide_early(operation);
    if let Some(fault) = early {
        open.ending = Some(Ending::Dropped);
        return Err(fail_early(&fault, incoming, endpoint).await);
    }
    let body = match Body::read(incoming, &connection.spare).await {
        Ok(body) => body,
        Err(Unread::Broken) => return Err(Reset),
        Err(Unread::TooLarge) => {
            let refusal = Refusal::body_too_large();
            endpoint.tally().refuse(Some(operation), &refusal);
            open.ending = Some(Ending::Refused);
            return Ok(answer::failure(&refusal));
        }
    };
    endpoint.tally().body_bytes += body.sent().len() as u64;
    let outcome = endpoint.call(operation, head, &body);
    connection.spare.keep(body);
    deliver(outcome, connection, open).await
}

/// What goes wrong before the body has been read.
async fn fail_early(fault: &Fault, incoming: &mut Incoming, endpoint: &Endpoint) -> Reset {
    match fault.kind {
        FaultKind::ResetMidBody => {
            let _ = incoming.frame().await;
        }
        FaultKind::Outage => endpoint.begin_outage(seconds(fault).unwrap_or_default()),
        _ => {}
    }
    Reset
}

fn seconds(fault: &Fault) -> Option<Duration> {
    fault.seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Answers as the outcome says, or fails to.
async fn deliver(outcome: Outcome, connection: &Connection, open: &mut Open<'_>) -> Result<Answer, Reset> {
    let Outcome { delay, fault, answer, kept } = outcome;
    open.unconfirmed = kept;
    if !delay.is_zero() {
        exactly(delay).await;
    }
    let refused = answer.is_err();
    let answer = answer.map_or_else(|refusal| answer::failure(&refusal), answer::success);
    let kind = fault.as_ref().map(|fault| fault.kind);
    open.ending = Some(match kind {
        Some(FaultKind::Hang | FaultKind::CommitThenDrop | FaultKind::ResetMidAnswer) => Ending::Dropped,
        _ if refused => Ending::Refused,
        _ => Ending::Answered,
    });
    if kind.is_none() {
        // Its client is told once the answer has left.
        connection.unsaid.set(std::mem::take(&mut open.unconfirmed));
    }
    match kind {
        Some(FaultKind::Hang) => {
            match fault.as_ref().and_then(seconds) {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
            Err(Reset)
        }
        Some(FaultKind::CommitThenDrop) => Err(Reset),
        Some(FaultKind::ResetMidAnswer) => Ok(answer::halved(answer, &connection.cut)),
        Some(FaultKind::NoRequestId) => Ok(answer::without_request_id(answer)),
        Some(FaultKind::EmptyBody) => Ok(answer::emptied(answer)),
        _ => Ok(answer),
    }
}

/// An open call; counted when it ends, also when its client leaves and the future is dropped.
struct Open<'a> {
    endpoint: &'a Endpoint,
    operation: Option<Operation>,
    ending: Option<Ending>,
    /// Events that it has kept and not been answered well for.
    unconfirmed: u64,
}

impl<'a> Open<'a> {
    fn new(endpoint: &'a Endpoint, operation: Option<Operation>) -> Self {
        endpoint.tally().begin();
        Self { endpoint, operation, ending: None, unconfirmed: 0 }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut tally = self.endpoint.tally();
        tally.end(self.operation, self.ending);
        tally.leave_unconfirmed(self.unconfirmed);
    }
}
