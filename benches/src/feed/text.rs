//! The text feeder: lines over a few connections, a thread each; as fast as taken, or [`paced`].

use std::io::{IoSlice, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::line::{Form, Shape};
use super::page::{Lines, Page};
use super::{shares, Report};
use crate::error::{io, wrong, Result};
use crate::host::clock::unix_micros;
use crate::interrupt;

mod paced;

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
    /// With --rate: wait so long after a write, then write all that has become due in one
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 0, requires = "rate")]
    gather: u64,
    /// With --rate: give up so long after the first record was due, whatever is still to be written
    #[arg(long, value_name = "SECONDS", requires = "rate")]
    give_up: Option<f64>,
}

/// What one connection writes.
#[derive(Debug, Clone, Copy)]
struct Share {
    first: u64,
    records: u64,
    pace: Option<Pace>,
    /// Of each of the pages that a block is taken from.
    lines: Lines,
}

/// Open loop: when a connection's records are due, and how they are written.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between the due times of two records, in seconds.
    period: f64,
    /// When the first is due, in seconds.
    phase: f64,
    gather: Duration,
    give_up: Option<Duration>,
    /// Whether somebody has asked for the end.
    stop: fn() -> bool,
}

/// A paced feeder that is asked to end (SIGTERM) does so behind the record it is at, and says how many it wrote.
pub(crate) fn run(args: &TextArgs) -> Result<Report> {
    if args.rate.is_some() {
        interrupt::install()?;
    }
    write(args, interrupt::asked)
}

fn write(args: &TextArgs, stop: fn() -> bool) -> Result<Report> {
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(wrong("--rate", "must be above zero"));
    }
    let give_up = args.give_up.map(Duration::try_from_secs_f64).transpose();
    let give_up = give_up.map_err(|error| wrong("--give-up", error))?;
    let pace = |index: u32| {
        let (connections, rate) = (args.connections as f64, args.rate?);
        let gather = Duration::from_micros(args.gather);
        Some(Pace { period: connections / rate, phase: f64::from(index) / rate, gather, give_up, stop })
    };
    let lines = Lines::fitting(form(args), args.connections);
    let parts = thread::scope(|scope| {
        let shares = shares(args.records, args.connections).zip(0..);
        let threads: Vec<_> = shares
            .map(|((begin, records), index)| {
                let share = Share { first: args.offset + begin, records, pace: pace(index), lines };
                scope.spawn(move || feed(args, share))
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

fn feed(args: &TextArgs, share: Share) -> Result<Report> {
    let form = form(args);
    let socket = UnixStream::connect(&args.socket).map_err(io("connect to", args.socket.display()))?;
    match (share.pace, args.write) {
        (Some(pace), _) => paced::feed(&args.socket, socket, form, share, pace),
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
    let bytes = share.records * stride as u64;
    Ok(Report { records: share.records, bytes, begin_micros, end_micros: unix_micros(), ..Report::default() })
}

#[cfg(test)]
mod tests;
