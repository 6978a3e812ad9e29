//! Clients that keep all the room there is for frames that are not whole, again and again.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use splashdam::wire::{ClientFrame, Level, RecordsFrame, MAGIC};

use crate::support::{hello, now_ms, until, Over, Remote, Sidecar, PATIENCE};

/// Begins a frame of 250,000 bytes, and stays silent until it is sent away.
fn half(sidecar: &Sidecar, client: u8) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(sidecar.socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut said = MAGIC.to_vec();
    hello(client, 1, "", "").encode_into(&mut said);
    let mut frame = RecordsFrame::with_capacity(0);
    frame.push(now_ms(), &[b'x'; 250_000]);
    said.extend_from_slice(&frame.finish(1)[..150_000]);
    stream.write_all(&said)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

#[test]
fn who_sends_whole_frames_need_not_wait_for_those_who_keep_halves() {
    const ROUNDS: u64 = 100;
    let remote = Remote::strict();
    // An eighth of it is for halves: seven of them.
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB"]);
    let enough = AtomicBool::new(false);
    let (sidecar_, enough_) = (&sidecar, &enough);
    std::thread::scope(|scope| {
        let _over = Over::new(enough_);
        for client in 100..116 {
            scope.spawn(move || {
                while !enough_.load(Ordering::Relaxed) {
                    // It is sent away, be it while it writes.
                    let _ = half(sidecar_, client);
                }
            });
        }
        let kept = || sidecar.metric("splashdam_memory_bytes", "kind=\"partial\"");
        until("they keep what there is", || kept() > 600_000);
        let (mut wire, mut text) = (sidecar.wire(), sidecar.text());
        // A long hello, and long frames now and then: they have to be seen in the kernel as a whole.
        wire.hello_to(1, 1, "", &"s".repeat(500));
        let began = Instant::now();
        for round in 1..=ROUNDS {
            wire.records(round, ["whole".repeat(if round % 10 == 0 { 10_000 } else { 1 })]);
            wire.flush(Level::Admitted);
            text.write_all(b"a whole line\n").unwrap();
        }
        assert_eq!(wire.flush(Level::Ended).delivered, ROUNDS);
        until("the lines are there", || remote.report().events.accepted >= 2 * ROUNDS);
        // Were it to take its turn with them, each round would take a second or more.
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    });
    sidecar.stop().all_delivered(2 * ROUNDS);
}

/// Asks and asks, and never reads an answer. What it has asked beyond what is answered stays with the sidecar.
fn clog(sidecar: &Sidecar, client: u8) -> UnixStream {
    let mut stream = UnixStream::connect(sidecar.socket()).unwrap();
    let mut said = MAGIC.to_vec();
    hello(client, 1, "", "").encode_into(&mut said);
    while said.len() < 200_000 {
        ClientFrame::Flush { ticket: 1, level: Level::Admitted, timeout_ms: 0 }.encode_into(&mut said);
    }
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&said).unwrap();
    stream
}

#[test]
fn who_does_not_read_its_answers_keeps_no_room_from_others() {
    const LINE: usize = 230_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB"]);
    // More than there is room for, and one of them may keep what nobody can pay for.
    let clogged: Vec<_> = (100..116).map(|client| clog(&sidecar, client)).collect();
    let kept = || sidecar.metric("splashdam_memory_bytes", "kind=\"partial\"");
    until("they keep what there is", || kept() > 600_000);
    // It fits into no kernel's buffer: somebody has to keep the beginning.
    let mut text = sidecar.text();
    text.set_write_timeout(Some(PATIENCE)).unwrap();
    text.write_all(&[b'x'; LINE]).unwrap();
    text.write_all(b"\n").unwrap();
    remote.until_accepted(1);
    assert_eq!(remote.texts()[0].len(), LINE);
    drop((clogged, text));
    sidecar.stop().all_delivered(1);
}
