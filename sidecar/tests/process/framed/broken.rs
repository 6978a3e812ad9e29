//! Who breaks the protocol is told how and sent away; nobody else notices.

use splashdam::wire::{ClientFrame, Hello, Level, RecordsFrame, MAGIC};

use crate::support::{id, now_ms, Remote, Sidecar, Told, Wire};

const BAD_FRAME: u16 = 1;
const FRAME_TOO_LARGE: u16 = 2;
const UNSUPPORTED_VERSION: u16 = 3;
const BAD_SEQUENCE: u16 = 4;
const FRAME_TIMEOUT: u16 = 7;

/// What a client does, from its connect on, and the code it is sent away with.
type Case = (&'static str, fn(&mut Wire), u16);

fn versions(wire: &mut Wire, min_version: u16, max_version: u16) {
    wire.raw(&MAGIC);
    let (app, group, stream) = ("tests", "", "");
    let hello = Hello { min_version, max_version, client_id: id(9), pid: 1, oldest: 1, app, group, stream };
    wire.send(&ClientFrame::Hello(hello));
}

fn greeted(wire: &mut Wire, frame: &[u8]) {
    wire.hello(9, 1);
    wire.raw(frame);
}

const CASES: &[Case] = &[
    ("garbage", |wire| wire.raw(b"\xffSPD\x05\0\0\0garbage"), BAD_FRAME),
    ("an empty frame", |wire| wire.raw(b"\xffSPD\0\0\0\0"), BAD_FRAME),
    ("4 GiB at first", |wire| wire.raw(b"\xffSPD\xff\xff\xff\xff\x01"), FRAME_TOO_LARGE),
    ("a large hello", |wire| wire.raw(b"\xffSPD\x01\0\x01\0\x01"), FRAME_TOO_LARGE),
    ("4 GiB later", |wire| greeted(wire, b"\xff\xff\xff\xff\x02"), FRAME_TOO_LARGE),
    ("a byte too much", |wire| greeted(wire, &(256 * 1024 + 65_537_u32).to_le_bytes()), FRAME_TOO_LARGE),
    ("an unknown type", |wire| greeted(wire, b"\x01\0\0\0\x77"), BAD_FRAME),
    ("a frame of ours", |wire| greeted(wire, b"\x01\0\0\0\x82"), BAD_FRAME),
    ("half a flush", |wire| greeted(wire, b"\x03\0\0\0\x03\x01\x01"), BAD_FRAME),
    ("a level that is none", |wire| greeted(wire, b"\x0e\0\0\0\x03\x01\0\0\0\0\0\0\0\x09\0\0\0\0"), BAD_FRAME),
    ("bye before hello", |wire| wire.raw(b"\xffSPD\x01\0\0\0\x05"), BAD_FRAME),
    ("records before hello, of which the rest never comes", |wire| wire.raw(b"\xffSPD\0\x80\0\0\x02"), BAD_FRAME),
    ("a future version", |wire| versions(wire, 2, 3), UNSUPPORTED_VERSION),
    ("version 0", |wire| versions(wire, 0, 1), UNSUPPORTED_VERSION),
    (
        "a second hello",
        |wire| {
            wire.hello(9, 1);
            wire.send(&crate::support::hello(9, 1, "", ""));
        },
        BAD_FRAME,
    ),
    ("no records", |wire| greeted(wire, &RecordsFrame::with_capacity(0).finish(1)), BAD_SEQUENCE),
    (
        "sequence 0",
        |wire| {
            let mut frame = RecordsFrame::with_capacity(64);
            frame.push(now_ms(), b"x");
            greeted(wire, &frame.finish(0));
        },
        BAD_SEQUENCE,
    ),
    (
        "the last sequence",
        |wire| {
            let mut frame = RecordsFrame::with_capacity(64);
            frame.push(now_ms(), b"x");
            greeted(wire, &frame.finish(u64::MAX));
        },
        BAD_SEQUENCE,
    ),
    (
        "more records than bytes",
        |wire| {
            let mut frame = RecordsFrame::with_capacity(64);
            frame.push(now_ms(), b"x");
            let mut frame = frame.finish(1);
            frame[13..17].copy_from_slice(&u32::MAX.to_le_bytes());
            greeted(wire, &frame);
        },
        BAD_FRAME,
    ),
];

#[test]
fn whoever_breaks_the_protocol_is_told_how() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut good = sidecar.wire();
    good.hello(1, 1);
    let mut sent = 0;
    for (what, act, code) in CASES {
        let mut bad = sidecar.wire();
        act(&mut bad);
        let (said, text) = bad.error();
        assert_eq!(said, *code, "{what}: {text}");
        assert!(!text.is_empty(), "{what}");
        sent += 1;
        good.records(sent, [format!("after {what}")]);
    }
    assert_eq!(good.flush(Level::Ended).delivered, sent);
    drop(good);
    let account = sidecar.stop();
    // One of the bad ones had sent a whole record before its frame went wrong.
    assert!((sent..=sent + 1).contains(&account.received()), "{account:?}");
    account.all_delivered(account.received());
}

#[test]
fn a_version_range_that_holds_ours_is_welcome() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    versions(&mut client, 1, 9);
    let Told::Welcome(welcome) = client.told() else { panic!("no welcome") };
    assert_eq!(welcome.version, 1);
}

#[test]
fn half_a_frame_and_silence_is_ended_after_ten_seconds() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut half = sidecar.wire();
    half.hello(1, 1);
    half.records(1, ["whole"]);
    half.raw(&[9, 0, 0]);
    assert_eq!(half.error().0, FRAME_TIMEOUT);
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}
