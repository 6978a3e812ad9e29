//! The text feeder: lines over a few connections, a thread each.

use std::io::{IoSlice, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::line::{Form, Shape};
use super::page::{Lines, Page};
use super::{shares, Report};
use crate::error::{io, wrong, Result};
use crate::host::clock::unix_micros;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Writes {
    /// 64 KiB at a time.
    Block,
    /// One record at a time.
    Single,
}

/// Writes numbered lines into a text socket.
#[derive(Debug, Clone, Args)]
pub(crate) struct TextArgs {
    /// The sidecar's socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Connections, a thread each
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// Records over all connections
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    records: u64,
    /// Bytes of a record, without its newline
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    size: usize,
    /// Number of the first record
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// How to write
    #[arg(long, value_enum, default_value_t = Writes::Block)]
    write: Writes,
    /// Bytes of a write
    #[arg(long, value_name = "BYTES", default_value_t = 65_536)]
    block: usize,
    /// What a record looks like
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    shape: Shape,
    /// Records a second over all connections, one write each, each with the time it was due; else as fast as taken
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
}

/// When records are due, and whether there are to be more.
#[derive(Clone, Copy)]
struct Pace<'a> {
    period: Duration,
    stop: &'a AtomicBool,
}

/// What one connection writes.
#[derive(Debug, Clone, Copy)]
struct Share {
    first: u64,
    records: u64,
    /// Between the due times of two records.
    period: Option<Duration>,
    /// When the first record is due.
    phase: Duration,
    /// Of each of the pages that a block is taken from.
    lines: Lines,
}

/// A paced feeder that is asked to end (SIGTERM) does so behind the record it is at, and says how many it wrote.
pub(crate) fn run(args: &TextArgs) -> Result<Report> {
    let stop = Arc::new(AtomicBool::new(false));
    if args.rate.is_some() {
        let registered = signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop));
        registered.map_err(io("wait for", "SIGTERM"))?;
    }
    write(args, &stop)
}

fn write(args: &TextArgs, stop: &AtomicBool) -> Result<Report> {
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(wrong("--rate", "must be above zero"));
    }
    let period = args.rate.map(|rate| Duration::from_secs_f64(args.connections as f64 / rate));
    let lines = Lines::fitting(form(args), args.connections);
    let parts = thread::scope(|scope| {
        let shares = shares(args.records, args.connections).zip(0..);
        let threads: Vec<_> = shares
            .map(|((begin, records), index)| {
                let phase = period.unwrap_or_default().mul_f64(f64::from(index) / args.connections as f64);
                let share = Share { first: args.offset + begin, records, period, phase, lines };
                scope.spawn(move || feed(args, share, stop))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Report>>| {
            thread.join().map_err(|_| wrong("a feeder's thread", "died"))?
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    Ok(Report::merge(parts))
}

fn form(args: &TextArgs) -> Form {
    Form { shape: args.shape, size: args.size, stamped: args.rate.is_some() }
}

fn feed(args: &TextArgs, share: Share, stop: &AtomicBool) -> Result<Report> {
    let form = form(args);
    let socket = UnixStream::connect(&args.socket).map_err(io("connect to", args.socket.display()))?;
    match (share.period, args.write) {
        (Some(period), _) => paced(&args.socket, socket, form, share, Pace { period, stop }),
        (None, Writes::Single) => flood(&args.socket, socket, form, share, 1),
        (None, Writes::Block) => flood(&args.socket, socket, form, share, args.block),
    }
}

/// As fast as taken, at least `block` bytes a write but for the last; the lines are not copied on the way.
fn flood(path: &Path, mut socket: UnixStream, form: Form, share: Share, block: usize) -> Result<Report> {
    // Two pages: a write may begin in one and end in the other.
    let mut pages = [Page::new(form, share.lines), Page::new(form, share.lines)];
    let (stride, lines) = (pages[0].stride, share.lines.count());
    let end = share.first + share.records;
    let mut turned = None;
    // Bytes of the stream written so far, and where the numbers of this connection begin in the pages.
    let (mut at, total) = (share.first as usize * stride, end as usize * stride);
    let begin_micros = unix_micros();
    while at < total {
        // A single record is a whole line, a block as many bytes as fit, wherever that cuts a line.
        let page_bytes = lines as usize * stride;
        let (k, from) = (at / page_bytes, at % page_bytes);
        let want = if block == 1 { stride - at % stride } else { block }.min(total - at).min(2 * page_bytes - from);
        for needed in k..=(at + want - 1) / page_bytes {
            if turned < Some(needed) {
                pages[needed % 2].turn(needed as u64);
                turned = Some(needed);
            }
        }
        let first = &pages[k % 2].lines(0, lines)[from..];
        let written = if want <= first.len() {
            socket.write(&first[..want])
        } else {
            let second = &pages[(k + 1) % 2].lines(0, lines)[..want - first.len()];
            socket.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        };
        match written {
            Ok(0) => return Err(wrong(path.display(), "takes no more bytes")),
            Ok(bytes) => at += bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io("write to", path.display())(error)),
        }
    }
    Ok(Report { records: share.records, begin_micros, end_micros: unix_micros(), ..Report::default() })
}

/// Open loop: a record is due at its time whether or not the one before was taken, and says when it was due.
fn paced(path: &Path, mut socket: UnixStream, form: Form, share: Share, pace: Pace<'_>) -> Result<Report> {
    let (mut line, column) = form.template();
    line.push(b'\n');
    let (begin, begin_micros) = (Instant::now() + share.phase, unix_micros());
    let base = begin_micros + share.phase.as_micros() as u64;
    let (mut late_max, mut records) = (Duration::ZERO, 0);
    for index in 0..share.records {
        if pace.stop.load(Ordering::Relaxed) {
            break;
        }
        let due = pace.period.mul_f64(index as f64);
        let now = begin.elapsed();
        match due.checked_sub(now) {
            Some(early) if Instant::now() < begin + due => thread::sleep(early),
            _ => late_max = late_max.max(now.saturating_sub(due)),
        }
        form.stamp(&mut line, column, share.first + index, base + due.as_micros() as u64);
        socket.write_all(&line).map_err(io("write to", path.display()))?;
        records += 1;
    }
    let late_max_micros = late_max.as_micros() as u64;
    Ok(Report { records, begin_micros, end_micros: unix_micros(), late_max_micros, ..Report::default() })
}

#[cfg(test)]
mod tests;
