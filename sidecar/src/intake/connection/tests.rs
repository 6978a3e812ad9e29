//! What a look at the kernel's bytes finds, and that it costs little where it finds nothing.

use std::io::Write as _;
use std::os::unix::net::UnixStream as StdStream;

use mio::net::UnixStream;
use splashdam::wire::RecordsFrame;

use super::*;

const BUFFER: usize = 600_000;

/// The two ends; ours has said hello as far as a look is concerned.
fn framed() -> (Connection<UnixStream>, StdStream) {
    let (ours, theirs) = StdStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut connection = Connection::new(1, UnixStream::from_std(ours), 0, Duration::ZERO);
    connection.kind = Kind::Framed(None);
    (connection, theirs)
}

fn frame(bytes: usize) -> Vec<u8> {
    let mut frame = RecordsFrame::with_capacity(0);
    frame.push(0, &vec![b'x'; bytes]);
    frame.finish(1)
}

#[test]
fn a_long_frame_is_looked_at_where_all_of_it_is_there_and_else_its_beginning_only() {
    let (mut connection, mut theirs) = framed();
    let frame = frame(100_000);
    let mut buffer = vec![0; BUFFER];
    let (begin, end) = frame.split_at(frame.len() - 1);
    theirs.write_all(begin).unwrap();
    assert_eq!(connection.look(&mut buffer), Fetched::Bytes(LOOK));
    theirs.write_all(end).unwrap();
    theirs.write_all(b"more").unwrap();
    assert_eq!(connection.look(&mut buffer), Fetched::Bytes(frame.len()));
    assert_eq!(buffer[..frame.len()], frame);
    assert_eq!(connection.look(&mut buffer), Fetched::Bytes(frame.len()), "nothing was taken");
}

#[test]
fn what_is_missing_of_a_frame_is_looked_at_behind_what_is_kept() {
    let (mut connection, mut theirs) = framed();
    let frame = frame(100_000);
    let (kept, rest) = frame.split_at(30_000);
    connection.rest = kept.to_vec();
    let mut buffer = vec![0; BUFFER];
    buffer[..kept.len()].copy_from_slice(kept);
    theirs.write_all(rest).unwrap();
    assert_eq!(connection.look(&mut buffer), Fetched::Bytes(rest.len()));
    assert_eq!(buffer[..frame.len()], frame);
}

#[test]
fn of_a_line_only_so_much_is_looked_at() {
    let (mut connection, mut theirs) = framed();
    connection.kind = Kind::Unknown;
    theirs.write_all(&[b'x'; 150_000]).unwrap();
    assert_eq!(connection.look(&mut vec![0; BUFFER]), Fetched::Bytes(LOOK));
}

/// Silence is no hunger: who is silent makes way at the cap, and makes nobody's time shorter.
#[test]
fn a_look_tells_silence_from_the_end() {
    let (mut connection, theirs) = framed();
    assert_eq!(connection.look(&mut [0; 9]), Fetched::Nothing);
    assert!(!connection.readable && !connection.ended);
    drop(theirs);
    assert_eq!(connection.look(&mut [0; 9]), Fetched::End);
    assert!(connection.ended);
}

#[test]
fn half_a_frame_of_one_that_has_gone_is_its_end() {
    let (mut connection, mut theirs) = framed();
    theirs.write_all(&frame(100_000)[..50_000]).unwrap();
    drop(theirs);
    connection.closing = true;
    assert_eq!(connection.look(&mut vec![0; BUFFER]), Fetched::End);
}
