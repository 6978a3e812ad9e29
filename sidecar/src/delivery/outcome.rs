//! What an answer means: every error code has its class here, and only here.
//!
//! Throttling and AccessDenied are not modelled by the service, so it is the code's name that counts and not the SDK's type.
//! What is not known is taken for something that may pass: nothing is lost by waiting, but by giving up it is.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::engine::create::Created;
use crate::engine::Outcome;

/// Longest text of an error that is kept, in bytes.
const TEXT: usize = 300;

/// Classes of failures, the same for every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Throttled,
    Unavailable {
        ambiguous: bool,
    },
    Missing,
    Exists,
    Forbidden,
    Refused,
    /// No call was made.
    Unsigned,
}

/// A failure, classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) what: String,
    pub(crate) retry_after: Option<Duration>,
}

/// The class of an error code, or of the HTTP status where there is no code.
pub(crate) fn class_of(code: Option<&str>, status: u16) -> Class {
    match (code.unwrap_or_default(), status) {
        (
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "LimitExceededException"
            | "BandwidthLimitExceeded"
            | "SlowDown",
            _,
        )
        | (_, 429) => Class::Throttled,
        ("ResourceNotFoundException", _) => Class::Missing,
        ("ResourceAlreadyExistsException", _) => Class::Exists,
        (
            "AccessDeniedException"
            | "AccessDenied"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken"
            | "IncompleteSignature"
            | "OptInRequired"
            | "NotAuthorized",
            _,
        ) => Class::Forbidden,
        // Fresh credentials are on their way: the usual backoff, not the long one.
        ("ExpiredTokenException" | "ExpiredToken" | "RequestExpired" | "OperationAbortedException", _) => {
            Class::Unavailable { ambiguous: false }
        }
        (
            "InvalidParameterException" | "ValidationException" | "SerializationException" | "InvalidParameterValue",
            _,
        )
        | (_, 413) => Class::Refused,
        // The service says that it did not take it.
        ("ServiceUnavailableException" | "ServiceUnavailable", _) | (_, 503) => Class::Unavailable { ambiguous: false },
        (_, 401 | 403) => Class::Forbidden,
        _ => Class::Unavailable { ambiguous: true },
    }
}

impl Failure {
    /// Classifies what the SDK returned instead of an answer.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let class = match error {
            SdkError::ServiceError(context) => class_of(context.err().code(), context.raw().status().as_u16()),
            SdkError::ResponseError(context) => class_of(None, context.raw().status().as_u16()),
            SdkError::DispatchFailure(failure) => {
                // Without a word of the HTTP client nothing was sent: there were no credentials, for one.
                let over_the_wire = failure.is_timeout() || failure.is_io();
                let sent = failure.as_connector_error().map_or(over_the_wire, |error| match http_error(error) {
                    Some(error) => !error.is_connect(),
                    None => over_the_wire,
                });
                Class::Unavailable { ambiguous: sent && !failure.is_user() }
            }
            // No credentials, no region: nothing was sent.
            SdkError::ConstructionFailure(_) => Class::Unavailable { ambiguous: false },
            _ => Class::Unavailable { ambiguous: true },
        };
        let retry_after = error.raw_response().and_then(retry_after);
        Failure { class, what: text_of(error), retry_after }
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        let Failure { class, what, retry_after } = self;
        match class {
            Class::Throttled => Outcome::Throttled { retry_after },
            Class::Unavailable { ambiguous } => Outcome::Unavailable { what, ambiguous, retry_after },
            Class::Missing => Outcome::Missing,
            Class::Forbidden => Outcome::Forbidden { what },
            Class::Refused => Outcome::Refused { what },
            Class::Unsigned => Outcome::Unsigned { what },
            Class::Exists => Outcome::Unavailable { what, ambiguous: true, retry_after },
        }
    }

    pub(crate) fn into_created(self) -> Created {
        let Failure { class, what, retry_after } = self;
        match class {
            Class::Exists => Created::Exists,
            Class::Missing => Created::GroupMissing,
            Class::Forbidden => Created::Forbidden(what),
            Class::Unsigned => Created::Unsigned(what),
            class => Created::Failed { what, throttled: class == Class::Throttled, retry_after },
        }
    }
}

/// What the HTTP client said, if it was asked at all.
fn http_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a hyper_util::client::legacy::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return Some(error);
        }
        next = error.source();
    }
    None
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The error's code and message where there are any, else the error with its causes; bounded.
fn text_of<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = error.as_service_error().and_then(|said| Some((said.code()?, said.message())));
    let text = match said {
        Some((code, Some(message))) => format!("{code}: {message}"),
        Some((code, None)) => code.to_owned(),
        None => causes_of(error),
    };
    bounded(text, TEXT)
}

/// At most so many bytes of a text, on one line.
pub(super) fn bounded(text: String, bytes: usize) -> String {
    let mut text = text.replace(['\n', '\r'], " ");
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
    }
    text
}

/// The error and its causes, each once. (The SDK's own display adds a dump of the whole, for developers of the SDK.)
pub(super) fn causes_of(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
