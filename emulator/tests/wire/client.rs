//! A client of bare bones, so that the tests see what is on the wire.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};
use splashdam_emulator::Handle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["__type"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn has_request_id(&self) -> bool {
        self.headers.contains_key("x-amzn-requestid")
    }
}

/// Calls an operation with a JSON body.
pub(crate) async fn call(emulator: &Handle, operation: &str, body: Value) -> Result<Reply> {
    send(emulator, operation, &[], body.to_string().as_bytes()).await
}

/// Calls an operation with any body and further headers.
pub(crate) async fn send(emulator: &Handle, operation: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
    let target = format!("Logs_20140328.{operation}");
    let headers: Vec<_> = [("x-amz-target", &*target)].into_iter().chain(headers.iter().copied()).collect();
    exchange(emulator, "POST", "/", &headers, body).await
}

/// Uses the control API.
pub(crate) async fn control(emulator: &Handle, method: &str, path: &str, body: &str) -> Reply {
    exchange(emulator, method, path, &[], body.as_bytes()).await.unwrap()
}

async fn exchange(emulator: &Handle, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
    let mut stream = TcpStream::connect(emulator.address()).await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&String::from_utf8(answer).unwrap())
}

fn parse(answer: &str) -> Result<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    if headers["content-length"] != body.len().to_string() {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(Reply { status, headers, body: body.to_owned() })
}

/// A batch for group `g`, stream `s`, of now.
pub(crate) fn batch(messages: &[&str]) -> Value {
    let events: Vec<_> = messages.iter().map(|m| json!({ "timestamp": now_ms(), "message": m })).collect();
    json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events })
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}
