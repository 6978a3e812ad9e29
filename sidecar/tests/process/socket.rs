//! The socket's file: ours from start to end, and never somebody else's.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use crate::support::{until, Remote, Setup, Sidecar};

#[test]
fn the_socket_goes_at_the_end() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let socket = sidecar.socket().to_owned();
    assert!(socket.exists());
    sidecar.stop();
    assert!(!socket.exists());
}

#[test]
fn a_stale_socket_is_replaced_a_live_one_and_a_file_are_not() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    drop(UnixListener::bind(setup.socket()).unwrap());
    assert!(setup.socket().exists());
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);

    let second = setup.spawn().wait();
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert!(second.stderr.contains("another program listens"), "{}", second.stderr);
    sidecar.feed("two\n");
    remote.until_accepted(2);
    sidecar.stop().all_delivered(2);

    std::fs::write(setup.socket(), "precious").unwrap();
    let third = setup.spawn().wait();
    assert_eq!(third.code, Some(1), "{}", third.stderr);
    assert_eq!(std::fs::read_to_string(setup.socket()).unwrap(), "precious");
}

#[test]
fn a_killed_sidecars_socket_is_replaced() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    setup.start().kill();
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

/// What the umask says, and what the folder would: the socket has the mode that was asked for.
#[test]
fn no_umask_changes_the_mode() {
    let remote = Remote::strict();
    for (umask, mode) in [("0000", 0o600), ("0777", 0o660), ("0077", 0o666)] {
        let setup = Setup::new(&remote).flags(&["--socket-mode", &format!("{mode:04o}")]);
        let sidecar = setup.after(&format!("umask {umask}")).start();
        let bits = std::fs::metadata(sidecar.socket()).unwrap().permissions().mode() & 0o7777;
        assert_eq!(bits, mode, "umask {umask}");
        sidecar.stop();
    }
}

/// Somebody removes the file while we serve: who is connected stays so, nobody new finds us, and what then takes its place is
/// not ours to remove.
#[test]
fn a_socket_that_is_removed_costs_those_who_are_connected_nothing() {
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let sidecar = setup.start();
    let mut client = sidecar.text();
    client.write_all(b"before\n").unwrap();
    remote.until_accepted(1);
    std::fs::remove_file(setup.socket()).unwrap();
    assert!(UnixStream::connect(setup.socket()).is_err());
    client.write_all(b"after\n").unwrap();
    remote.until_accepted(2);
    drop(client);
    let others = UnixListener::bind(setup.socket()).unwrap();
    until("it has let the client go", || sidecar.metric("splashdam_connections", "kind=\"text\"") == 0);
    sidecar.stop().all_delivered(2);
    assert!(UnixStream::connect(setup.socket()).is_ok(), "the other's socket is still there");
    drop(others);
}
