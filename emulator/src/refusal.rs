//! A call that is answered with an error: AWS's code, text and HTTP status.
//!
//! This module does no I/O; `server::answer` puts a refusal on the wire.

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// AWS's error code, as in `__type`.
    pub(crate) code: &'static str,
    /// AWS's text.
    pub(crate) message: String,
    /// Seconds for a `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
    /// A correct client would never have made this call. Counted in the report, so that a test can
    /// assert that no limit was broken.
    pub(crate) violation: bool,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, violation: false }
    }

    fn broken(code: &'static str, message: impl Into<String>) -> Self {
        Self { violation: true, ..Self::new(400, code, message) }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::broken("InvalidParameterException", message)
    }

    /// The text AWS's front end makes when a field breaks its modelled constraint.
    pub(crate) fn constraint(value: &str, field: &str, constraint: &str) -> Self {
        Self::invalid(format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {constraint}"
        ))
    }

    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::broken("SerializationException", message)
    }

    pub(crate) fn unknown_operation() -> Self {
        Self::broken("UnknownOperationException", "")
    }

    pub(crate) fn body_too_large() -> Self {
        Self { status: 413, ..Self::broken("RequestEntityTooLarge", "Request body is too large") }
    }

    pub(crate) fn no_group() -> Self {
        Self::new(400, "ResourceNotFoundException", "The specified log group does not exist.")
    }

    pub(crate) fn no_stream() -> Self {
        Self::new(400, "ResourceNotFoundException", "The specified log stream does not exist.")
    }

    pub(crate) fn group_exists() -> Self {
        Self::new(400, "ResourceAlreadyExistsException", "The specified log group already exists")
    }

    pub(crate) fn stream_exists() -> Self {
        Self::new(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
    }

    pub(crate) fn too_many(message: &'static str) -> Self {
        Self::new(400, "LimitExceededException", message)
    }

    pub(crate) fn throttled(retry_after: Option<u64>) -> Self {
        Self { retry_after, ..Self::new(400, "ThrottlingException", "Rate exceeded") }
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, "InternalFailure", "The request processing has failed because of an unknown error.")
    }

    pub(crate) fn unavailable(retry_after: Option<u64>) -> Self {
        let message = "The service cannot complete the request.";
        Self { retry_after, ..Self::new(503, "ServiceUnavailableException", message) }
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(400, "ExpiredTokenException", "The security token included in the request is expired")
    }

    pub(crate) fn access_denied(operation: &str, group: Option<&str>) -> Self {
        let resource = group.unwrap_or("*");
        Self::new(
            400,
            "AccessDeniedException",
            format!(
                "User: arn:aws:iam::000000000000:user/emulator is not authorized to perform: logs:{operation} on resource: \
                 arn:aws:logs:us-east-1:000000000000:log-group:{resource} because no identity-based policy allows the \
                 logs:{operation} action"
            ),
        )
    }

    pub(crate) fn missing_signature() -> Self {
        Self::broken("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    pub(crate) fn incomplete_signature(message: impl Into<String>) -> Self {
        Self::broken("IncompleteSignatureException", message)
    }

    pub(crate) fn unknown_key() -> Self {
        Self::broken("UnrecognizedClientException", "The security token included in the request is invalid.")
    }

    pub(crate) fn bad_signature() -> Self {
        Self::broken(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
             and signing method. Consult the service documentation for details.",
        )
    }

    pub(crate) fn stale_signature(message: impl Into<String>) -> Self {
        Self::broken("InvalidSignatureException", message)
    }
}
