//! The `Authorization` header of a signed request.

use crate::refusal::Refusal;

/// Its parts, borrowed from the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) access_key: &'a str,
    /// `20260101/us-east-1/logs/aws4_request`
    pub(super) scope: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    pub(super) fn parse(header: &'a str) -> Result<Self, Refusal> {
        let parts = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| {
            Refusal::incomplete_signature("Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.")
        })?;
        let part = |name: &str| {
            let found = parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| {
                Refusal::incomplete_signature(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let (access_key, scope) = part("Credential")?
            .split_once('/')
            .ok_or_else(|| Refusal::incomplete_signature("Credential must have exactly 5 slash-delimited elements."))?;
        Ok(Self { access_key, scope, signed_headers: part("SignedHeaders")?, signature: part("Signature")? })
    }

    /// Checks what the signature covers, before the signature itself.
    pub(super) fn check_scope(&self, service: &str, date: &str) -> Result<(), Refusal> {
        let scope: Vec<_> = self.scope.split('/').collect();
        let [day, region, named, "aws4_request"] = scope[..] else {
            return Err(Refusal::incomplete_signature("Credential must have exactly 5 slash-delimited elements."));
        };
        if region.is_empty() || named != service {
            return Err(Refusal::stale_signature(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        if !date.starts_with(day) {
            return Err(Refusal::stale_signature(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
            ));
        }
        if !self.signed_headers.split(';').any(|name| name == "host") {
            return Err(Refusal::stale_signature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        Ok(())
    }
}
