//! One GET of the admin or health interface: a bounded answer within a bounded time, and nothing else of HTTP.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest answer: a status of 4,096 lanes is far smaller.
const MOST: usize = 16 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Asks for a path; all of it takes at most `timeout`.
pub(super) fn get(address: SocketAddr, path: &str, timeout: Duration) -> io::Result<Answer> {
    let deadline = Instant::now() + timeout;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    let left = deadline.saturating_duration_since(Instant::now());
    stream.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
    // In one piece: a probe is to be cheap.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut part = [0; 64 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return parse(&bytes),
            Ok(read) if bytes.len() + read <= MOST => bytes.extend_from_slice(&part[..read]),
            Ok(_) => return Err(io::Error::other("the answer is too long")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error),
        }
    }
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "that is not an answer of a splashdam sidecar");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(odd)?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| odd())?;
    let body = bytes[end + 4..].to_vec();
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok()).ok_or_else(odd)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if length.is_some_and(|length| length != body.len()) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is not whole"));
    }
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_whole_or_refused() {
        let answer = parse(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (503, &b"no"[..]));
        for bad in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nno"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
