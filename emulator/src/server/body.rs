//! A request body, collected into memory that its connection uses again.
//!
//! Keeping the network's own pieces would spare a copy and cost more: hyper would need fresh memory for each,
//! and the kernel's page faults are dearer than copying into a warm buffer.

use std::borrow::Cow;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, CONTENT_ENCODING};

use crate::limits::{MAX_BATCH_BYTES, MAX_BODY_BYTES};
use crate::refusal::Refusal;

/// A connection keeps no more than this between calls.
const KEPT: usize = 2 * MAX_BATCH_BYTES;

/// Where a connection keeps its memory between two calls.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<u8>>);

impl Spare {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives a body's memory back.
    pub(super) fn keep(&self, body: Body) {
        let mut bytes = body.0;
        bytes.clear();
        bytes.shrink_to(KEPT);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }
}

/// A whole body as it came, compressed or not.
#[derive(Debug, Default)]
pub(crate) struct Body(Vec<u8>);

/// Why there is no body.
#[derive(Debug)]
pub(super) enum Unread {
    TooLarge,
    /// The client went away in the middle of it.
    Broken,
}

impl Body {
    /// Reads a body to its end or to the limit.
    pub(super) async fn read(incoming: &mut Incoming, spare: &Spare) -> Result<Self, Unread> {
        let mut bytes = spare.take();
        while let Some(frame) = incoming.frame().await {
            let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if bytes.len() + piece.len() > MAX_BODY_BYTES {
                return Err(Unread::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Self(bytes))
    }

    /// The bytes that were sent, and signed.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.0
    }

    /// The bytes that are meant: inflated if the headers say that they are compressed.
    pub(crate) fn meant(&self, headers: &HeaderMap) -> Result<Cow<'_, [u8]>, Refusal> {
        match headers.get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes()) {
            None | Some(b"identity") => Ok(Cow::Borrowed(&self.0)),
            Some(b"gzip") => inflate(&self.0).map(Cow::Owned),
            Some(other) => {
                let text = format!("Unsupported content encoding: {}", other.escape_ascii());
                Err(Refusal::serialization(text))
            }
        }
    }
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut plain = Vec::with_capacity(packed.len().saturating_mul(4).min(MAX_BODY_BYTES));
    // One byte more than is allowed, to see that there is more.
    let mut inflater = GzDecoder::new(packed).take(MAX_BODY_BYTES as u64 + 1);
    inflater.read_to_end(&mut plain).map_err(|_| Refusal::serialization("The request body is not gzip"))?;
    if plain.len() > MAX_BODY_BYTES {
        return Err(Refusal::body_too_large());
    }
    Ok(plain)
}

#[cfg(test)]
impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
