//! Open loop: a record is due at its time whether or not the one before was taken, and says when it was due.
//!
//! One write per record, unless what becomes due meanwhile is gathered: then a write holds all that is due by now, up to
//! [`MOST_BYTES`], and each record still has its own time. Where the socket does not take it, lines wait here and go on getting
//! older; after the time to give up the rest is left, and the report says how many were due.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Form, Pace, Share};
use crate::error::{io, Result};
use crate::feed::Report;
use crate::host::clock::unix_micros;

/// Of one write.
const MOST_BYTES: usize = 65_536;
/// How long a write may wait before we look whether to give up.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn feed(path: &Path, mut socket: UnixStream, form: Form, share: Share, pace: Pace) -> Result<Report> {
    if pace.give_up.is_some() {
        socket.set_write_timeout(Some(LOOK)).map_err(io("set a time-out for", path.display()))?;
    }
    let (line, column) = form.template();
    let mut block = Block::new(line, column, form, if pace.gather.is_zero() { 1 } else { MOST_BYTES });
    let stride = block.stride;
    let clock = Clock { begin: Instant::now(), micros: unix_micros(), pace };
    let mut report = Report { begin_micros: clock.micros, ..Report::default() };
    let mut next_write = Duration::ZERO;
    while report.records < share.records && !clock.over() {
        let (due, now) = (clock.due(report.records), clock.begin.elapsed());
        match due.max(next_write).checked_sub(now) {
            Some(early) if !early.is_zero() => {
                // Long waits are cut, so that giving up is not late.
                thread::sleep(early.min(LOOK));
                continue;
            }
            _ => report.late_max_micros = report.late_max_micros.max(micros(now.saturating_sub(due))),
        }
        let count = clock.due_by(now).saturating_sub(report.records).clamp(1, share.records - report.records);
        let bytes = block.fill(&clock, share.first, report.records, count);
        next_write = now + pace.gather;
        let (written, trouble) = write(&mut socket, bytes, &clock);
        report.records += (written / stride) as u64;
        report.bytes += (written - written % stride) as u64;
        match trouble {
            // Whoever lets us give up wants to know how far we came.
            Some(error) if pace.give_up.is_some() => report.broken = Some(error.to_string()),
            Some(error) => return Err(io("write to", path.display())(error)),
            None => {}
        }
        if written < bytes.len() {
            report.cut = u64::from(written % stride > 0);
            break;
        }
    }
    report.due = clock.due_by(clock.begin.elapsed()).min(share.records);
    report.gave_up = report.records < share.records;
    report.end_micros = unix_micros();
    Ok(report)
}

/// When records are due, counted from the first write.
struct Clock {
    begin: Instant,
    micros: u64,
    pace: Pace,
}

impl Clock {
    fn due(&self, index: u64) -> Duration {
        Duration::from_secs_f64(self.pace.phase + self.pace.period * index as f64)
    }

    /// How many are due by then.
    fn due_by(&self, now: Duration) -> u64 {
        let since = now.as_secs_f64() - self.pace.phase;
        if since < 0.0 {
            return 0;
        }
        (since / self.pace.period) as u64 + 1
    }

    /// Is it time to give up, or has somebody asked for the end?
    fn over(&self) -> bool {
        (self.pace.stop)() || self.pace.give_up.is_some_and(|give_up| self.begin.elapsed() >= give_up)
    }
}

/// Lines for one write.
struct Block {
    bytes: Vec<u8>,
    stride: usize,
    column: usize,
    form: Form,
    most: u64,
}

impl Block {
    fn new(mut line: Vec<u8>, column: usize, form: Form, most_bytes: usize) -> Self {
        line.push(b'\n');
        let (stride, most) = (line.len(), (most_bytes / line.len()).max(1));
        Self { bytes: line.repeat(most), stride, column, form, most: most as u64 }
    }

    /// As many of these records as fit, each with the time it is due.
    fn fill(&mut self, clock: &Clock, first: u64, index: u64, count: u64) -> &[u8] {
        let count = count.min(self.most);
        let lines = self.bytes.chunks_exact_mut(self.stride).zip(index..index + count);
        for (line, index) in lines {
            self.form.stamp(line, self.column, first + index, clock.micros + micros(clock.due(index)));
        }
        &self.bytes[..count as usize * self.stride]
    }
}

/// Writes all, or until it is time to give up; returns how many bytes were taken, and why no more were if that was an error.
fn write(socket: &mut UnixStream, bytes: &[u8], clock: &Clock) -> (usize, Option<std::io::Error>) {
    let mut at = 0;
    while at < bytes.len() {
        match socket.write(&bytes[at..]) {
            Ok(0) => return (at, Some(ErrorKind::WriteZero.into())),
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if clock.over() {
                    break;
                }
            }
            Err(error) => return (at, Some(error)),
        }
    }
    (at, None)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
