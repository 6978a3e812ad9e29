//! What an enemy may try who can reach us, and does not get: names that lead elsewhere, lines of our own log, memory before a
//! hello, the admin interface's time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use splashdam::wire::{self, Level};

use crate::support::{hello, until, Remote, Setup, Sidecar, GROUP, PATIENCE};

const MIB: u64 = 1 << 20;

/// Everything under a folder, as paths from there on.
fn files_under(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path.strip_prefix(folder).unwrap().display().to_string());
        }
    }
    found
}

/// Names that are paths: CloudWatch takes them as they are, and no file of the spool is named after them.
#[test]
fn names_that_are_paths_lead_nowhere() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote).spooled().flags(&["--allow", "*:*"]);
    let sidecar = setup.start();
    let names =
        ["../../../x", "/etc/passwd", "..", ".", "a/../../b", "lanes/../lock", "..%2f..", "．．／", "\u{202e}x"];
    let groups = ["../../x", "/", "..", "a/../b"];
    let all: Vec<_> = names.map(|name| (GROUP, name)).into_iter().chain(groups.map(|group| (group, ".."))).collect();
    for (client, (group, stream)) in (1..).zip(&all) {
        let mut wire = sidecar.wire();
        assert!(!wire.hello_to(client, 1, group, stream).destination_refused(), "{group}:{stream}");
        wire.records(1, ["x"]);
        assert_eq!(wire.flush(Level::Ended).delivered, 1);
        let messages: Vec<_> = remote.events(group, stream).into_iter().map(|event| event.message).collect();
        assert_eq!(messages, ["x"], "{group}:{stream}");
    }
    let ours = |path: &String| {
        path.split('/').all(|part| {
            let part = part.strip_suffix(".segment").unwrap_or(part);
            let named = ["lanes", "spare", "quarantine", "dead-letter", "lock", "cursor", "lane.json"].contains(&part);
            named || part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        })
    };
    let files = files_under(&setup.spool());
    assert!(files.len() > all.len() && files.iter().all(ours), "{files:?}");
    let beside = setup.socket().parent().unwrap().to_owned();
    let mut beside: Vec<_> = std::fs::read_dir(beside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["s.sock", "spool"]);
    sidecar.stop().all_delivered(all.len() as u64);
}

/// What a client calls itself becomes part of a stream's name, and neither a path in it nor a line of our log.
#[test]
fn what_a_client_calls_itself_forges_nothing() {
    let remote = Remote::strict();
    let setup = Setup::bare().flags(&["--endpoint-url", remote.url(), "--group", GROUP, "--stream", "apps/{app}/end"]);
    let sidecar = setup.start();
    let app = "../../x:*\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m";
    let mut bytes = wire::MAGIC.to_vec();
    let wire::ClientFrame::Hello(mut own) = hello(1, 1, "no such group", "x\nforged") else { unreachable!() };
    own.app = app;
    wire::ClientFrame::Hello(own).encode_into(&mut bytes);
    let mut wire = sidecar.wire();
    wire.raw(&bytes);
    wire.told();
    wire.records(1, ["x"]);
    assert_eq!(wire.flush(Level::Ended).delivered, 1);
    drop(wire);
    let streams: Vec<_> =
        sidecar.status()["lanes"].as_array().unwrap().iter().map(|lane| lane["stream"].clone()).collect();
    assert_eq!(streams, ["apps/..-..-x---2026-01-01T00-00-00Z ERROR forged-[31m/end"]);
    until("it says what it refused", || sidecar.stderr().contains("may not have the destination"));
    let said = sidecar.stderr();
    assert!(said.lines().all(|line| line.starts_with("20") && !line.starts_with("2026-01-01")), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    sidecar.stop().all_delivered(1);
}

/// 4,096 connections, each with the beginning of a hello: what they take is small, and others are served.
#[test]
fn before_a_hello_is_whole_hardly_anything_is_kept() {
    const CLIENTS: usize = 4_096;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB", "--max-connections", "8192"]);
    sidecar.feed("warm\n");
    remote.until_accepted(1);
    let before = sidecar.peak_rss();
    let long = "x".repeat(512);
    let mut half = wire::MAGIC.to_vec();
    hello(1, 1, &long, &long).encode_into(&mut half);
    half.truncate(half.len() - 1);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = UnixStream::connect(sidecar.socket()).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&half).unwrap();
            stream
        })
        .collect();
    until("all are here", || sidecar.metric("splashdam_connections_accepted_total", "") > CLIENTS as u64);
    let partial = || sidecar.metric("splashdam_memory_bytes", "kind=\"partial\"");
    until("what may be kept of them is kept", || partial() > 256 * 1024);
    assert!(partial() <= MIB, "an eighth of the budget: {}", partial());
    let more = sidecar.peak_rss().saturating_sub(before);
    assert!(more < 24 * MIB, "{} KiB a connection", more / 1024 / CLIENTS as u64);
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    wire.records(1, ["x"]);
    assert_eq!(wire.flush(Level::Ended).delivered, 1);
    drop((clients, wire));
    sidecar.stop().all_delivered(2);
}

/// Heads that are too long, bodies that never come, bytes that drip: each ends, and none keeps a probe out.
#[test]
fn the_admin_interface_gives_nobody_more_than_his_share() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote).health();
    let sidecar = setup.start();
    let connect = |address: &str| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut slowest = Vec::new();
    for interface in ["admin", "health"] {
        let address = sidecar.listens(interface);
        // A head of more than 16 KiB is refused, whatever else would come.
        let mut long = connect(&address);
        let _ = long.write_all(format!("GET /metrics HTTP/1.1\r\nx: {}\r\n", "y".repeat(64 * 1024)).as_bytes());
        let mut answer = Vec::new();
        let _ = long.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        // A body of any length is announced and not waited for.
        let mut body = connect(&address);
        write!(body, "POST /flush HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n").unwrap();
        let mut first = [0; 12];
        body.read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&first));
        // More than there may be, each with half a head.
        let slow: Vec<_> = (0..100)
            .map(|_| {
                let mut stream = connect(&address);
                let _ = stream.write_all(b"GET /metrics HTT");
                stream
            })
            .collect();
        assert_eq!(sidecar.ask(interface, "GET", "/readyz").0, 200);
        slowest.extend(slow.into_iter().next_back());
    }
    // Who sends no whole head is let go without having to make way for anybody.
    for mut last in slowest {
        let mut rest = Vec::new();
        assert!(last.read_to_end(&mut rest).is_ok_and(|_| !rest.starts_with(b"HTTP/1.1 200")));
    }
    let fds = || std::fs::read_dir(format!("/proc/{}/fd", sidecar.pid().as_raw_nonzero())).unwrap().count();
    until("their connections are closed", || fds() < 64);
    sidecar.stop();
}

/// With every switch that makes programs talk: neither a token nor a signature is among what is said.
#[test]
fn no_token_and_no_signature_is_told_at_the_lowest_level() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote).variable("AWS_SESSION_TOKEN", "hush-session").variable("RUST_LOG", "trace");
    let setup = setup.variable("SPLASHDAM_LOG_LEVEL", "trace");
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    remote.fault("access_denied,operation=PutLogEvents");
    sidecar.feed("two\n");
    until("it is refused", || sidecar.status()["lanes"][0]["trouble"].is_string());
    let mut seen = sidecar.admin("/status") + &sidecar.admin("/metrics");
    remote.clear_faults();
    sidecar.signal(rustix::process::Signal::TERM);
    let ended = sidecar.wait();
    ended.account().all_delivered(2);
    seen += &ended.stderr;
    let group = ["--endpoint-url", remote.url(), "--group", GROUP];
    for arguments in [&group[..], &[&group[..], &["--remote"]].concat()] {
        let (code, out, said) = setup.output_of("check", arguments);
        assert_eq!(code, Some(0), "{out}{said}");
        seen += &(out + &said);
    }
    for secret in ["hush-session", "AWS4-HMAC", "Signature=", "emulator\"", "authorization", "x-amz-security-token"] {
        let line = seen.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(line, None, "{secret} was told");
    }
}

/// An answer without end, from whoever sits where CloudWatch should: the attempt fails, and memory does not fill with it.
#[test]
fn an_answer_without_end_is_not_kept() {
    const ENDLESS: u64 = 256 * MIB;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, written) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            // The head will do: the rest of a short request comes with it or soon after.
            let _ = stream.read(&mut [0; 16 * 1024]);
            let head = "HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\ncontent-type: application/x-amz-json-1.1\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            let piece = [b' '; 64 * 1024];
            let pieces = (0..ENDLESS / piece.len() as u64).take_while(|_| stream.write_all(&piece).is_ok()).count();
            if told.send(pieces as u64 * piece.len() as u64).is_err() {
                return;
            }
        }
    });
    let setup = Setup::at(&format!("http://{address}")).flags(&["--memory", "8MiB", "--shutdown-deadline", "1s"]);
    let sidecar = setup.start();
    let before = sidecar.peak_rss();
    sidecar.feed("one\n");
    until("it is in trouble", || sidecar.status()["lanes"][0]["trouble"].is_string());
    let taken = written.recv_timeout(PATIENCE).unwrap();
    assert!(taken < 32 * MIB, "{} MiB of it were read", taken / MIB);
    let more = sidecar.peak_rss() - before;
    assert!(more < 32 * MIB, "{} MiB more", more / MIB);
    sidecar.signal(rustix::process::Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!((ended.code, ended.account().delivered()), (Some(0), 0));
}
