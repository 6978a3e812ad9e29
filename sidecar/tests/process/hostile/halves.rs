//! Clients that keep all the room there is for frames that are not whole, again and again.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use splashdam::wire::{Level, RecordsFrame, MAGIC};

use crate::support::{hello, now_ms, until, Remote, Sidecar, PATIENCE};

/// Begins a frame of 250,000 bytes, and stays silent until it is sent away.
fn half(sidecar: &Sidecar, client: u8) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(sidecar.socket())?;
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
        enough.store(true, Ordering::Relaxed);
    });
    sidecar.stop().all_delivered(2 * ROUNDS);
}
