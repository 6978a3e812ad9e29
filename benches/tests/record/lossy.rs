//! A shipper that loses every tenth line and says nothing: to prove that it would be seen. It is this test's own program, started
//! anew with one test chosen, which is no test at all where nobody has told it a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use serde_json::json;

/// The variable with the socket's path.
pub(crate) const SOCKET: &str = "LOSSY_SHIPPER_SOCKET";
const BATCH: usize = 50;

#[test]
#[ignore = "the program that another test starts"]
fn shipper() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    // Who starts a shipper tells it the endpoint as any AWS SDK is told.
    let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap();
    let address = endpoint.strip_prefix("http://").unwrap().to_owned();
    for connection in UnixListener::bind(socket).unwrap().incoming() {
        let address = address.clone();
        thread::spawn(move || ship(connection.unwrap(), &address));
    }
}

fn ship(connection: UnixStream, address: &str) {
    let mut batch = Vec::new();
    for line in BufReader::new(connection).lines() {
        let line = line.unwrap();
        // The last digit of the number.
        if line.as_bytes()[11] != b'7' {
            batch.push(json!({ "timestamp": 1_700_000_000_000_u64, "message": line }));
        }
        if batch.len() == BATCH {
            put(address, std::mem::take(&mut batch));
        }
    }
    if !batch.is_empty() {
        put(address, batch);
    }
}

fn put(address: &str, events: Vec<serde_json::Value>) {
    let body = json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events }).to_string();
    let mut remote = TcpStream::connect(address).unwrap();
    write!(
        remote,
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: Logs_20140328.PutLogEvents\r\n\
         Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    remote.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
