//! SIGTERM in every state of the remote end, with and without a spool, whatever clients do: the deadline, the exit code and the
//! final line.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use splashdam::wire::RecordsFrame;

use super::LATE;
use crate::support::{now_ms, numbered, until, Over, Remote, Setup, Sidecar};

const DEADLINE: Duration = Duration::from_secs(1);
const BACKLOG: u64 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Far {
    Healthy,
    Outage,
    Hung,
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    Gone,
    WritesLines,
    WritesFrames,
}

/// Writes until it is told that nobody listens any more, or by `enough`.
fn write_on(sidecar: &Sidecar, near: Near, enough: &AtomicBool) {
    match near {
        Near::Gone => {}
        Near::WritesLines => {
            let mut stream = sidecar.text();
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            while !enough.load(Ordering::Relaxed) {
                // It waits for room, or its reader is gone.
                let _ = stream.write_all(b"one line more\n");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Near::WritesFrames => {
            let mut wire = sidecar.wire();
            wire.hello(1, 1);
            wire.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            for first in 1.. {
                let mut frame = RecordsFrame::with_capacity(64);
                frame.push(now_ms(), b"one record more");
                // A frame that was cut by the time-out would break the protocol: then it writes no more.
                if enough.load(Ordering::Relaxed) || wire.stream().write_all(&frame.finish(first)).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn ends_well(far: Far, near: Near, spool: bool) {
    let what = format!("{far:?}, {near:?}, spool: {spool}");
    let remote = Remote::strict();
    match far {
        Far::Outage => remote.fault("unavailable,operation=PutLogEvents"),
        Far::Hung => remote.fault("hang,operation=PutLogEvents"),
        Far::Healthy | Far::Nobody => {}
    }
    let setup = if far == Far::Nobody { Setup::at("http://127.0.0.1:1") } else { Setup::new(&remote) };
    // Where all can be delivered there is time for it, be the machine slow.
    let deadline = if far == Far::Healthy { 4 * DEADLINE } else { DEADLINE };
    let setup = setup.flags(&["--shutdown-deadline", &format!("{}s", deadline.as_secs()), "--fail-on-loss"]);
    let setup = if spool { setup.spooled() } else { setup };
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..BACKLOG, 60));
    let came = || sidecar.metric("splashdam_records_received_total", "");
    until("all is taken in", || came() >= BACKLOG);
    let enough = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let _over = Over::new(&enough);
        scope.spawn(|| write_on(&sidecar, near, &enough));
        until("the client writes", || near == Near::Gone || came() > BACKLOG);
        let asked = Instant::now();
        sidecar.signal(Signal::TERM);
        until("it listens no more", || !sidecar.socket().exists() || sidecar.stderr().contains("final account"));
        asked
    });
    let ended = sidecar.wait();
    let took = asked.elapsed();
    assert!(took < deadline + LATE, "{what}: {took:?}");
    let lines = ended.stderr.trim_end();
    assert!(lines.lines().last().is_some_and(|line| line.contains("final account")), "{what}: {lines}");
    let account = ended.account();
    assert!(account.received() >= BACKLOG && account.get("in_memory") == 0, "{what}: {account:?}");
    let kept = account.received();
    let lost = account.dropped() + account.rejected();
    match (far, spool) {
        (Far::Healthy, _) => assert_eq!((account.delivered(), lost, account.spooled()), (kept, 0, 0), "{what}"),
        (_, true) => assert_eq!((account.delivered(), lost, account.spooled()), (0, 0, kept), "{what}"),
        (_, false) => assert_eq!((account.delivered(), lost, account.spooled()), (0, kept, 0), "{what}"),
    }
    // A call that was under way at the deadline may have had its effect.
    let possible = account.possible_duplicates();
    assert!(possible > 0 || far != Far::Hung, "{what}: nothing was under way");
    assert!(possible == 0 || far != Far::Healthy, "{what}: {possible} may have arrived");
    assert_eq!(ended.code, Some(if lost > 0 { 3 } else { 0 }), "{what}: {}", ended.stderr);
    assert_eq!(remote.report().marks.unique, if far == Far::Healthy { BACKLOG } else { 0 }, "{what}");
}

/// All that clients may do, side by side.
fn all_end_well(far: Far) {
    for spool in [false, true] {
        std::thread::scope(|scope| {
            for near in [Near::Gone, Near::WritesLines, Near::WritesFrames] {
                scope.spawn(move || ends_well(far, near, spool));
            }
        });
    }
}

#[test]
fn with_a_healthy_remote_all_is_delivered_by_the_deadline() {
    all_end_well(Far::Healthy);
}

#[test]
fn in_an_outage_all_is_spooled_or_counted_by_the_deadline() {
    all_end_well(Far::Outage);
}

#[test]
fn with_a_hung_remote_all_is_spooled_or_counted_by_the_deadline() {
    all_end_well(Far::Hung);
}

#[test]
fn with_nobody_there_all_is_spooled_or_counted_by_the_deadline() {
    all_end_well(Far::Nobody);
}

/// The end comes while the spool that an earlier process left is still being read: nothing of it is lost, or sent twice.
#[test]
fn an_end_during_the_recovery_of_a_large_spool_loses_nothing() {
    const RECORDS: u64 = 30_000;
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let setup = Setup::new(&remote).spooled().flags(&["--shutdown-deadline", "1s"]);
    let first = setup.start();
    first.feed_lines(numbered(0..RECORDS, 300));
    until("all is on disk", || first.metric("splashdam_spooled_records", "") == RECORDS);
    first.kill();
    for _ in 0..3 {
        let sidecar = setup.spawn();
        until("it watches signals", || sidecar.stderr().contains("serving"));
        sidecar.signal(Signal::TERM);
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.took < DEADLINE + LATE, "{:?}", ended.took);
        let account = ended.account();
        assert_eq!((account.delivered(), account.dropped(), account.rejected()), (0, 0, 0), "{account:?}");
    }
    remote.clear_faults();
    let last = setup.start();
    until("all is delivered", || remote.report().marks.unique == RECORDS);
    last.stop().adds_up();
    assert_eq!(remote.report().marks.doubled, 0);
}

/// A signal may come before anybody listens: then there is nothing to lose, and the end is at once.
#[test]
fn a_signal_during_the_start_ends_it_at_once() {
    let remote = Remote::strict();
    for wait_ms in [0, 2, 5, 10, 20, 40, 80] {
        let sidecar = Setup::new(&remote).spooled().spawn();
        std::thread::sleep(Duration::from_millis(wait_ms));
        sidecar.signal(Signal::TERM);
        let ended = sidecar.wait();
        // By the signal itself as long as nothing is watched, in order afterwards.
        assert!(matches!(ended.code, None | Some(0)), "after {wait_ms} ms: {ended:?}");
        assert!(ended.took < Duration::from_secs(20), "{ended:?}");
    }
}
