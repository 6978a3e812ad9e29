//! `splashdam probe`, as a container's exec probe runs it: no shell, the same variables, an exit code.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{until, Remote, Setup};

/// Exit code and what was said on stderr; stdout is silent.
#[track_caller]
fn probe(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splashdam"));
    command.arg("probe").args(arguments).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn well_is_0_and_silent() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).health().start();
    let (health, admin) = (sidecar.listens("health"), sidecar.listens("admin"));
    let well = (0, String::new());
    for arguments in [&[][..], &["live"], &["ready"], &["ready", "--timeout", "30s"]] {
        assert_eq!(probe(arguments, &[("SPLASHDAM_HEALTH", &health)]), well, "{arguments:?}");
        assert_eq!(probe(arguments, &[("SPLASHDAM_ADMIN", &admin)]), well, "{arguments:?}");
    }
    assert_eq!(probe(&["ready", "--address", &health], &[("SPLASHDAM_HEALTH", "127.0.0.1:1")]), well);
    // Where health listens everywhere, as Clowder's slot wants it.
    let everywhere = health.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(probe(&["live"], &[("SPLASHDAM_HEALTH", &everywhere)]), well);
    // What is wrong with other settings is for `run` to say.
    assert_eq!(probe(&["live"], &[("SPLASHDAM_HEALTH", &health), ("SPLASHDAM_MEMORY", "much")]), well);
    sidecar.stop();
}

#[test]
fn not_well_is_1_and_one_line_that_says_what_came_back() {
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar = Setup::new(&remote).health().flags(&["--shutdown-deadline", "50s"]).start();
    let health = sidecar.listens("health");
    sidecar.feed("one\n");
    until("it is taken in", || sidecar.metric("splashdam_records_received_total", "") == 1);
    sidecar.signal(Signal::TERM);
    until("it drains", || sidecar.ask("health", "GET", "/readyz").0 == 503);
    let (code, said) = probe(&["ready", "--address", &health], &[]);
    let expected =
        format!("splashdam: probe: GET http://{health}/readyz: 503, draining: the socket takes nothing more\n");
    assert_eq!((code, said), (1, expected));
    assert_eq!(probe(&["live", "--address", &health], &[]), (0, String::new()));
    sidecar.kill();

    let (code, said) = probe(&["live", "--address", &health], &[]);
    assert!(code == 1 && said.contains("/healthz: ") && said.lines().count() == 1, "{code} {said}");
}

#[test]
fn whoever_does_not_answer_is_not_well() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (code, said) = probe(&["live", "--address", &address, "--timeout", "100ms"], &[]);
    assert_eq!((code, said), (1, format!("splashdam: probe: GET http://{address}/healthz: no answer within 100ms\n")));

    // Somebody else's answer, with what a terminal should not see.
    let server = std::thread::spawn(move || {
        use std::io::Write;
        // The first is the one that gave up.
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n\x1b[31mno\nx\n");
        }
    });
    let (code, said) = probe(&["live", "--address", &address], &[]);
    assert_eq!((code, said), (1, format!("splashdam: probe: GET http://{address}/healthz: 404, [31mno\n")));
    server.join().unwrap();
}

#[test]
fn what_cannot_be_asked_is_2() {
    for (arguments, variables, part) in [
        (&["healthy"][..], &[][..], "live"),
        (&["--timeout", "0s"], &[], "more than 0"),
        (&["--timeout", "1h"], &[], "at most 60s"),
        (&["--address", "13133"], &[], "address and port"),
        (&["--config", "/nowhere/c.toml"], &[], "/nowhere/c.toml: cannot read"),
        (&[], &[("SPLASHDAM_HEALTH", "13133")], "SPLASHDAM_HEALTH=13133"),
        (&[], &[("SPLASHDAM_ADMIN", "off")], "--address"),
    ] {
        let (code, said) = probe(arguments, variables);
        assert!(code == 2 && said.contains(part), "{arguments:?} {variables:?}: {code} {said}");
    }
}

#[test]
fn another_program_s_200_is_not_well() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nhello\n").unwrap();
    });
    let (code, said) = probe(&["ready", "--address", &address], &[]);
    server.join().unwrap();
    assert!(code == 1 && said.contains("200, but not as splashdam says it: hello"), "{code} {said}");
}
