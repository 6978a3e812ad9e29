//! Who gives out credentials and knows which are good.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_types::date_time::{DateTime, Format};

use super::web::Request;

/// The secret of every key, so that the endpoint can check signatures.
pub(crate) const SECRET: &str = "wJalr-hush-hush-secret-access-key";

/// Credentials that were given out.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) id: String,
    pub(crate) token: String,
    at: SystemTime,
    expiry: SystemTime,
}

impl Issued {
    /// As AWS writes times.
    pub(crate) fn expiration(&self) -> String {
        DateTime::from(self.expiry).fmt(Format::DateTime).unwrap()
    }

    /// As metadata services write them.
    pub(crate) fn json(&self) -> String {
        let (Issued { id, token, .. }, expiration) = (self, self.expiration());
        format!(
            r#"{{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z","AccessKeyId":"{id}","SecretAccessKey":"{SECRET}","Token":"{token}","Expiration":"{expiration}"}}"#
        )
    }
}

#[derive(Debug, Default)]
struct Books {
    good: BTreeMap<String, Option<Issued>>,
    issued: Vec<Issued>,
    lifetime: Option<Duration>,
    /// Key ids of accepted and of refused calls, in their order.
    accepted: Vec<String>,
    refused: Vec<(String, &'static str)>,
}

/// Shared by whoever gives out credentials and whoever checks them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mint(Arc<Mutex<Books>>);

impl Mint {
    /// A user's key: no session token, no end.
    pub(crate) fn know(&self, id: &str) {
        self.0.lock().unwrap().good.insert(id.to_owned(), None);
    }

    /// No longer good, by no fault of its age.
    pub(crate) fn forget(&self, id: &str) {
        self.0.lock().unwrap().good.remove(id);
    }

    /// How long the next ones live; an hour unless told.
    pub(crate) fn lifetime(&self, lifetime: Duration) {
        self.0.lock().unwrap().lifetime = Some(lifetime);
    }

    /// New ones.
    pub(crate) fn issue(&self) -> Issued {
        let mut books = self.0.lock().unwrap();
        let number = books.issued.len() + 1;
        let at = SystemTime::now();
        let expiry = at + books.lifetime.unwrap_or(super::HOUR);
        let issued =
            Issued { id: format!("ASIATESTTEST{number:08}"), token: format!("session-token-{number:08}"), at, expiry };
        books.issued.push(issued.clone());
        books.good.insert(issued.id.clone(), Some(issued.clone()));
        issued
    }

    /// All that were given out have expired, by the clock of the service.
    pub(crate) fn expire(&self) {
        let mut books = self.0.lock().unwrap();
        books.good.values_mut().flatten().for_each(|issued| issued.expiry = SystemTime::UNIX_EPOCH);
    }

    /// Whether a request is signed with good credentials; else AWS's code.
    pub(crate) fn judge(&self, request: &Request) -> Result<(), &'static str> {
        let authorization = request.header("authorization").unwrap_or_default();
        let id = authorization.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let token = request.header("x-amz-security-token");
        let mut books = self.0.lock().unwrap();
        let verdict = match books.good.get(id) {
            None => Err("UnrecognizedClientException"),
            Some(None) if token.is_none() => Ok(()),
            Some(Some(issued)) if token != Some(&issued.token) => Err("UnrecognizedClientException"),
            Some(Some(issued)) if issued.expiry <= SystemTime::now() => Err("ExpiredTokenException"),
            Some(Some(_)) => Ok(()),
            Some(None) => Err("UnrecognizedClientException"),
        };
        match verdict {
            Ok(()) => books.accepted.push(id.to_owned()),
            Err(code) => books.refused.push((id.to_owned(), code)),
        }
        verdict
    }

    /// How many were given out.
    pub(crate) fn issued(&self) -> usize {
        self.0.lock().unwrap().issued.len()
    }

    /// How many were given out before those before them had ended.
    pub(crate) fn early(&self) -> usize {
        let books = self.0.lock().unwrap();
        books.issued.windows(2).filter(|pair| pair[1].at < pair[0].expiry).count()
    }

    /// Ids of accepted calls, without repetitions.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let mut accepted = self.0.lock().unwrap().accepted.clone();
        accepted.dedup();
        accepted
    }

    pub(crate) fn refused(&self) -> Vec<(String, &'static str)> {
        self.0.lock().unwrap().refused.clone()
    }

    /// All session tokens.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.0.lock().unwrap().issued.iter().map(|issued| issued.token.clone()).collect()
    }
}
