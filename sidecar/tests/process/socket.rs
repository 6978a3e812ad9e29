//! The socket's file: ours from start to end, and never somebody else's.

use std::os::unix::net::UnixListener;

use crate::support::{Remote, Setup, Sidecar};

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
