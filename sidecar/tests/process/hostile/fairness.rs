//! Who pushes without end does not keep others from being heard.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use splashdam::wire::RecordsFrame;

use crate::support::{now_ms, until, Over, Remote, Sidecar, STREAM};

/// So long that the machine's speed hardly counts.
const LINGER: Duration = Duration::from_secs(3);

/// Lines without end, as fast as they are taken.
fn push_lines(sidecar: &Sidecar, until: &AtomicBool) {
    let mut stream = sidecar.text();
    let lines = "greedy, and never quiet, whatever there is to say about it, line by line by line\n".repeat(800);
    while !until.load(Ordering::Relaxed) {
        stream.write_all(lines.as_bytes()).unwrap();
    }
}

/// Frames without end, whose acks nobody reads.
fn push_frames(sidecar: &Sidecar, until: &AtomicBool) {
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    let mut first = 1;
    while !until.load(Ordering::Relaxed) {
        let mut frame = RecordsFrame::with_capacity(64 * 1024);
        (0..600)
            .for_each(|_| frame.push(now_ms(), b"greedy, and never quiet, whatever there is to say, record by record"));
        wire.raw(&frame.finish(first));
        first += 600;
    }
}

/// What each quiet client says, and how long it took until it was delivered.
#[track_caller]
fn say(remote: &Remote, stream: &str, text: &str, write: impl FnOnce(&str)) -> Duration {
    let began = Instant::now();
    write(text);
    until("the quiet one is heard", || remote.texts_of(stream).iter().rev().any(|said| said == text));
    began.elapsed()
}

#[test]
fn one_that_pushes_without_end_keeps_no_quiet_one_waiting() {
    let remote = Remote::strict();
    let linger = format!("{}s", LINGER.as_secs());
    // The present linger is what counts; nothing is sent earlier for being quiet.
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB", "--linger", &linger, "--linger-quiet", &linger]);
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over::new(&enough);
        scope.spawn(|| push_lines(&sidecar, &enough));
        scope.spawn(|| push_frames(&sidecar, &enough));
        until("both push", || sidecar.metric("splashdam_records_delivered_total", "") > 20_000);
        let mut text = sidecar.text();
        let (mut same, mut other) = (sidecar.wire(), sidecar.wire());
        same.hello(2, 1);
        other.hello_to(3, 1, "", "quiet");
        for round in 1..=2 {
            let took = [
                (
                    "text, same lane",
                    say(&remote, STREAM, &format!("text {round}"), |said| {
                        text.write_all(format!("{said}\n").as_bytes()).unwrap();
                    }),
                ),
                (
                    "framed, same lane",
                    say(&remote, STREAM, &format!("framed {round}"), |said| same.records(round, [said])),
                ),
                (
                    "framed, a lane of its own",
                    say(&remote, "quiet", &format!("other {round}"), |said| other.records(round, [said])),
                ),
            ];
            for (who, took) in took {
                assert!(took < 3 * LINGER, "{who}: {took:?}");
            }
        }
    });
    let account = sidecar.stop();
    account.all_delivered(account.received());
}
