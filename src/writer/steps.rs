//! The steps of a turn: connect, read, write, answer.

use std::io;
use std::time::{Duration, Instant};

use super::connection::{Connection, Phase, Told};
use super::{Report, Writer};
use crate::barriers::Answer;
use crate::channel::Gone;
use crate::client::now_ms;
use crate::losses::{DropReason, Span};
use crate::wire::{utf8_cut, ClientFrame, ErrorCode, FlushStatus, Hello, Lost, Welcome, MAX_VERSION, MIN_VERSION};

/// The least time between two reports of losses.
const REPORT_EVERY: Duration = Duration::from_millis(100);

impl Writer {
    pub(super) fn connect(&mut self, now: Instant) {
        if self.connection.is_some() || now < self.retry_at || !self.has_business() {
            return;
        }
        let config = &self.state.config;
        let hello = Hello {
            min_version: MIN_VERSION,
            max_version: MAX_VERSION,
            client_id: self.client_id,
            pid: std::process::id(),
            oldest: self.channel.oldest(),
            app: cut(&config.app),
            group: cut(&config.group),
            stream: cut(&config.stream),
        };
        match Connection::open(&config.socket, &hello, now) {
            Ok(connection) => {
                self.connections += 1;
                self.connection = Some(connection);
            }
            Err(_) => self.retry_at = now + self.backoff.next(),
        }
    }

    pub(super) fn disconnect(&mut self, now: Instant) {
        if self.connection.take().is_some() {
            self.retry_at = now + self.backoff.next();
            self.barriers.unsend();
            if let Some(report) = &mut self.report {
                report.sent = false;
            }
        }
    }

    pub(super) fn read(&mut self, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let open = connection.read();
        let frames = connection.take_frames();
        let sound = frames.is_ok();
        for told in frames.unwrap_or_default() {
            if let Some(connection) = &mut self.connection {
                connection.last_frame = now;
            }
            self.take_in(told, now);
        }
        if !sound || !matches!(open, Ok(true)) {
            self.disconnect(now);
        }
    }

    fn take_in(&mut self, told: Told, now: Instant) {
        match told {
            Told::Welcome(welcome) => self.welcome(&welcome, now),
            Told::Ack(ack) => {
                self.backoff.reset();
                let gone = self.channel.ack(&ack);
                self.lose(gone);
                if self.report.as_ref().is_some_and(|report| report.sent && report.number <= ack.lost_to) {
                    self.report = None;
                }
            }
            Told::FlushDone(done) => {
                self.channel.count(done.delivered, done.rejected, done.dropped);
                let answer = match done.status {
                    FlushStatus::Reached => Answer::Reached,
                    FlushStatus::TimedOut => Answer::TimedOut,
                };
                if let Some(request) = self.barriers.answered(done.ticket, answer, now) {
                    let mut report = self.report(request.level, answer);
                    let everything = report.spooled + report.pending;
                    report.spooled = done.spooled.min(everything);
                    report.pending = everything - report.spooled;
                    self.publish();
                    request.waiter.complete(report);
                }
            }
            Told::Draining => {
                if let Some(connection) = &mut self.connection {
                    connection.phase = Phase::Draining;
                }
            }
            Told::Error(code) => {
                // Another try at once would end the same way.
                if matches!(code, ErrorCode::FENCED | ErrorCode::UNSUPPORTED_VERSION | ErrorCode::NOT_PERMITTED) {
                    self.backoff.discourage();
                }
                self.disconnect(now);
            }
        }
    }

    fn welcome(&mut self, welcome: &Welcome, now: Instant) {
        if !(MIN_VERSION..=MAX_VERSION).contains(&welcome.version) {
            self.backoff.discourage();
            return self.disconnect(now);
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.phase != Phase::Greeting {
            return;
        }
        connection.phase = Phase::Up;
        let gone = self.channel.welcome(welcome);
        self.lose(gone);
    }

    fn lose(&self, gone: Gone) {
        // Nobody knows when they were logged: this is when it was noticed.
        let span = gone.span.unwrap_or_else(|| Span::at(now_ms()));
        self.state.losses.add(DropReason::SidecarLost, gone.lost, span);
        self.state.losses.add(DropReason::Unconfirmed, gone.unconfirmed, span);
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.phase == Phase::Up)
    }

    pub(super) fn write(&mut self, now: Instant) {
        if self.try_write(now).is_err() {
            // What the sidecar said before it went may still be there to read.
            self.read(now);
            self.disconnect(now);
        }
    }

    fn try_write(&mut self, now: Instant) -> io::Result<()> {
        if self.is_up() {
            self.prepare_report(now);
        }
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        connection.full = false;
        while connection.phase != Phase::Draining {
            let up = connection.phase == Phase::Up;
            if connection.between_frames() {
                if up {
                    if let Some(report) = self.report.as_mut().filter(|report| !report.sent) {
                        report.encode_into(&mut connection.control);
                        report.sent = true;
                    }
                    self.barriers.encode_due(self.channel.sent_to(), now, &mut connection.control);
                }
                if !connection.write_control()? {
                    break;
                }
            }
            match self.channel.unsent().filter(|_| up) {
                Some(frame) if connection.write_frame(&frame.bytes)? => self.channel.mark_sent(),
                _ => break,
            }
        }
        Ok(())
    }

    pub(super) fn prepare_report(&mut self, now: Instant) {
        if self.report.is_none() && now >= self.next_report {
            if let Some(untold) = self.state.losses.take_untold() {
                self.reports += 1;
                self.next_report = now + REPORT_EVERY;
                self.report = Some(Report { number: self.reports, untold, sent: false });
            }
        }
    }

    /// A sidecar that owes us an answer and has been silent for long is taken for hung.
    pub(super) fn look_for_silence(&mut self, now: Instant) {
        let owed = self.channel.unended() > 0 || self.report.is_some() || !self.barriers.is_empty();
        let hung_after = self.state.config.hung_after;
        let Some(connection) = &mut self.connection else {
            return;
        };
        if !owed && connection.phase == Phase::Up {
            connection.last_frame = now;
        }
        if now.saturating_duration_since(connection.last_frame) >= hung_after {
            self.disconnect(now);
        }
    }

    /// Answers the flushes that need not wait any longer.
    pub(super) fn answer(&mut self, now: Instant) {
        let empty = self.state.queue.records() == 0;
        self.barriers.resolve(self.taken, empty, self.channel.last());
        let channel = &self.channel;
        let passed = self.barriers.take_passed(|level| channel.mark(level));
        let late = self.barriers.take_late(now);
        self.publish();
        for request in passed {
            request.waiter.complete(self.report(request.level, Answer::Reached));
        }
        for request in late {
            request.waiter.complete(self.report(request.level, Answer::TimedOut));
        }
    }
}

impl Report {
    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        ClientFrame::Lost(Lost {
            report: self.number,
            count: self.untold.count,
            from_ms: self.untold.span.from_ms,
            to_ms: self.untold.span.to_ms,
            reason: self.untold.reason.as_str(),
        })
        .encode_into(out);
    }
}

/// A name as a hello can carry it. CloudWatch's own limit for names is 512.
fn cut(name: &str) -> &str {
    name.get(..utf8_cut(name.as_bytes(), 1024)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::builder::Builder;
    use crate::state::State;

    /// The longest of many first waits after this word of the sidecar, in milliseconds: they are drawn by chance.
    fn wait_after(code: ErrorCode) -> u128 {
        let now = Instant::now();
        let config = Arc::new(Builder::new("/nonexistent".into()).config);
        let state = Arc::new(State::new(config, None));
        let mut writer = Writer::new(state, None);
        let waits = (0..100).map(|_| {
            writer.backoff.reset();
            writer.take_in(Told::Error(code), now);
            writer.backoff.next().as_millis()
        });
        waits.max().unwrap_or_default()
    }

    #[test]
    fn a_client_that_is_refused_for_good_waits_long_from_the_first_time_on() {
        for code in [ErrorCode::NOT_PERMITTED, ErrorCode::FENCED, ErrorCode::UNSUPPORTED_VERSION] {
            let longest = wait_after(code);
            assert!(longest > 1_000, "{code:?}: {longest} ms");
        }
        let longest = wait_after(ErrorCode::BUSY);
        assert!(longest <= 50, "{longest} ms");
    }
}
