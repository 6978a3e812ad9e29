//! Flushes that wait: from the caller's request to the answer. Pure: no I/O, no clock of its own.
//!
//! A barrier goes three steps. First the queue must have been emptied of what stood in it when the flush was asked
//! (`taken`); then it is known which sequence it waits for (`through`); then it is sent behind that sequence, and
//! answered by the sidecar or by the watermarks, whichever comes first.
//!
//! Limits: the sidecar lets 64 wait on one connection; more stay here, unsent, and the watermarks answer them.

use std::sync::Arc;
use std::time::Instant;

use crate::flush::Waiter;
use crate::wire::{ClientFrame, MAX_WAITING_FLUSHES};
use crate::Level;

/// What a caller asks for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) level: Level,
    /// `None`: as long as it takes.
    pub(crate) deadline: Option<Instant>,
    pub(crate) waiter: Arc<Waiter>,
}

#[derive(Debug)]
pub(crate) struct Barrier {
    ticket: u64,
    request: Request,
    /// How many records must have been taken from the queue, ever.
    taken: u64,
    /// The last sequence it waits for, once that is known.
    through: Option<u64>,
    sent: bool,
}

/// How the sidecar or the clock answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Reached,
    TimedOut,
}

#[derive(Debug, Default)]
pub(crate) struct Barriers {
    last_ticket: u64,
    waiting: Vec<Barrier>,
}

impl Barriers {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A new one; `taken` is how many records will have been taken once those now in the queue are.
    pub(crate) fn push(&mut self, request: Request, taken: u64) {
        self.last_ticket += 1;
        self.waiting.push(Barrier { ticket: self.last_ticket, request, taken, through: None, sent: false });
    }

    /// Tells which sequence is the last one given out, now that `taken` records were taken.
    pub(crate) fn resolve(&mut self, taken: u64, queue_empty: bool, last: u64) {
        for barrier in self.waiting.iter_mut().filter(|barrier| barrier.through.is_none()) {
            if queue_empty || taken >= barrier.taken {
                barrier.through = Some(last);
            }
        }
    }

    /// A new connection: whatever was sent must be sent again.
    pub(crate) fn unsend(&mut self) {
        for barrier in &mut self.waiting {
            barrier.sent = false;
        }
    }

    /// Encodes those that may be sent, now that everything to `sent_to` is.
    pub(crate) fn encode_due(&mut self, sent_to: u64, now: Instant, out: &mut Vec<u8>) {
        let mut free = MAX_WAITING_FLUSHES.saturating_sub(self.waiting.iter().filter(|barrier| barrier.sent).count());
        for barrier in &mut self.waiting {
            let due = barrier.through.is_some_and(|through| through <= sent_to);
            if free > 0 && due && !barrier.sent {
                let left = barrier.request.deadline.map(|deadline| deadline.saturating_duration_since(now));
                let timeout_ms = left.map_or(u32::MAX, |left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX));
                let (ticket, level) = (barrier.ticket, barrier.request.level);
                ClientFrame::Flush { ticket, level, timeout_ms }.encode_into(out);
                barrier.sent = true;
                free -= 1;
            }
        }
    }

    /// Takes those out that the watermarks answer.
    pub(crate) fn take_passed(&mut self, mark: impl Fn(Level) -> u64) -> Vec<Request> {
        self.take(|barrier| barrier.through.is_some_and(|through| through <= mark(barrier.request.level)))
    }

    /// Takes those out whose time is up.
    pub(crate) fn take_late(&mut self, now: Instant) -> Vec<Request> {
        self.take(|barrier| barrier.request.deadline.is_some_and(|deadline| deadline <= now))
    }

    /// Takes the one out that the sidecar answers. An early "time ran out" (too many waited) leaves it to
    /// the watermarks and the clock.
    pub(crate) fn answered(&mut self, ticket: u64, answer: Answer, now: Instant) -> Option<Request> {
        let at = self.waiting.iter().position(|barrier| barrier.ticket == ticket)?;
        let deadline = self.waiting[at].request.deadline;
        if answer == Answer::TimedOut && deadline.map_or(true, |deadline| deadline > now) {
            return None;
        }
        Some(self.waiting.remove(at).request)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Request> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&Barrier) -> bool) -> Vec<Request> {
        let (out, keep) = std::mem::take(&mut self.waiting).into_iter().partition(which);
        self.waiting = keep;
        out.into_iter().map(|barrier: Barrier| barrier.request).collect()
    }

    /// When the next one's time is up.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|barrier| barrier.request.deadline).min()
    }
}
