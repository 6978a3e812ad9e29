//! The program: it says when it is ready, and what it saw when it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use splashdam_emulator::Report;

#[test]
fn it_is_ready_when_it_says_so_and_reports_when_it_ends() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_splashdam-emulator"))
        .args(["--listen", "127.0.0.1:0", "--count", "--expect", "2", "--report-at-exit"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(program.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap();

    let body = r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1700000000000,"message":"n=1"}]}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    let target = "x-amz-target: Logs_20140328.PutLogEvents";
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\n{target}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let pid = program.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    line.clear();
    out.read_line(&mut line).unwrap();
    let report: Report = serde_json::from_str(&line).unwrap();
    assert_eq!((report.marks.unique, report.marks.missing), (1, Some(1)));
    assert!(program.wait().unwrap().success());
}
