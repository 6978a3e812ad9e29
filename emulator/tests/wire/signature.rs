//! A signed call over the wire, and what breaks its signature. The signer is the tests' own.

use std::fmt::Write;

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};
use splashdam_emulator::{Credentials, Emulator};

use crate::client::{control, now_ms, send};

const TARGET: &str = "Logs_20140328.CreateLogGroup";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The present date as `(20260101, 20260101T000000Z)`, walking year by year.
fn dates() -> (String, String) {
    let seconds = now_ms() / 1_000;
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let leap = |y: u64| (y.is_multiple_of(4) && !y.is_multiple_of(100)) || y.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let day = format!("{year:04}{month:02}{:02}", days + 1);
    let date = format!("{day}T{:02}{:02}{:02}Z", time / 3_600, time / 60 % 60, time % 60);
    (day, date)
}

/// The date and the authorization of a call with this body.
fn sign(access_key: &str, secret: &str, body: &str) -> (String, String) {
    let (day, date) = dates();
    let signed = "host;x-amz-date;x-amz-target";
    let headers = format!("host:test\nx-amz-date:{date}\nx-amz-target:{TARGET}\n");
    let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{}", hex(&Sha256::digest(body)));
    let scope = format!("{day}/eu-central-1/logs/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = hmac(format!("AWS4{secret}").as_bytes(), &day);
    let key = hmac(&hmac(&hmac(&key, "eu-central-1"), "logs"), "aws4_request");
    let signature = hex(&hmac(&key, &to_sign));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}");
    (date, authorization)
}

#[tokio::test]
async fn only_what_was_signed_with_the_secret_is_taken() {
    let credentials = Credentials { access_key: Some("me".to_owned()), secret_key: "secret".to_owned() };
    let emulator = Emulator::builder().credentials(credentials).start().await.unwrap();
    let body = json!({ "logGroupName": "g" }).to_string();
    let other = json!({ "logGroupName": "h" }).to_string();
    for (access_key, secret, sent, expected) in [
        ("me", "secret", &body, ""),
        ("me", "secret", &other, "InvalidSignatureException"),
        ("me", "guess", &body, "InvalidSignatureException"),
        ("you", "secret", &body, "UnrecognizedClientException"),
    ] {
        let (date, authorization) = sign(access_key, secret, &body);
        let headers = [("x-amz-date", &*date), ("authorization", &*authorization)];
        let reply = send(&emulator, "CreateLogGroup", &headers, sent.as_bytes()).await.unwrap();
        assert_eq!(reply.code(), expected);
        assert_eq!(reply.status == 200, expected.is_empty());
    }
    assert_eq!(emulator.report().violations.total, 3);
}

#[tokio::test]
async fn a_key_that_was_replaced_has_expired() {
    let credentials = Credentials { access_key: None, secret_key: "secret".to_owned() };
    let emulator = Emulator::builder().credentials(credentials).start().await.unwrap();
    let body = json!({ "logGroupName": "g" }).to_string();
    let code = async |access_key: &str| {
        let (date, authorization) = sign(access_key, "secret", &body);
        let headers = [("x-amz-date", &*date), ("authorization", &*authorization)];
        send(&emulator, "CreateLogGroup", &headers, body.as_bytes()).await.unwrap().code()
    };
    assert_eq!(code("first").await, "");
    control(&emulator, "POST", "/_emulator/access-key", r#"{"access_key":"second"}"#).await;
    assert_eq!(code("first").await, "ExpiredTokenException");
    assert_eq!(code("second").await, "ResourceAlreadyExistsException", "its signature is good");
    assert_eq!(emulator.report().violations.total, 0, "an expired key is nobody's mistake");
}
