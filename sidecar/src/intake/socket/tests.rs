//! What may be at a socket's path, and who may open it.

use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_mode_is_right_and_the_file_goes_with_the_listener() {
    let directory = folder();
    let path = directory.path().join("s");
    for bits in [0o660, 0o600, 0o666, 0o777, 0o000] {
        let listener = Listener::bind(&path, bits).unwrap();
        assert_eq!(mode(&path), bits);
        drop(listener);
        assert!(!path.exists());
    }
}

/// Somebody looks at the path again and again while sockets come and go there, and never sees another mode than the one that
/// was asked for.
#[test]
fn there_is_no_moment_with_another_mode() {
    let directory = folder();
    let path = directory.path().join("s");
    let (done, seen) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if let Ok(metadata) = std::fs::symlink_metadata(&path) {
                    let bits = metadata.permissions().mode() & 0o7777;
                    if bits != 0o600 {
                        return Some(bits);
                    }
                    seen.store(true, Ordering::Relaxed);
                }
            }
            None
        });
        for round in 0.. {
            drop(Listener::bind(&path, 0o600).unwrap());
            if watch.is_finished() || (round >= 1_000 && seen.load(Ordering::Relaxed)) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(watch.join().unwrap(), None, "a mode that nobody asked for");
    });
}

#[test]
fn the_group_is_the_folders_where_that_gives_it_on() {
    let directory = folder();
    let inherit = || std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o2770));
    let group = if rustix::process::geteuid().is_root() { 64_123 } else { rustix::process::getegid().as_raw() };
    std::os::unix::fs::chown(directory.path(), None, Some(group)).unwrap();
    inherit().unwrap();
    let listener = Listener::bind(&directory.path().join("s"), 0o660).unwrap();
    assert_eq!(std::fs::metadata(directory.path().join("s")).unwrap().gid(), group);
    drop(listener);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let directory = folder();
    let path = directory.path().join("s");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves the file behind");
    let listener = Listener::bind(&path, 0o600).unwrap();
    assert!(matches!(Listener::bind(&path, 0o600), Err(SocketError::InUse(_))));
    assert!(UnixStream::connect(&path).is_ok(), "it is still there");
    drop(listener);
}

/// Whoever listens there may be hung: then we neither wait for it nor take its place.
#[test]
fn a_live_one_that_accepts_nobody_is_no_stale_one() {
    let directory = folder();
    let path = directory.path().join("s");
    let live = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&live, 0).unwrap();
    let address = SocketAddrUnix::new(&path).unwrap();
    let mut waiting = Vec::new();
    loop {
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None);
        waiting.push(socket.unwrap());
        match rustix::net::connect(waiting.last().unwrap(), &address) {
            Ok(()) => {}
            Err(Errno::AGAIN) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(Listener::bind(&path, 0o600), Err(SocketError::InUse(_))));
    assert!(path.exists());
    drop(live);
}

/// Whatever stands at the path and is no socket of ours that nobody listens on any more: it is refused, and stays.
#[test]
fn what_is_not_our_stale_socket_stays() {
    let directory = folder();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("file"), "precious").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o666), 0)
        .unwrap();
    drop(UnixListener::bind(at("stale")).unwrap());
    let live = UnixListener::bind(at("live")).unwrap();
    let datagrams = UnixDatagram::bind(at("datagrams")).unwrap();
    for target in ["nothing", "file", "folder", "fifo", "stale", "live"] {
        symlink(at(target), at(&format!("link-to-{target}"))).unwrap();
    }
    let listing = || {
        let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().ino(), entry.metadata().unwrap().mode()))
            .collect();
        all.sort();
        all
    };
    let before = listing();
    for (name, _, _) in &before {
        if name == "stale" {
            continue;
        }
        let error = Listener::bind(&directory.path().join(name), 0o600).unwrap_err();
        let expected = match name.to_str().unwrap() {
            "live" => matches!(error, SocketError::InUse(_)),
            "datagrams" => matches!(error, SocketError::Failed { .. }),
            _ => matches!(error, SocketError::NotASocket(_)),
        };
        assert!(expected, "{name:?}: {error}");
    }
    assert_eq!(listing(), before);
    assert_eq!(std::fs::read_to_string(at("file")).unwrap(), "precious");
    drop((live, datagrams));
}

/// What has taken our file's place is somebody else's: it stays when we go.
#[test]
fn what_replaces_our_socket_stays_when_we_go() {
    let directory = folder();
    let path = directory.path().join("s");
    let listener = Listener::bind(&path, 0o600).unwrap();
    std::fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(UnixStream::connect(&path).is_ok());
    drop(other);

    let listener = Listener::bind(&directory.path().join("t"), 0o600).unwrap();
    std::fs::rename(&path, directory.path().join("t")).unwrap();
    drop(listener);
    assert!(directory.path().join("t").exists());
}

#[test]
fn errors_say_what_to_do() {
    let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
    assert!(Listener::bind(&long, 0o600).unwrap_err().to_string().contains("shorter"));
    let missing = Path::new("/nowhere/at/all.sock");
    assert!(Listener::bind(missing, 0o600).unwrap_err().to_string().contains("--socket"));
}

#[test]
fn the_longest_path_that_the_kernel_takes_is_taken() {
    let directory = folder();
    let room = PATH_BYTES - directory.path().as_os_str().len() - 1;
    let longest = directory.path().join("x".repeat(room));
    drop(Listener::bind(&longest, 0o600).unwrap());
    let longer = directory.path().join("x".repeat(room + 1));
    assert!(matches!(Listener::bind(&longer, 0o600), Err(SocketError::TooLong { length: 108, .. })));
}

/// Between bind and listen a socket looks like a stale one: of those that start together one listens, and stays.
#[test]
fn of_several_that_start_together_one_listens() {
    let directory = folder();
    let path = directory.path().join("s");
    for _ in 0..100 {
        drop(UnixListener::bind(&path).unwrap());
        let start = std::sync::Barrier::new(4);
        let start_one = || {
            start.wait();
            Listener::bind(&path, 0o600)
        };
        let bound: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(start_one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let listening = bound.iter().filter(|bound| bound.is_ok()).count();
        let in_use = bound.iter().filter(|bound| matches!(bound, Err(SocketError::InUse(_)))).count();
        assert_eq!((listening, in_use), (1, 3), "{bound:?}");
        assert!(UnixStream::connect(&path).is_ok());
    }
}
