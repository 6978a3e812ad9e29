//! Many quiet framed connections from one thread, each naming a stream of its own: a record each, in turn, with the time it was
//! due.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::net::{recv, RecvFlags};

use super::framed::{flushed, welcomed};
use super::frames::{self, Hello, Level};
use super::line::{Form, Shape};
use super::Report;
use crate::error::{io, wrong, Result};
use crate::host::clock::{unix_micros, unix_millis};

/// Writes a record a second to each of many streams.
#[derive(Debug, Clone, Args)]
pub(crate) struct LanesArgs {
    /// The sidecar's socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Streams, a connection each
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=4_000))]
    lanes: u64,
    /// Records to each
    #[arg(long, value_name = "N", default_value_t = 30)]
    records: u64,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES", default_value_t = 200)]
    size: usize,
    /// Longest wait for the end of the last record
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    flush_timeout: u64,
}

pub(crate) fn run(args: &LanesArgs) -> Result<Report> {
    let mut sockets = (0..args.lanes).map(|lane| connect(args, lane)).collect::<Result<Vec<_>>>()?;
    let mut report = Report { begin_micros: unix_micros(), ..Report::default() };
    let late_max = write(args, &mut sockets)?;
    report.late_max_micros = late_max.as_micros() as u64;
    report.records = args.lanes * args.records;

    let mut out = Vec::new();
    frames::flush(&mut out, 1, Level::Ended, (args.flush_timeout * 1_000) as u32);
    for socket in &mut sockets {
        socket.write_all(&out).map_err(io("write to", args.socket.display()))?;
    }
    let begin = Instant::now();
    for socket in &mut sockets {
        let left = Duration::from_secs(args.flush_timeout + 10).saturating_sub(begin.elapsed());
        let left = left.max(Duration::from_millis(100));
        socket.set_read_timeout(Some(left)).map_err(io("set a time-out for", args.socket.display()))?;
        report.ended.push(flushed(socket)?);
    }
    report.end_micros = unix_micros();
    Ok(Report::merge(vec![report]))
}

fn connect(args: &LanesArgs, lane: u64) -> Result<UnixStream> {
    let mut socket = UnixStream::connect(&args.socket).map_err(io("connect to", args.socket.display()))?;
    let client = u128::from(unix_micros()) << 64 | u128::from(std::process::id()) << 32 | u128::from(lane);
    let mut out = Vec::new();
    frames::hello(&mut out, Hello { client, group: "", stream: &format!("lane-{lane:04}") });
    socket.write_all(&out).map_err(io("write to", args.socket.display()))?;
    welcomed(&mut socket)?;
    Ok(socket)
}

/// Writes all records, evenly over each second; returns how late the latest was.
fn write(args: &LanesArgs, sockets: &mut [UnixStream]) -> Result<Duration> {
    let form = Form { shape: Shape::Text, size: args.size, stamped: true };
    let (mut line, column) = form.template();
    let period = Duration::from_secs(1).div_f64(args.lanes as f64);
    let (begin, base) = (Instant::now(), unix_micros());
    let (mut late_max, mut out) = (Duration::ZERO, Vec::new());
    for round in 0..args.records {
        for (lane, socket) in (0..).zip(sockets.iter_mut()) {
            let due = Duration::from_secs(round) + period.mul_f64(lane as f64);
            match due.checked_sub(begin.elapsed()) {
                Some(early) => thread::sleep(early),
                None => late_max = late_max.max(begin.elapsed().saturating_sub(due)),
            }
            form.stamp(&mut line, column, round * args.lanes + lane, base + due.as_micros() as u64);
            out.clear();
            frames::records(&mut out, round + 1, 1, unix_millis(), |_, out| out.extend_from_slice(&line));
            socket.write_all(&out).map_err(io("write to", args.socket.display()))?;
            // The last round's acks are left for the flush, so that no frame is cut in two.
            if round + 1 < args.records {
                discard(socket)?;
            }
        }
    }
    Ok(late_max)
}

/// Throws away the acks that have come. They are whole frames: a sidecar writes each at once, and room is ample.
fn discard(socket: &UnixStream) -> Result<()> {
    let mut answers = [0_u8; 4_096];
    loop {
        match recv(socket, answers.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((_, 0)) => return Err(wrong("sidecar", "closed a lane's connection")),
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(io("read from", "a lane's connection")(error.into())),
        }
    }
}
