//! How long the intake has patience with whom, on virtual time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use splashdam::wire;

use super::agenda::{Event, Sleeper};
use super::outside::Outside;
use super::plan::Plan;
use super::process::Process;
use crate::spool::simulated::SimulatedDisk;

/// A sidecar without a spool, and one client that says this much. When it is sent away, if it is within an hour.
fn sent_away_after(words: &[u8]) -> Option<Duration> {
    let plan = Plan { spool: None, ..Plan::new(1) };
    let mut out = Outside::new(&plan);
    let disk = Arc::new(SimulatedDisk::new(1, false));
    let mut process = Process::start(&plan, 1, Path::new("/nonexistent"), &disk, &mut out).unwrap();
    let socket = out.connect(Sleeper::App(0));
    out.kernel.socket(socket).write(words);
    out.agenda.wake(Sleeper::Intake, out.at);
    while let Some((at, event)) = out.agenda.next().filter(|(at, _)| *at < Duration::from_secs(3_600)) {
        out.at = at;
        process.look_at_clock(&out);
        if let Event::Wake(who) = event {
            process.wake(who, &mut out);
        }
        if !out.kernel.socket(socket).sidecar_open {
            return Some(out.at);
        }
    }
    None
}

#[test]
fn who_says_that_it_speaks_in_frames_and_no_more_is_sent_away() {
    let mut half_a_hello = wire::MAGIC.to_vec();
    half_a_hello.extend([40, 0, 0, 0, 1]);
    for words in [&wire::MAGIC[..], &half_a_hello] {
        let after = sent_away_after(words);
        assert!(after.is_some_and(|after| (10..12).contains(&after.as_secs())), "{words:?}: {after:?}");
    }
}

#[test]
fn who_prints_and_is_silent_for_long_may_stay() {
    for words in ["", "a line\n", "half a line"] {
        assert_eq!(sent_away_after(words.as_bytes()), None, "{words:?}");
    }
}
