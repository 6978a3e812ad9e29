//! Whoever reads stderr may stop, or go away: records are delivered all the same, and the end comes in time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pipe::{fcntl_setpipe_size, pipe_with, PipeFlags};
use rustix::process::Signal;

use crate::support::{numbered, until, Account, Remote, Setup, Sidecar};

/// A sidecar that writes to a pipe of one page. Its reader has read as far as "serving", and where the admin interface is.
#[track_caller]
fn piped(setup: &Setup) -> (Sidecar, BufReader<File>, OwnedFd) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    fcntl_setpipe_size(&writer, 4096).unwrap();
    let sidecar = setup.spawn_with(writer.try_clone().unwrap().into());
    let mut reader = BufReader::new(File::from(reader));
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended at once");
        sidecar.heard(&line);
    }
    (sidecar, reader, writer)
}

/// Fills the pipe to its last byte, by a way of our own: the sidecar's must go on waiting where it would.
fn fill(pipe: &OwnedFd) {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let mut ours = File::options().write(true).custom_flags(flags).open(path).unwrap();
    while ours.write(b"\n").is_ok() {}
}

#[test]
fn a_stderr_that_is_full_holds_up_nothing_and_hears_the_end_when_it_is_read_again() {
    const RECORDS: u64 = 500;
    for drained in [false, true] {
        let remote = Remote::strict();
        let (sidecar, mut reader, pipe) = piped(&Setup::new(&remote).flags(&[
            "--log-level",
            "trace",
            "--backoff-min",
            "10ms",
            "--backoff-max",
            "50ms",
        ]));
        fill(&pipe);
        // Each of these has warnings written, by every thread that has something to say.
        remote.fault("unavailable,operation=PutLogEvents,count=20");
        sidecar.feed_lines(numbered(0..RECORDS, 60));
        remote.until_accepted(RECORDS);
        assert_eq!(sidecar.ask("admin", "GET", "/healthz").0, 200);
        if drained {
            assert_eq!(sidecar.ask("admin", "POST", "/drain").0, 202);
        } else {
            sidecar.signal(Signal::TERM);
        }
        until("it listens no more", || !sidecar.socket().exists());
        drop(pipe);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0), "{said}");
        assert!(said.find("shutting down").unwrap() < said.find("final account").unwrap(), "{said}");
        Account::find(&said).expect("the last line").all_delivered(RECORDS);
    }
}

#[test]
fn a_stderr_that_nobody_reads_does_not_hold_up_the_end() {
    const RECORDS: u64 = 500;
    for drained in [false, true] {
        let remote = Remote::strict();
        let (sidecar, _reader, pipe) = piped(&Setup::new(&remote).flags(&["--shutdown-deadline", "2s"]));
        fill(&pipe);
        sidecar.feed_lines(numbered(0..RECORDS, 60));
        let began = Instant::now();
        if drained {
            assert_eq!(sidecar.ask("admin", "POST", "/drain").0, 202);
        } else {
            sidecar.signal(Signal::TERM);
        }
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0));
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        assert_eq!(remote.report().events.accepted, RECORDS);
    }
}

#[test]
fn a_stderr_that_fails_costs_no_record() {
    const RECORDS: u64 = 500;
    let remote = Remote::strict();
    let (sidecar, reader, pipe) =
        piped(&Setup::new(&remote).flags(&["--backoff-min", "10ms", "--backoff-max", "50ms"]));
    drop((reader, pipe));
    remote.fault("unavailable,operation=PutLogEvents,count=20");
    sidecar.feed_lines(numbered(0..RECORDS, 60));
    remote.until_accepted(RECORDS);
    assert_eq!(sidecar.ask("admin", "GET", "/healthz").0, 200);
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait().code, Some(0));
}

#[test]
fn a_disk_that_is_full_of_diagnostics_changes_no_exit_code() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let remote = Remote::strict();
    let setup = Setup::new(&remote);
    let sidecar = setup.spawn_with(full().into());
    until("it listens", || UnixStream::connect(setup.socket()).is_ok());
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait().code, Some(0));
    let wrong = Setup::bare().spawn_with(full().into());
    assert_eq!(wrong.wait().code, Some(2), "no group");
}
