//! AWS's published "get-vanilla" and "post-x-www-form-urlencoded" vectors, then what must be refused.

use hyper::HeaderMap;

use super::*;

const NOW: i64 = 1_440_938_160;
const CREDENTIAL: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

fn credentials() -> Credentials {
    Credentials {
        access_key: Some("AKIDEXAMPLE".to_owned()),
        secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
    }
}

fn headers(more: &[(&'static str, &str)], signed: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders={signed}, Signature={signature}");
    headers.insert("host", "example.amazonaws.com".parse().unwrap());
    headers.insert("x-amz-date", "20150830T123600Z".parse().unwrap());
    headers.insert("authorization", authorization.parse().unwrap());
    for (name, value) in more {
        headers.insert(*name, value.parse().unwrap());
    }
    headers
}

fn vanilla() -> HeaderMap {
    headers(&[], "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
}

fn post() -> HeaderMap {
    headers(
        &[("content-type", "application/x-www-form-urlencoded")],
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    )
}

fn request<'a>(method: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Signed<'a> {
    Signed { method, path: "/", query: "", headers, body }
}

fn code(result: Result<(), Refusal>) -> &'static str {
    result.unwrap_err().code
}

#[test]
fn published_vectors_pass() {
    verify(request("GET", &vanilla(), b""), &credentials(), "service", NOW).unwrap();
    verify(request("POST", &post(), b"Param1=value1"), &credentials(), "service", NOW).unwrap();
}

#[test]
fn a_changed_body_header_or_secret_is_found() {
    let bad = |headers: &HeaderMap, body: &[u8], credentials: &Credentials| {
        code(verify(request("POST", headers, body), credentials, "service", NOW))
    };
    assert_eq!(bad(&post(), b"Param1=value2", &credentials()), "InvalidSignatureException");
    let mut changed = post();
    changed.insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(bad(&changed, b"Param1=value1", &credentials()), "InvalidSignatureException");
    let other = Credentials { secret_key: "other".to_owned(), ..credentials() };
    assert_eq!(bad(&post(), b"Param1=value1", &other), "InvalidSignatureException");
    let other = Credentials { access_key: Some("other".to_owned()), ..credentials() };
    assert_eq!(bad(&post(), b"Param1=value1", &other), "UnrecognizedClientException");
}

#[test]
fn any_access_key_will_do_if_none_is_set() {
    let any = Credentials { access_key: None, ..credentials() };
    verify(request("GET", &vanilla(), b""), &any, "service", NOW).unwrap();
}

#[test]
fn the_date_may_be_five_minutes_off_and_no_more() {
    let at = |now| verify(request("GET", &vanilla(), b""), &credentials(), "service", now);
    assert!(at(NOW + 300).is_ok() && at(NOW - 300).is_ok());
    assert_eq!(code(at(NOW + 301)), "InvalidSignatureException");
    assert_eq!(code(at(NOW - 301)), "InvalidSignatureException");
}

#[test]
fn scope_and_form_are_checked() {
    let vanilla = vanilla();
    assert_eq!(code(verify(request("GET", &vanilla, b""), &credentials(), "logs", NOW)), "InvalidSignatureException");
    let mut headers = vanilla.clone();
    headers.remove("authorization");
    let missing = code(verify(request("GET", &headers, b""), &credentials(), "service", NOW));
    assert_eq!(missing, "MissingAuthenticationTokenException");
    for form in ["Basic x", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 Signature=x"] {
        headers.insert("authorization", form.parse().unwrap());
        let result = verify(request("GET", &headers, b""), &credentials(), "service", NOW);
        assert_eq!(code(result), "IncompleteSignatureException", "{form}");
    }
}
