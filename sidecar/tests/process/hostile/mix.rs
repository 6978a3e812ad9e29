//! All of them at once, beside two that behave.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use splashdam::wire::{ClientFrame, Level, RecordsFrame, MAGIC};

use super::crowd::{files, OTHERS};
use crate::bounds::{MIB, REMAINDER};
use crate::support::{hello, now_ms, numbered, until, Over, Remote, Sidecar, PATIENCE};

/// Records of each of the two.
const GOOD: u64 = 10_000;

/// What a bad client does in one turn; it is called again and again.
type Act = fn(&Sidecar) -> std::io::Result<()>;

/// Bytes that look like nothing, the same each time.
fn garbage(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| byte()).collect()
}

fn connect(sidecar: &Sidecar) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect(sidecar.socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Connects, says hello and writes `bytes`; then waits until it is sent away.
fn frames(sidecar: &Sidecar, client: u8, bytes: &[u8]) -> std::io::Result<()> {
    let mut stream = connect(sidecar)?;
    let mut said = MAGIC.to_vec();
    hello(client, 1, "", "").encode_into(&mut said);
    said.extend_from_slice(bytes);
    stream.write_all(&said)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn half_a_frame() -> Vec<u8> {
    let mut frame = RecordsFrame::with_capacity(64 * 1024);
    frame.push(now_ms(), &[b'x'; 60_000]);
    let mut frame = frame.finish(1);
    frame.truncate(30_000);
    frame
}

const BAD: &[(&str, Act)] = &[
    ("garbage as text", |sidecar| connect(sidecar)?.write_all(&garbage(1, 100_000))),
    ("garbage as frames", |sidecar| frames(sidecar, 101, &garbage(2, 1_000))),
    ("garbage for a hello", |sidecar| {
        let mut stream = connect(sidecar)?;
        stream.write_all(&[&MAGIC[..], &garbage(3, 1_000)].concat())?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }),
    ("a frame of 4 GiB", |sidecar| frames(sidecar, 102, &[0xff; 5])),
    ("half a frame, and gone", |sidecar| {
        let mut stream = connect(sidecar)?;
        stream.write_all(&MAGIC)?;
        stream.write_all(&half_a_frame())
    }),
    ("connections without a word", |sidecar| connect(sidecar).map(drop)),
    ("a long line of NULs", |sidecar| connect(sidecar)?.write_all(&[0; 300_000])),
    ("nothing but newlines", |sidecar| connect(sidecar)?.write_all(&[b'\n'; 100_000])),
    ("a line byte by byte", |sidecar| {
        let mut stream = connect(sidecar)?;
        (0..2_000).try_for_each(|_| stream.write_all(b"x"))
    }),
    ("flushes whose answers nobody reads", |sidecar| {
        let mut wire = sidecar.wire();
        wire.hello(103, 1);
        let mut asked = Vec::new();
        (0..200).for_each(|ticket| {
            ClientFrame::Flush { ticket, level: Level::Ended, timeout_ms: 10 }.encode_into(&mut asked);
        });
        wire.stream().write_all(&asked)
    }),
    ("a destination it may not use", |sidecar| {
        let mut wire = sidecar.wire();
        assert!(wire.hello_to(104, 1, "somebody/elses", "../x").destination_refused());
        Ok(())
    }),
    ("one channel from many connections", |sidecar| {
        let wires: Vec<_> = (0..4).map(|_| sidecar.wire()).collect();
        for wire in &wires {
            let mut said = MAGIC.to_vec();
            hello(105, 1, "", "").encode_into(&mut said);
            wire.stream().write_all(&said)?;
        }
        Ok(())
    }),
];

/// Bad clients that stay, and do nothing more.
fn those_who_stay(sidecar: &Sidecar) -> Vec<UnixStream> {
    let mut half = hello_bytes(106);
    half.extend_from_slice(&half_a_frame());
    let words: [&[u8]; 4] = [b"half a line", &MAGIC, &[MAGIC[0]], &half];
    let stay = |words: &&[u8]| {
        let mut stream = connect(sidecar).unwrap();
        stream.write_all(words).unwrap();
        stream
    };
    words.iter().map(stay).collect()
}

fn hello_bytes(client: u8) -> Vec<u8> {
    let mut said = MAGIC.to_vec();
    hello(client, 1, "", "").encode_into(&mut said);
    said
}

#[test]
fn bad_clients_of_every_kind_at_once_cost_good_ones_no_record() {
    let remote = Remote::counting();
    let sidecar = Sidecar::start(&remote, &["--memory", "16MiB"]);
    sidecar.feed("n=0000020000 the first\n");
    until("it is delivered", || remote.report().marks.unique == 1);
    let open = files(&sidecar);
    let stay = those_who_stay(&sidecar);
    let enough = AtomicBool::new(false);
    let (sidecar_, enough_) = (&sidecar, &enough);
    std::thread::scope(|scope| {
        let over = Over::new(enough_);
        for (what, act) in BAD {
            scope.spawn(move || {
                while !enough_.load(Ordering::Relaxed) {
                    // Whoever is sent away while it writes has what it deserves.
                    if let Err(error) = act(sidecar_) {
                        let gone = [std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::ConnectionReset];
                        assert!(gone.contains(&error.kind()), "{what}: {error}");
                    }
                }
            });
        }
        let text = scope.spawn(|| {
            for part in 0..GOOD / 100 {
                sidecar.feed_lines(numbered(part * 100..(part + 1) * 100, 100));
            }
        });
        let mut wire = sidecar.wire();
        wire.hello(1, 1);
        for part in 0..GOOD / 100 {
            wire.records(part * 100 + 1, numbered(GOOD + part * 100..GOOD + (part + 1) * 100, 100));
        }
        let done = wire.flush(Level::Ended);
        text.join().unwrap();
        drop(over);
        assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (GOOD, 0, 0, 0));
    });
    until("all has arrived", || remote.report().marks.unique == 2 * GOOD + 1);
    drop(stay);
    until("they are gone", || files(&sidecar) <= open + OTHERS);
    assert_eq!(sidecar.ask("admin", "GET", "/healthz").0, 200);
    let peak = sidecar.peak_rss();
    assert!(peak < 16 * MIB + REMAINDER, "{} MiB", peak / MIB);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    assert_eq!(remote.report().marks.doubled, 0);
}
