//! The framed feeder: frames of up to 64 KiB over a few connections, and the end of every record (or its being durable) awaited.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::frames::{self, Heard, Hello, Level};
use super::line::{Form, Shape};
use super::{shares, Ended, Report};
use crate::error::{io, wrong, Result};
use crate::host::clock::{unix_micros, unix_millis};

const FRAME_BYTES: usize = 65_536;

/// Writes numbered records over framed connections and waits until all have ended, or are durable.
#[derive(Debug, Clone, Args)]
pub(crate) struct FramedArgs {
    /// The sidecar's socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Connections, a thread each
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// Records over all connections
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    records: u64,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    size: usize,
    /// Number of the first record
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Streams to name, the connections taking turns; the sidecar's own unless given
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// Seconds to add to the timestamps of the first, the second … connection
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    shift: Vec<i64>,
    /// Records a second on each connection, a frame each, with the time each was due; else as fast as taken
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// What to wait for
    #[arg(long = "await", value_name = "LEVEL", value_enum, default_value_t = Level::Ended)]
    awaited: Level,
    /// Longest wait for it, from the last record
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    flush_timeout: u64,
}

struct Connection<'a> {
    args: &'a FramedArgs,
    stream: &'a str,
    shift_ms: i64,
    first: u64,
    records: u64,
}

pub(crate) fn run(args: &FramedArgs) -> Result<Report> {
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err(wrong("--rate", "must be above zero"));
    }
    let parts = thread::scope(|scope| {
        let shares = shares(args.records, args.connections).enumerate();
        let threads: Vec<_> = shares
            .map(|(index, (begin, records))| {
                let connection = Connection {
                    args,
                    stream: args.stream.get(index % args.stream.len().max(1)).map_or("", String::as_str),
                    shift_ms: args.shift.get(index).copied().unwrap_or(0) * 1_000,
                    first: args.offset + begin,
                    records,
                };
                scope.spawn(move || connection.feed())
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Report>>| {
            thread.join().map_err(|_| wrong("a feeder's thread", "died"))?
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    Ok(Report::merge(parts))
}

impl Connection<'_> {
    fn feed(&self) -> Result<Report> {
        let name = self.args.socket.display();
        let mut socket = UnixStream::connect(&self.args.socket).map_err(io("connect to", &name))?;
        let mut out = Vec::with_capacity(FRAME_BYTES + 1_024);
        let client = u128::from(unix_micros()) << 64 | u128::from(std::process::id()) << 32 | u128::from(self.first);
        frames::hello(&mut out, Hello { client, group: "", stream: self.stream });
        socket.write_all(&out).map_err(io("write to", &name))?;
        welcomed(&mut socket)?;

        // Acks are read by a thread of their own: a sidecar must never wait for us to read.
        let mut answers = socket.try_clone().map_err(io("share", &name))?;
        let patience = Duration::from_secs(self.args.flush_timeout + 10);
        answers.set_read_timeout(Some(patience)).map_err(io("set a time-out for", &name))?;
        let listener = thread::spawn(move || flushed(&mut answers));

        let (begin, begin_micros) = (Instant::now(), unix_micros());
        let written = match self.args.rate {
            None => self.write(&mut socket, &mut out),
            Some(rate) => self.pace(&mut socket, &mut out, Duration::from_secs_f64(1.0 / rate)),
        };
        let written = written.and_then(|()| self.ask(&mut socket, &mut out));
        let ended = listener.join().map_err(|_| wrong("a feeder's listener", "died"))?;
        // What the sidecar said before it closed explains more than the failed write.
        let ended = match (written, ended) {
            (Ok(()), ended) | (Err(_), ended @ Err(_)) => ended?,
            (Err(error), Ok(_)) => return Err(error),
        };
        let ended = Ended { seconds: begin.elapsed().as_secs_f64(), ..ended };
        out.clear();
        frames::bye(&mut out);
        // The sidecar may be gone by now; all records have ended.
        let _ = socket.write_all(&out);
        let report = Report { records: self.records, begin_micros, end_micros: unix_micros(), ..Report::default() };
        Ok(Report { ended: vec![ended], ..report })
    }

    fn write(&self, socket: &mut UnixStream, out: &mut Vec<u8>) -> Result<()> {
        let form = Form { shape: Shape::Text, size: self.args.size, stamped: false };
        let (mut line, column) = form.template();
        let most = (FRAME_BYTES / (line.len() + 12)).max(1) as u64;
        let mut done = 0;
        while done < self.records {
            let count = most.min(self.records - done) as u32;
            out.clear();
            frames::records(out, done + 1, count, unix_millis() + self.shift_ms, |index, out| {
                form.stamp(&mut line, column, self.first + done + u64::from(index), 0);
                out.extend_from_slice(&line);
            });
            socket.write_all(out).map_err(io("write to", self.args.socket.display()))?;
            done += u64::from(count);
        }
        Ok(())
    }

    /// Open loop: a record is due at its time whether or not the one before was taken, and says when it was due.
    fn pace(&self, socket: &mut UnixStream, out: &mut Vec<u8>, period: Duration) -> Result<()> {
        let form = Form { shape: Shape::Text, size: self.args.size, stamped: true };
        let (mut line, column) = form.template();
        let (begin, base) = (Instant::now(), unix_micros());
        for index in 0..self.records {
            let due = period.mul_f64(index as f64);
            thread::sleep(due.saturating_sub(begin.elapsed()));
            form.stamp(&mut line, column, self.first + index, base + due.as_micros() as u64);
            out.clear();
            let millis = unix_millis() + self.shift_ms;
            frames::records(out, index + 1, 1, millis, |_, out| out.extend_from_slice(&line));
            socket.write_all(out).map_err(io("write to", self.args.socket.display()))?;
        }
        Ok(())
    }

    /// Asks for the end of everything, or that it is durable.
    fn ask(&self, socket: &mut UnixStream, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        frames::flush(out, 1, self.args.awaited, (self.args.flush_timeout * 1_000) as u32);
        socket.write_all(out).map_err(io("write to", self.args.socket.display()))
    }
}

/// Sends one record as soon as somebody listens, and waits until it is admitted.
pub(crate) fn first_admitted(path: &Path, number: u64, longest: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut socket = loop {
        match UnixStream::connect(path) {
            Ok(socket) => break socket,
            Err(error) if begin.elapsed() > longest => return Err(io("connect to", path.display())(error)),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    };
    let form = Form { shape: Shape::Text, size: 200, stamped: false };
    let (mut line, column) = form.template();
    form.stamp(&mut line, column, number, 0);
    let mut out = Vec::new();
    frames::hello(&mut out, Hello { client: u128::from(unix_micros()) << 64 | 1, group: "", stream: "" });
    frames::records(&mut out, 1, 1, unix_millis(), |_, out| out.extend_from_slice(&line));
    socket.write_all(&out).map_err(io("write to", path.display()))?;
    welcomed(&mut socket)?;
    loop {
        match frames::read(&mut socket).map_err(io("read", "the sidecar's answers"))? {
            Some(Heard::Ack { admitted_to: 1.., .. }) => return Ok(()),
            Some(Heard::Error { code, text }) => return Err(wrong("sidecar", format!("error {code}: {text}"))),
            None => return Err(wrong("sidecar", "closed the connection before it took a record")),
            Some(_) => {}
        }
    }
}

/// Waits for the welcome.
pub(super) fn welcomed(socket: &mut UnixStream) -> Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10))).map_err(io("set a time-out for", "the socket"))?;
    match frames::read(socket).map_err(io("read", "the welcome"))? {
        Some(Heard::Welcome { refused: false }) => Ok(()),
        Some(Heard::Welcome { refused: true }) => Err(wrong("welcome", "our destination was refused")),
        other => Err(wrong("welcome", format!("got {other:?} instead"))),
    }
}

/// Reads until the flush is answered.
pub(super) fn flushed(socket: &mut UnixStream) -> Result<Ended> {
    loop {
        match frames::read(socket).map_err(io("read", "the sidecar's answers"))? {
            Some(Heard::Flushed { reached, delivered, rejected, dropped, pending }) => {
                let pending = if reached { 0 } else { pending };
                return Ok(Ended { delivered, rejected, dropped, pending, seconds: 0.0 });
            }
            Some(Heard::Error { code, text }) => return Err(wrong("sidecar", format!("error {code}: {text}"))),
            None => return Err(wrong("sidecar", "closed the connection before it answered the flush")),
            Some(_) => {}
        }
    }
}
