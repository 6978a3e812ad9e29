//! Code by code, for each call that is made: what an answer means, and what the engine is told of it.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::error::ErrorMetadata;
use aws_sdk_cloudwatchlogs::operation::create_log_group::CreateLogGroupError;
use aws_sdk_cloudwatchlogs::operation::create_log_stream::CreateLogStreamError;
use aws_sdk_cloudwatchlogs::operation::put_log_events::PutLogEventsError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::*;

const UNSURE: Class = Class::Unavailable { ambiguous: true };
const NOT_TAKEN: Class = Class::Unavailable { ambiguous: false };

/// Each code that CloudWatch Logs, its front and AWS's signing answer with, the status it comes with, and what it means.
const CODES: &[(&str, u16, Class)] = &[
    // Modelled for at least one of the calls.
    ("InvalidParameterException", 400, Class::Refused),
    ("ResourceNotFoundException", 400, Class::Missing),
    ("ResourceAlreadyExistsException", 400, Class::Exists),
    ("LimitExceededException", 400, Class::Throttled),
    ("OperationAbortedException", 400, NOT_TAKEN),
    ("ServiceUnavailableException", 503, NOT_TAKEN),
    ("UnrecognizedClientException", 400, Class::Forbidden),
    // Modelled, and never returned any more: nobody knows what they would mean.
    ("InvalidSequenceTokenException", 400, UNSURE),
    ("DataAlreadyAcceptedException", 400, UNSURE),
    // Not modelled: throttling, in all its names.
    ("ThrottlingException", 400, Class::Throttled),
    ("Throttling", 400, Class::Throttled),
    ("ThrottledException", 400, Class::Throttled),
    ("TooManyRequestsException", 429, Class::Throttled),
    ("RequestLimitExceeded", 503, Class::Throttled),
    ("RequestThrottled", 400, Class::Throttled),
    ("BandwidthLimitExceeded", 509, Class::Throttled),
    ("SlowDown", 503, Class::Throttled),
    // Who we are, and what we may.
    ("AccessDeniedException", 400, Class::Forbidden),
    ("AccessDenied", 403, Class::Forbidden),
    ("InvalidClientTokenId", 403, Class::Forbidden),
    ("InvalidSignatureException", 400, Class::Forbidden),
    ("SignatureDoesNotMatch", 403, Class::Forbidden),
    ("MissingAuthenticationTokenException", 400, Class::Forbidden),
    ("MissingAuthenticationToken", 403, Class::Forbidden),
    ("IncompleteSignature", 400, Class::Forbidden),
    ("OptInRequired", 403, Class::Forbidden),
    ("NotAuthorized", 400, Class::Forbidden),
    // Fresh credentials will do.
    ("ExpiredTokenException", 400, NOT_TAKEN),
    ("ExpiredToken", 403, NOT_TAKEN),
    ("RequestExpired", 400, NOT_TAKEN),
    // What we sent was wrong.
    ("ValidationException", 400, Class::Refused),
    ("SerializationException", 400, Class::Refused),
    ("InvalidParameterValue", 400, Class::Refused),
    // The service is in trouble, or says something new.
    ("ServiceUnavailable", 503, NOT_TAKEN),
    ("InternalFailure", 500, UNSURE),
    ("InternalServerException", 500, UNSURE),
    ("SomethingNew", 400, UNSURE),
    ("SomethingNew", 418, UNSURE),
];

/// Answers without a code: a proxy's, or a body that nobody understands.
const STATUSES: &[(u16, Class)] = &[
    (400, UNSURE),
    (401, Class::Forbidden),
    (403, Class::Forbidden),
    (404, UNSURE),
    (408, UNSURE),
    (413, Class::Refused),
    (429, Class::Throttled),
    (500, UNSURE),
    (502, UNSURE),
    (503, NOT_TAKEN),
    (504, UNSURE),
];

fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> HttpResponse {
    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
    for (name, value) in headers {
        answer.headers_mut().insert(*name, *value);
    }
    answer
}

fn meta(code: Option<&str>) -> ErrorMetadata {
    let meta = ErrorMetadata::builder().message("said the service");
    match code {
        Some(code) => meta.code(code).build(),
        None => meta.build(),
    }
}

/// The failure of each call that is answered so.
fn failures(code: Option<&str>, status: u16, headers: &[(&'static str, &'static str)]) -> [Failure; 3] {
    let put = SdkError::service_error(PutLogEventsError::generic(meta(code)), answer(status, headers));
    let stream = SdkError::service_error(CreateLogStreamError::generic(meta(code)), answer(status, headers));
    let group = SdkError::service_error(CreateLogGroupError::generic(meta(code)), answer(status, headers));
    [Failure::of(&put), Failure::of(&stream), Failure::of(&group)]
}

/// What the engine is to hear of a put that failed so.
fn is_outcome_of(class: &Class, outcome: &Outcome) -> bool {
    match (class, outcome) {
        (Class::Throttled, Outcome::Throttled { .. })
        | (Class::Missing, Outcome::Missing)
        | (Class::Forbidden, Outcome::Forbidden { .. })
        | (Class::Refused, Outcome::Refused { .. })
        // Nobody is told that a put exists: it may mean anything.
        | (Class::Exists, Outcome::Unavailable { ambiguous: true, .. }) => true,
        (Class::Unavailable { ambiguous }, Outcome::Unavailable { ambiguous: told, .. }) => ambiguous == told,
        _ => false,
    }
}

/// What the engine is to hear of a creation that failed so.
fn is_created_of(class: &Class, created: &Created) -> bool {
    matches!(
        (class, created),
        (Class::Exists, Created::Exists)
            | (Class::Missing, Created::GroupMissing)
            | (Class::Forbidden, Created::Forbidden(_))
            | (Class::Throttled, Created::Failed { throttled: true, .. })
            | (Class::Refused | Class::Unavailable { .. }, Created::Failed { throttled: false, .. })
    )
}

#[test]
fn every_code_of_the_api_has_its_class_for_every_call() {
    for (code, status, class) in CODES {
        for (call, failure) in
            ["PutLogEvents", "CreateLogStream", "CreateLogGroup"].iter().zip(failures(Some(code), *status, &[]))
        {
            let what = format!("{call}: {code} {status}");
            assert_eq!(&failure.class, class, "{what}");
            assert_eq!(failure.what, format!("{code}: said the service"), "{what}");
            match *call {
                "PutLogEvents" => assert!(is_outcome_of(class, &failure.into_outcome()), "{what}"),
                _ => assert!(is_created_of(class, &failure.into_created()), "{what}"),
            }
        }
    }
}

#[test]
fn where_there_is_no_code_the_status_decides() {
    for (status, class) in STATUSES {
        for failure in failures(None, *status, &[]) {
            assert_eq!(&failure.class, class, "{status}");
            assert!(!failure.what.is_empty(), "{status}");
        }
        // The same where the answer could not be read.
        let unread: SdkError<PutLogEventsError, _> = SdkError::response_error("no JSON", answer(*status, &[]));
        assert_eq!(&Failure::of(&unread).class, class, "{status}");
    }
}

#[test]
fn a_code_counts_for_more_than_its_status() {
    for status in [200, 400, 403, 413, 500, 503] {
        let [put, ..] = failures(Some("ResourceNotFoundException"), status, &[]);
        assert_eq!(put.class, Class::Missing, "{status}");
    }
    // But too many requests are too many, whatever else is said.
    let [put, ..] = failures(Some("ResourceNotFoundException"), 429, &[]);
    assert_eq!(put.class, Class::Throttled);
}

#[test]
fn what_was_never_sent_makes_no_duplicate() {
    type Put = SdkError<PutLogEventsError, HttpResponse>;
    let boxed = || Box::<dyn Error + Send + Sync>::from("why");
    let cases: [(&str, Put, bool); 6] = [
        ("no credentials", Put::construction_failure(boxed()), false),
        ("what the caller did wrong", Put::dispatch_failure(ConnectorError::user(boxed())), false),
        ("a connector without a word of HTTP", Put::dispatch_failure(ConnectorError::other(boxed(), None)), false),
        ("a time-out on the way", Put::dispatch_failure(ConnectorError::timeout(boxed())), true),
        ("a connection that broke", Put::dispatch_failure(ConnectorError::io(boxed())), true),
        ("a time-out of the whole", Put::timeout_error(boxed()), true),
    ];
    for (what, error, ambiguous) in cases {
        assert_eq!(Failure::of(&error).class, Class::Unavailable { ambiguous }, "{what}");
    }
}

#[test]
fn a_retry_after_is_read_where_it_is_in_seconds() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let cases = [
        ("7", seconds(7)),
        (" 7 ", seconds(7)),
        ("0", seconds(0)),
        // However long: the engine obeys no more than five minutes of it.
        ("86400", seconds(86_400)),
        ("18446744073709551615", seconds(u64::MAX)),
        ("18446744073709551616", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ];
    for (value, expected) in cases {
        for (code, status) in [("ThrottlingException", 400), ("ServiceUnavailableException", 503)] {
            let [put, stream, group] = failures(Some(code), status, &[("retry-after", value)]);
            let told = match put.into_outcome() {
                Outcome::Throttled { retry_after } | Outcome::Unavailable { retry_after, .. } => retry_after,
                other => panic!("{other:?}"),
            };
            assert_eq!(told, expected, "{value:?}");
            for created in [stream.into_created(), group.into_created()] {
                let Created::Failed { retry_after, .. } = created else { panic!("{created:?}") };
                assert_eq!(retry_after, expected, "{value:?}");
            }
        }
    }
}

#[test]
fn what_the_service_says_is_kept_on_one_line_and_not_all_of_it() {
    let meta = ErrorMetadata::builder().code("Code").message("é\n".repeat(10_000)).build();
    let error = SdkError::service_error(PutLogEventsError::generic(meta), answer(400, &[]));
    let what = Failure::of(&error).what;
    assert!(what.starts_with("Code: é é") && what.len() <= TEXT && !what.contains('\n'), "{what}");
}
