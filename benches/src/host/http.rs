//! Enough HTTP to ask an endpoint or a sidecar on the loopback interface: one request, one connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{io, wrong, Result};

/// An answer is small; whatever sends more is not what we asked for.
const MAX_ANSWER: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

pub(crate) fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<Answer> {
    request(address, "GET", path, "", "", timeout)
}

pub(crate) fn delete(address: SocketAddr, path: &str, timeout: Duration) -> Result<Answer> {
    request(address, "DELETE", path, "", "", timeout)
}

/// A call of AWS's JSON protocol, unsigned.
pub(crate) fn call(address: SocketAddr, target: &str, body: &str, timeout: Duration) -> Result<Answer> {
    let headers = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
    request(address, "POST", "/", &headers, body, timeout)
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &str, timeout: Duration) -> Result<Answer> {
    request(address, "POST", path, "", body, timeout)
}

pub(crate) fn put(address: SocketAddr, path: &str, body: &str, timeout: Duration) -> Result<Answer> {
    request(address, "PUT", path, "", body, timeout)
}

fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
    timeout: Duration,
) -> Result<Answer> {
    let url = format!("http://{address}{path}");
    let mut stream = TcpStream::connect_timeout(&address, timeout).map_err(io("connect to", &url))?;
    stream.set_read_timeout(Some(timeout)).map_err(io("set a time-out for", &url))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).map_err(io("write to", &url))?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).map_err(io("read from", &url))?;
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| wrong(url, "not an HTTP answer we can read"))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    let body = if chunked { unchunk(body)? } else { body.to_owned() };
    Some(Answer { status, body })
}

fn unchunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_plain_and_chunked() {
        let plain = parse("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        assert_eq!((plain.status, plain.body.as_str()), (200, "ok"));
        let chunked = parse("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
        let chunked = chunked.unwrap();
        assert_eq!((chunked.status, chunked.body.as_str()), (503, "abc"));
        assert!(parse("nonsense").is_none());
    }
}
