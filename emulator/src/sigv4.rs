//! Checks a Signature Version 4 as AWS does: from the request alone, the body included.
//!
//! Written from AWS's description and tested with its published vectors, not shared with any signer.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::limits::MAX_SIGNATURE_SKEW_SECONDS;
use crate::refusal::Refusal;

mod authorization;
mod date;

use authorization::Authorization;

/// Whose signatures are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key; any if none is set.
    pub access_key: Option<String>,
    /// The secret that goes with it.
    pub secret_key: String,
}

impl Default for Credentials {
    /// Any access key, with the secret `emulator`.
    fn default() -> Self {
        Self { access_key: None, secret_key: "emulator".to_owned() }
    }
}

/// The parts of a request that are signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// The path as it was sent; every path of this API is `/`.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a hyper::HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Checks the signature of a request to `service`.
pub(crate) fn verify(
    request: Signed<'_>,
    credentials: &Credentials,
    service: &str,
    now_seconds: i64,
) -> Result<(), Refusal> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization").ok_or_else(Refusal::missing_signature)?;
    let authorization = Authorization::parse(authorization)?;
    let date = header("x-amz-date").ok_or_else(|| {
        Refusal::incomplete_signature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    })?;

    authorization.check_scope(service, date)?;
    if credentials.access_key.as_deref().is_some_and(|key| key != authorization.access_key) {
        return Err(Refusal::unknown_key());
    }
    check_date(date, now_seconds)?;
    if signature(request, &authorization, date, &credentials.secret_key) != authorization.signature {
        return Err(Refusal::bad_signature());
    }
    Ok(())
}

fn check_date(date: &str, now_seconds: i64) -> Result<(), Refusal> {
    let at = date::seconds(date).ok_or_else(|| {
        Refusal::incomplete_signature(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))
    })?;
    let (verb, limit) = match now_seconds - at {
        late if late > MAX_SIGNATURE_SKEW_SECONDS => ("expired", "earlier"),
        late if late < -MAX_SIGNATURE_SKEW_SECONDS => ("not yet current", "later"),
        _ => return Ok(()),
    };
    Err(Refusal::stale_signature(format!("Signature {verb}: {date} is {limit} than the server's time allows (5 min.)")))
}

fn signature(request: Signed<'_>, authorization: &Authorization<'_>, date: &str, secret: &str) -> String {
    let canonical = canonical_request(request, authorization.signed_headers);
    let scope = authorization.scope;
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    hex(&hmac(&key, &to_sign))
}

fn canonical_request(request: Signed<'_>, signed_headers: &str) -> String {
    let Signed { method, path, body, .. } = request;
    let mut query: Vec<_> = request.query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let headers: String = signed_headers.split(';').map(|name| canonical_header(request.headers, name)).collect();
    let query = query.join("&");
    format!("{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{}", hex(&Sha256::digest(body)))
}

fn canonical_header(headers: &hyper::HeaderMap, name: &str) -> String {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    format!("{name}:{}\n", values.join(","))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes a key of any length; the error is for constructions that do not.
    Hmac::<Sha256>::new_from_slice(key)
        .map_or_else(|_| Vec::new(), |mac| mac.chain_update(text.as_bytes()).finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests;
