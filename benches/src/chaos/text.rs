//! Text clients: a thread each that writes numbered lines at a pace, connects again when its connection breaks, and repeats nothing.
//!
//! Nobody tells a text client what has arrived. So each connection is kept apart, with the pid of the sidecar that it had: what was
//! written before a sidecar was asked to end in order is promised, what one held that was killed is not.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use serde::Serialize;

use super::client::text;

const TICK: Duration = Duration::from_millis(10);
/// Lines of one write: so few bytes are taken whole or not at all.
const MOST_LINES: u64 = 32;

/// What was written over one connection.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Segment {
    /// Of the sidecar at its other end.
    pub(crate) pid: i32,
    pub(crate) first: u64,
    /// Behind the last one.
    pub(crate) end: u64,
}

#[derive(Debug)]
pub(crate) struct TextWriter<'a> {
    pub(crate) socket: &'a Path,
    pub(crate) first: u64,
    pub(crate) most: u64,
    pub(crate) rate: f64,
    pub(crate) size: usize,
    /// Behind the last line written, for whoever signals the sidecar.
    pub(crate) written: &'a AtomicU64,
}

impl TextWriter<'_> {
    pub(crate) fn run(&self, over: &dyn Fn() -> bool) -> Vec<Segment> {
        let (begin, mut next, mut segments) = (Instant::now(), self.first, Vec::new());
        while !over() {
            let Some((mut socket, pid)) = connect(self.socket) else {
                thread::sleep(TICK);
                continue;
            };
            let first = next;
            let mut end = next;
            while !over() {
                let due = self.first + ((begin.elapsed().as_secs_f64() * self.rate) as u64).min(self.most);
                let until = due.min(next + MOST_LINES);
                let lines: String = (next..until).map(|number| text(number, self.size) + "\n").collect();
                next = until;
                if socket.write_all(lines.as_bytes()).is_err() {
                    break;
                }
                end = next;
                self.written.store(end, Ordering::Release);
                if until == due {
                    thread::sleep(TICK);
                }
            }
            segments.push(Segment { pid, first, end });
        }
        segments
    }
}

fn connect(socket: &Path) -> Option<(UnixStream, i32)> {
    let socket = UnixStream::connect(socket).ok()?;
    let pid = socket_peercred(&socket).ok()?.pid.as_raw_nonzero().get();
    Some((socket, pid))
}
