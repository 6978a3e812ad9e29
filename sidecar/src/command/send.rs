//! `send`: ships stdin through a running sidecar, and succeeds only if all of it was delivered.
//!
//! One thread reads and logs; it waits where the client's queue has no room, so nothing is dropped on the way. The main
//! thread watches that there is a sidecar at all, then waits for the outcome.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use splashdam::{Client, FlushReport, Level, Overflow};

use super::human::{count, duration};
use super::out;
use crate::cli::{Exit, SendArgs};
use crate::config::Surroundings;

mod lines;

use lines::Lines;

/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(50);
/// For the farewell, once everything has an outcome.
const FAREWELL: Duration = Duration::from_secs(1);

/// Ships stdin.
#[must_use]
pub fn send(args: &SendArgs, around: &Surroundings) -> Exit {
    let socket = args.socket(around);
    if around.variable("SPLASHDAM_DISABLED") == Some("1") {
        out::tell("SPLASHDAM_DISABLED=1: nothing is sent");
        return discard();
    }
    let client = connect(args, &socket);
    let read = match watch(&client, begin(&client), args.flush_timeout) {
        Some(read) => read,
        None => return absent(&socket, args.flush_timeout),
    };
    let report = client.flush(Level::Ended, args.flush_timeout);
    let stats = client.stats();
    if report.timed_out && stats.admitted_to == 0 && !stats.connected {
        return absent(&socket, args.flush_timeout);
    }
    out::tell(&summary(stats.logged, &report, args.flush_timeout));
    if report.reached {
        client.close(FAREWELL);
    }
    match read {
        Ok(()) => exit(&report),
        Err(error) => {
            out::tell(&format!("cannot read stdin to its end: {error}"));
            Exit::Failure
        }
    }
}

fn connect(args: &SendArgs, socket: &Path) -> Client {
    let mut builder =
        Client::builder(socket).app("splashdam-send").overflow(Overflow::Block { max_wait: Duration::MAX });
    if let Some(group) = &args.group {
        builder = builder.group(group.as_str());
    }
    if let Some(stream) = &args.stream {
        builder = builder.stream(stream.as_str());
    }
    builder.build()
}

/// Reads and logs in a thread of its own, which tells how it ended.
fn begin(client: &Client) -> Receiver<io::Result<()>> {
    let (sender, receiver) = channel();
    let client = client.clone();
    std::thread::spawn(move || {
        let read = read_all(io::stdin().lock(), &mut |record| {
            client.log(record);
        });
        // Nobody listens any more where the sidecar was given up.
        let _ = sender.send(read);
    });
    receiver
}

fn read_all(mut from: impl Read, log: &mut impl FnMut(&str)) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut part = vec![0; 64 * 1024];
    loop {
        match from.read(&mut part) {
            Ok(0) => {
                lines.finish(log);
                return Ok(());
            }
            Ok(read) => lines.push(&part[..read], log),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                lines.finish(log);
                return Err(error);
            }
        }
    }
}

/// Waits until stdin has ended; `None` where records waited for a sidecar for `patience` in vain.
fn watch(client: &Client, read: Receiver<io::Result<()>>, patience: Duration) -> Option<io::Result<()>> {
    let mut well = Instant::now();
    loop {
        match read.recv_timeout(LOOK) {
            Ok(read) => return Some(read),
            Err(RecvTimeoutError::Disconnected) => return Some(Err(io::Error::other("the reader has ended"))),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let stats = client.stats();
        if stats.connected || stats.queued + stats.unended == 0 {
            well = Instant::now();
        }
        if well.elapsed() >= patience {
            return None;
        }
    }
}

fn absent(socket: &Path, waited: Duration) -> Exit {
    let waited = duration(waited.as_secs_f64());
    let socket = socket.display();
    out::tell(&format!(
        "no sidecar at {socket} within {waited}: start `splashdam run`, say where it is with --socket PATH, or have its --allow-uids name this user"
    ));
    Exit::Failure
}

fn summary(logged: u64, report: &FlushReport, timeout: Duration) -> String {
    let mut parts = vec![format!("{} delivered", count(report.delivered))];
    let others = [
        (report.rejected, "rejected by CloudWatch"),
        (report.dropped, "dropped by the sidecar"),
        (report.lost_in_client, "lost on the way to it"),
        (report.spooled, "on its disk"),
        (report.pending, "without outcome"),
    ];
    parts.extend(
        others.iter().filter(|(records, _)| *records > 0).map(|(records, how)| format!("{} {how}", count(*records))),
    );
    let waited = if report.timed_out { format!(" after {}", duration(timeout.as_secs_f64())) } else { String::new() };
    let noun = if logged == 1 { "record" } else { "records" };
    format!("{} {noun}: {}{waited}", count(logged), parts.join(", "))
}

/// What is lost for certain counts more than what is only late.
fn exit(report: &FlushReport) -> Exit {
    match () {
        () if report.all_delivered() => Exit::Success,
        () if report.rejected + report.dropped + report.lost_in_client > 0 => Exit::Loss,
        () => Exit::TimedOut,
    }
}

fn discard() -> Exit {
    match io::copy(&mut io::stdin().lock(), &mut io::sink()) {
        Ok(_) => Exit::Success,
        Err(_) => Exit::Failure,
    }
}
