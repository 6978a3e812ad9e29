//! Who may connect: `--allow-uids`, by what the kernel says of the other end.
//!
//! Other users can be played by root alone, so a test that needs one says that it is skipped where it does not run as root.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use splashdam::wire::{ErrorCode, Level};

use crate::support::{numbered, until, Over, Remote, Setup, Sidecar, Told, PATIENCE};

/// A user that no machine here has.
const STRANGER: u32 = 64_123;

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether other users can be played; says so where they cannot.
fn is_root(test: &str) -> bool {
    let root = own() == 0;
    if !root {
        eprintln!("SKIPPED: {test}: only root can play another user");
    }
    root
}

/// The socket may be opened by everybody, and so may the folder that it is in.
fn open_to_all(remote: &Remote) -> Setup {
    let setup = Setup::new(remote).flags(&["--socket-mode", "0666"]);
    let folder = setup.socket().parent().unwrap().to_owned();
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    setup
}

/// Connects as this user again and again. The kernel keeps users by thread, so the rest of the test stays who it is.
fn flood_as(uid: u32, socket: &Path, done: &AtomicBool) {
    rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(uid)).unwrap();
    while !done.load(Ordering::Relaxed) {
        // Where the backlog is full it waits.
        let _ = UnixStream::connect(socket);
    }
}

fn refused(sidecar: &Sidecar) -> u64 {
    sidecar.metric("splashdam_connections_turned_away_total", "reason=\"user\"")
}

/// `splashdam send` as this user, with these lines. The program is copied beside the socket: the folder that it was built in may
/// be closed to others. (By `cp`, so that no child of another test can hold it open for writing while we start it.)
fn send_as(uid: u32, socket: &Path, lines: &str) -> Child {
    let program = socket.with_file_name("splashdam");
    if !program.exists() {
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_splashdam")).arg(&program).status().unwrap();
        assert!(copied.success());
    }
    let mut command = Command::new(&program);
    command.env_clear().args(["send", "--flush-timeout", "1s", "--socket"]).arg(socket).uid(uid).gid(uid);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child
}

#[test]
fn whoever_is_not_named_is_told_counted_and_never_read() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--allow-uids", &STRANGER.to_string()]);
    // A text client may write what it likes.
    let mut text = sidecar.text();
    let _ = text.write_all(b"not for you\n");
    let mut told = Vec::new();
    let _ = text.read_to_end(&mut told);
    assert!(String::from_utf8_lossy(&told).contains("see the sidecar's --allow-uids"), "{told:?}");
    // A framed one is told in its own language, before it has said anything.
    let mut wire = sidecar.wire();
    let Told::Error(code, said) = wire.told() else { panic!("no error") };
    assert_eq!(code, ErrorCode::NOT_PERMITTED.0);
    assert_eq!(said, format!("user {} may not connect; see the sidecar's --allow-uids", own()));
    assert_eq!(wire.told(), Told::End);

    assert_eq!(refused(&sidecar), 2);
    assert_eq!(sidecar.status()["connections"]["refused_users"], 2);
    let scrape = sidecar.scrape();
    for name in ["splashdam_connections_accepted_total", "splashdam_read_bytes_total"] {
        assert_eq!(scrape.get(name, ""), 0, "{name}");
    }
    // Said once a minute: neither a silence nor a flood.
    let warned = format!("user {} is not among --allow-uids {STRANGER}", own());
    until("it warns", || sidecar.stderr().contains(&warned));
    assert_eq!(sidecar.stderr().matches("connection refused").count(), 1, "{}", sidecar.stderr());
    sidecar.stop().all_delivered(0);
}

#[test]
fn whoever_is_named_is_taken() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--allow-uids", &format!("{STRANGER},{}-{}", own(), own() + 1)]);
    sidecar.feed("one\n");
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    wire.records(1, ["two"]);
    assert_eq!(wire.flush(Level::Ended).delivered, 1);
    assert_eq!(refused(&sidecar), 0);
    drop(wire);
    sidecar.stop().all_delivered(2);
}

/// The client library keeps what it is given, and calls again. (That it waits long from the first time on is shown by
/// `writer::steps::tests`.)
#[test]
fn a_refused_client_keeps_its_records_and_delivers_once_it_may() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote).flags(&["--allow-uids", &STRANGER.to_string()]);
    let sidecar = setup.start();
    let client = sidecar.client();
    client.log("kept");
    until("it was refused", || refused(&sidecar) > 0);
    assert!(client.flush(Level::Ended, Duration::from_secs(1)).timed_out);
    sidecar.stop().all_delivered(0);
    let sidecar = setup.flags(&["--allow-uids", &own().to_string()]).start();
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(remote.texts(), ["kept"]);
    drop(client);
    sidecar.stop().all_delivered(1);
}

#[test]
fn the_kernel_says_whose_process_it_is() {
    if !is_root("the_kernel_says_whose_process_it_is") {
        return;
    }
    let remote = Remote::strict();
    let sidecar = open_to_all(&remote).flags(&["--allow-uids", &format!("{STRANGER}-{}", STRANGER + 1)]).start();
    for (uid, code) in [(STRANGER, 0), (STRANGER + 1, 0), (STRANGER + 2, 1), (0, 1)] {
        let output = send_as(uid, sidecar.socket(), &format!("from {uid}\n")).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{uid}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(refused(&sidecar) >= 2);
    sidecar.stop().all_delivered(2);
    let mut texts = remote.texts();
    texts.sort();
    assert_eq!(texts, [format!("from {STRANGER}"), format!("from {}", STRANGER + 1)]);
}

/// Whoever may not connect and does so without end takes no room at the cap, sends nobody away and holds up nobody.
#[test]
fn refused_users_take_nothing_from_others() {
    const FLOODERS: usize = 8;
    if !is_root("refused_users_take_nothing_from_others") {
        return;
    }
    let remote = Remote::strict();
    let sidecar = open_to_all(&remote).flags(&["--allow-uids", "0", "--max-connections", "2"]).start();
    let silent = sidecar.text();
    let mut quiet = sidecar.text();
    until("both are here", || sidecar.metric("splashdam_connections_accepted_total", "") == 2);
    let fds = || std::fs::read_dir(format!("/proc/{}/fd", sidecar.pid().as_raw_nonzero())).unwrap().count();
    let before = fds();
    let (done, socket) = (AtomicBool::new(false), sidecar.socket());
    std::thread::scope(|scope| {
        let over = Over::new(&done);
        for _ in 0..FLOODERS {
            scope.spawn(|| flood_as(STRANGER, socket, &done));
        }
        until("many were refused", || refused(&sidecar) > 2_000);
        quiet.write_all((numbered(0..100, 200).join("\n") + "\n").as_bytes()).unwrap();
        remote.until_accepted(100);
        drop(over);
    });
    // A few may be its own connections to the endpoint.
    until("what was refused is closed", || fds() <= before + 8);
    assert_eq!(sidecar.metric("splashdam_connections_turned_away_total", "reason=\"cap\""), 0, "nobody made way");
    drop((silent, quiet));
    sidecar.stop().all_delivered(100);
}
