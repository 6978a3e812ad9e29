//! One channel as the client sees it: what was numbered, what is kept for sending again, what became of it.
//!
//! Invariants:
//! - `numbered = ended + given up + unended`, where *ended* is delivered, rejected or dropped by the sidecar's word,
//!   and *given up* is what no sidecar can answer for any more;
//! - the window holds whole frames, contiguous and ascending; the first [`sent`](Channel::sent) of them need not be
//!   sent on the present connection;
//! - a frame leaves the window when it is durable, or, where durable means ended, when the window is full and the
//!   sidecar has it in memory (`at_risk`).
//!
//! Absent: this module does no I/O, reads no clock and takes no lock; the writer drives it.

use std::collections::VecDeque;

use crate::losses::Span;
use crate::wire::{self, Ack, Level, RecordsFrame, Welcome};

mod frames;
pub(crate) use frames::Frame;
use frames::Spares;

/// How large a frame of several records may grow. Also what the sidecar must take whatever its `max_record` is.
pub(crate) const FRAME_TARGET: usize = 64 * 1024;

/// Outcomes by the sidecar's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
}

impl Counts {
    pub(crate) fn total(self) -> u64 {
        self.delivered.saturating_add(self.rejected).saturating_add(self.dropped)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_add(other.delivered),
            rejected: self.rejected.saturating_add(other.rejected),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.max(other.delivered),
            rejected: self.rejected.max(other.rejected),
            dropped: self.dropped.max(other.dropped),
        }
    }

    /// Takes `excess` off, from delivered first.
    fn less(mut self, mut excess: u64) -> Self {
        for count in [&mut self.delivered, &mut self.rejected, &mut self.dropped] {
            let part = excess.min(*count);
            *count -= part;
            excess -= part;
        }
        self
    }
}

/// What a welcome or an ack revealed as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gone {
    /// The sidecar said it does not have them.
    pub(crate) lost: u64,
    /// The sidecar cannot say what became of them.
    pub(crate) unconfirmed: u64,
    /// Where they came from, as far as it is known.
    pub(crate) span: Option<Span>,
}

#[derive(Debug)]
pub(crate) struct Channel {
    next: u64,
    window: VecDeque<Frame>,
    window_bytes: usize,
    max_window: usize,
    sent: usize,
    open: Option<(RecordsFrame, Span)>,
    spares: Spares,
    durable_is_disk: bool,
    max_record: usize,
    max_frame: usize,
    marks: Ack,
    /// Everything up to here is settled, whatever this sidecar says.
    floor: u64,
    /// Counts of channels that earlier sidecars forgot.
    base: Counts,
    counts: Counts,
    given_up: u64,
    at_risk: u64,
    at_risk_to: u64,
    at_risk_span: Option<Span>,
    truncated: u64,
}

impl Channel {
    pub(crate) fn new(max_window: usize) -> Self {
        Self {
            next: 1,
            window: VecDeque::new(),
            window_bytes: 0,
            max_window,
            sent: 0,
            open: None,
            spares: Spares::default(),
            durable_is_disk: false,
            max_record: wire::DEFAULT_MAX_RECORD as usize,
            max_frame: FRAME_TARGET,
            marks: Ack::default(),
            floor: 0,
            base: Counts::default(),
            counts: Counts::default(),
            given_up: 0,
            at_risk: 0,
            at_risk_to: 0,
            at_risk_span: None,
            truncated: 0,
        }
    }

    /// F: the oldest sequence still held, or the next one.
    pub(crate) fn oldest(&self) -> u64 {
        self.window.front().map_or(self.next, |frame| frame.first)
    }

    /// The last sequence that has been given to a record.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    /// How many records have a sequence and no outcome.
    pub(crate) fn unended(&self) -> u64 {
        self.last().saturating_sub(self.counts.total()).saturating_sub(self.given_up)
    }

    /// How many of the unended ones are on the sidecar's disk, as far as the watermarks tell.
    pub(crate) fn spooled(&self) -> u64 {
        if !self.durable_is_disk {
            return 0;
        }
        let durable_not_ended = self.mark(Level::Durable).saturating_sub(self.mark(Level::Ended));
        durable_not_ended.min(self.unended())
    }

    /// The last sequence that has reached a level.
    pub(crate) fn mark(&self, level: Level) -> u64 {
        if self.unended() == 0 {
            // Nothing is left to wait for. A watermark may stand behind a gap that no sidecar will fill.
            return self.last();
        }
        let mark = match level {
            Level::Admitted => self.marks.admitted_to,
            Level::Durable => self.marks.durable_to,
            Level::Ended => self.marks.ended_to,
        };
        mark.max(self.floor)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn at_risk(&self) -> u64 {
        self.at_risk
    }

    pub(crate) fn truncated(&self) -> u64 {
        self.truncated
    }

    pub(crate) fn window_bytes(&self) -> usize {
        self.window_bytes
    }

    pub(crate) fn max_record(&self) -> usize {
        self.max_record
    }

    /// Whether another frame may be begun. Frees what may be freed for it.
    pub(crate) fn make_room(&mut self) -> bool {
        while self.window_bytes >= self.max_window && !self.durable_is_disk && self.sent > 0 {
            let admitted = self.mark(Level::Admitted);
            let ended = self.mark(Level::Ended);
            let Some(frame) = self.window.front().filter(|frame| frame.last() <= admitted) else {
                break;
            };
            self.at_risk += frame.last().saturating_sub(ended.max(frame.first - 1));
            self.at_risk_to = frame.last();
            Span::extend(&mut self.at_risk_span, frame.span);
            self.free_front();
        }
        self.window_bytes < self.max_window
    }

    fn free_front(&mut self) {
        if let Some(frame) = self.window.pop_front() {
            self.window_bytes -= frame.cost();
            self.sent = self.sent.saturating_sub(1);
            self.spares.give(frame.bytes);
        }
    }

    /// Gives an encoded record the next sequence, in the open frame. Seals that one first if it would grow too large.
    pub(crate) fn append(&mut self, encoded: &[u8], timestamp_ms: i64) {
        let too_large = |(frame, _): &(RecordsFrame, Span)| frame.len() + encoded.len() > FRAME_TARGET;
        if self.open.as_ref().is_some_and(too_large) {
            self.seal();
        }
        let spares = &mut self.spares;
        let (frame, span) =
            self.open.get_or_insert_with(|| (RecordsFrame::reuse(spares.take()), Span::at(timestamp_ms)));
        frame.push_encoded(encoded);
        *span = span.join(Span::at(timestamp_ms));
        self.next += 1;
    }

    /// Whether the open frame has about as much as a frame should have.
    pub(crate) fn open_is_full(&self) -> bool {
        self.open.as_ref().is_some_and(|(frame, _)| frame.len() > FRAME_TARGET - 1024)
    }

    /// Moves the open frame, if there is one, into the window.
    pub(crate) fn seal(&mut self) {
        if let Some((frame, span)) = self.open.take() {
            let count = frame.count();
            let first = self.next - u64::from(count);
            let bytes = self.spares.right_size(frame.finish(first));
            let frame = Frame { first, count, span, bytes };
            self.window_bytes += frame.cost();
            self.window.push_back(frame);
        }
    }

    /// The next bytes to send, whole frames one after the other.
    pub(crate) fn unsent(&self) -> Option<&Frame> {
        self.window.get(self.sent)
    }

    /// The last sequence that is wholly sent on this connection, or need not be.
    pub(crate) fn sent_to(&self) -> u64 {
        self.unsent().map_or(self.next, |frame| frame.first) - 1
    }

    /// The frame that [`unsent`](Channel::unsent) gave is wholly written.
    pub(crate) fn mark_sent(&mut self) {
        self.sent = (self.sent + 1).min(self.window.len());
    }

    /// A new connection: settles what the sidecar has, and finds where to send from.
    pub(crate) fn welcome(&mut self, welcome: &Welcome) -> Gone {
        self.seal();
        self.durable_is_disk = welcome.durable_is_disk();
        self.max_record = (welcome.max_record as usize).max(1);
        self.max_frame = (welcome.max_frame as usize).max(FRAME_TARGET);
        let before = self.oldest() - 1;
        let resume = welcome.resume.min(self.last());
        let mut gone = Gone { span: self.at_risk_span, ..Gone::default() };
        if !welcome.known_channel() {
            gone.unconfirmed = self.settle(before);
        } else if resume < before {
            // What is durable may end within a frame that is still held.
            gone.lost = before.saturating_sub(resume.max(self.mark(Level::Durable)));
            self.given_up += gone.lost;
        }
        if gone.lost + gone.unconfirmed > 0 {
            self.at_risk_span = None;
        }
        self.marks.admitted_to = resume.max(before);
        self.sent = self.window.partition_point(|frame| frame.last() <= resume);
        self.shorten_unsent();
        gone
    }

    /// The sidecar forgot the channel: all before it is settled as it stands, and counting starts again behind it.
    fn settle(&mut self, before: u64) -> u64 {
        let known = self.counts.total() + self.given_up;
        // Outcomes beyond `before` are told again when those records have been sent again.
        self.counts = self.counts.less(known.saturating_sub(before));
        let unconfirmed = before.saturating_sub(known);
        self.given_up += unconfirmed;
        self.base = self.counts;
        self.marks = Ack::default();
        self.floor = before;
        unconfirmed
    }

    /// A frame that an earlier sidecar would have taken may be too large for this one: its text is cut then.
    fn shorten_unsent(&mut self) {
        let (max_frame, max_record) = (self.max_frame, self.max_record);
        for frame in self.window.iter_mut().skip(self.sent) {
            let before = frame.cost();
            if frame.shorten(max_frame, max_record) {
                self.truncated += 1;
                self.window_bytes = self.window_bytes - before + frame.cost();
            }
        }
    }

    /// Takes the sidecar's cumulative counts in.
    pub(crate) fn count(&mut self, delivered: u64, rejected: u64, dropped: u64) {
        // Answers may come out of turn, and the counts only rise.
        self.counts = self.counts.max(self.base.plus(Counts { delivered, rejected, dropped }));
    }

    /// Gives up the frames that were not wholly sent: how many records, and where they came from.
    pub(crate) fn give_up_unsent(&mut self) -> (u64, Span) {
        let (mut count, mut span) = (0, None);
        for frame in self.window.drain(self.sent..) {
            count += u64::from(frame.count);
            self.window_bytes -= frame.cost();
            Span::extend(&mut span, frame.span);
        }
        self.given_up += count;
        (count, span.unwrap_or(Span::at(0)))
    }

    /// Takes an ack in. Marks beyond what was ever numbered are brought down to it.
    pub(crate) fn ack(&mut self, ack: &Ack) -> Gone {
        let last = self.last();
        self.marks.admitted_to = ack.admitted_to.min(last).max(self.marks.admitted_to);
        self.marks.durable_to = ack.durable_to.min(last).max(self.marks.durable_to);
        self.marks.ended_to = ack.ended_to.min(last).max(self.marks.ended_to);
        self.count(ack.delivered, ack.rejected, ack.dropped);
        let gone = self.ended_unknown();
        let durable = self.mark(Level::Durable);
        while self.sent > 0 && self.window.front().is_some_and(|frame| frame.last() <= durable) {
            self.free_front();
        }
        if self.mark(Level::Ended) >= self.at_risk_to {
            self.at_risk_span = None;
        }
        gone
    }

    /// What has ended and is in none of the counts: an earlier sidecar was killed before it had noted how it ended.
    fn ended_unknown(&mut self) -> Gone {
        // What was counted beyond the watermark only makes this less; the rest follows when the watermark passes it.
        let known = self.counts.total().saturating_add(self.given_up);
        let unconfirmed = self.marks.ended_to.saturating_sub(known);
        self.given_up += unconfirmed;
        Gone { unconfirmed, span: self.at_risk_span, ..Gone::default() }
    }
}

#[cfg(test)]
mod tests;
