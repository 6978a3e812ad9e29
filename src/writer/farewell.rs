//! The end of a writer: the last reports, bye, and the account of what was still held.

use std::time::{Duration, Instant};

use super::connection::Phase;
use super::{socket, Report, Writer};
use crate::barriers::Answer;
use crate::losses::{DropReason, Span};
use crate::queue;
use crate::wire::{ClientFrame, Record};
use crate::Level;

/// The longest that the last frames may take to be written.
const LONGEST: Duration = Duration::from_millis(50);

impl Writer {
    pub(super) fn say_good_bye(mut self) {
        // From here on no request comes in, and no record is taken into the queue but by a call that is under way.
        let (flushes, close) = self.state.shut();
        self.give_up();
        self.write_last();
        self.publish();
        let answer =
            self.closing.as_ref().and_then(|closing| closing.flushed.peek()).map_or(Answer::TimedOut, |report| {
                match report.reached {
                    true => Answer::Reached,
                    false => Answer::TimedOut,
                }
            });
        let left = self.barriers.take_all().into_iter().chain(flushes).chain(close);
        for request in left {
            request.waiter.complete(self.report(request.level, answer));
        }
        if let Some(closed) = self.closing.as_ref().and_then(|closing| closing.closed.as_ref()) {
            closed.complete(self.report(Level::Ended, answer));
        }
    }

    /// What was never sent will never be: it is counted. What was sent may still be delivered, and stays pending.
    fn give_up(&mut self) {
        let mut cost = 0;
        while let Some(entry) = self.state.queue.take() {
            if let Ok((record, _)) = Record::decode(&entry) {
                cost += queue::cost(record.text.len());
                self.state.losses.add(DropReason::Closed, 1, Span::at(record.timestamp_ms));
            }
        }
        self.state.release(cost);
        let (count, span) = self.channel.give_up_unsent();
        self.state.losses.add(DropReason::Closed, count, span);
    }

    fn write_last(&mut self) {
        let now = Instant::now();
        let deadline = now + LONGEST;
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if connection.phase != Phase::Up || !connection.between_frames() {
            return;
        }
        while let Some(untold) = self.state.losses.take_untold() {
            self.reports += 1;
            let report = Report { number: self.reports, untold, sent: true };
            report.encode_into(&mut connection.control);
        }
        ClientFrame::Bye.encode_into(&mut connection.control);
        while matches!(connection.write_control(), Ok(false)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            socket::wait(None, Some((connection.stream(), true)), left);
        }
    }
}
