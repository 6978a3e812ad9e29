//! Answers on the wire, and the ways to spoil one.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::time::Sleep;

use super::line::Cut;
use crate::refusal::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// Time for the first half of a spoiled answer to leave before the reset overtakes it.
const HEAD_START: Duration = Duration::from_millis(10);

/// An answer of any kind.
pub(super) type Answer = Response<AnswerBody>;

pub(super) fn success(json: String) -> Answer {
    of(StatusCode::OK, json.into())
}

pub(super) fn failure(refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = json!({ "__type": refusal.code, "message": refusal.message }).to_string();
    let mut answer = of(status, text.into());
    answer.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(refusal.code));
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

fn of(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(AnswerBody::Whole(Some(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

pub(super) fn without_request_id(mut answer: Answer) -> Answer {
    answer.headers_mut().remove(REQUEST_ID);
    answer
}

pub(super) fn emptied(answer: Answer) -> Answer {
    answer.map(|_| AnswerBody::Whole(None))
}

/// The answer's first half, then a reset.
pub(super) fn halved(answer: Answer, cut: &Cut) -> Answer {
    answer.map(|body| match body {
        AnswerBody::Whole(Some(bytes)) => AnswerBody::Half {
            total: bytes.len() as u64,
            first: Some(bytes.slice(..bytes.len() / 2)),
            pause: Box::pin(tokio::time::sleep(HEAD_START)),
            cut: cut.clone(),
        },
        other => other,
    })
}

/// A request id in the form of AWS's: a version 4 UUID.
fn request_id() -> String {
    let random = fastrand::u128(..);
    let versioned = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{versioned:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The body of an answer.
pub(super) enum AnswerBody {
    Whole(Option<Bytes>),
    Half { total: u64, first: Option<Bytes>, pause: Pin<Box<Sleep>>, cut: Cut },
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Half { first, pause, cut, .. } => {
                if let Some(first) = first.take() {
                    return Poll::Ready(Some(Ok(Frame::data(first))));
                }
                // Waiting is what makes the first half leave.
                ready!(pause.as_mut().poll(cx));
                cut.cut();
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Half { total, first, .. } => {
                let sent = if first.is_some() { 0 } else { total / 2 };
                SizeHint::with_exact(total - sent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn request_ids_look_like_uuids() {
        let id = super::request_id();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
    }
}
