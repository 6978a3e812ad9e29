//! From the queue into frames: as much as a turn may take and the window has room for.

use std::time::Instant;

use super::{Took, Writer, TURN};
use crate::queue;
use crate::wire::{append_record, utf8_cut, Record};

impl Writer {
    /// Moves records from the queue into frames, as far as the window has room.
    pub(super) fn take_records(&mut self, now: Instant) -> Took {
        if !self.is_up() {
            return Took::NoRoom;
        }
        let before = self.taken;
        let mut bytes = 0;
        let took = loop {
            if bytes >= TURN {
                break Took::Some;
            }
            if self.state.queue.records() == 0 {
                // Also keeps the window from letting go of anything that need not make room.
                break Took::All;
            }
            if !self.channel.make_room() {
                break Took::NoRoom;
            }
            let (frame, more) = self.fill_frame();
            bytes += frame;
            if !more {
                break Took::All;
            }
        };
        let records = usize::try_from(self.taken - before).unwrap_or(usize::MAX);
        self.pace.took(bytes, records, now);
        self.barriers.resolve(self.taken, took == Took::All, self.channel.last());
        took
    }

    /// Fills one frame. Says what it took from the queue's bound, and whether there may be more.
    fn fill_frame(&mut self) -> (usize, bool) {
        let mut cost = 0;
        let mut more = true;
        while !self.channel.open_is_full() {
            let Some(entry) = self.state.queue.take() else {
                more = false;
                break;
            };
            self.taken += 1;
            if let Ok((record, _)) = Record::decode(&entry) {
                cost += queue::cost(record.text.len());
                if record.text.len() <= self.channel.max_record() {
                    self.channel.append(&entry, record.timestamp_ms);
                } else {
                    self.append_parts(record);
                }
            }
            self.returned.give(entry, &self.state.queue.spares);
        }
        self.channel.seal();
        if cost > 0 {
            self.state.release(cost);
        }
        (cost, more)
    }

    /// This sidecar splits what is longer than its `max_record`; split here, the parts have sequences of their own.
    fn append_parts(&mut self, record: Record<'_>) {
        let mut rest = record.text;
        let mut encoded = Vec::new();
        loop {
            let (part, tail) = rest.split_at(utf8_cut(rest, self.channel.max_record()));
            encoded.clear();
            append_record(&mut encoded, record.timestamp_ms, part);
            self.channel.append(&encoded, record.timestamp_ms);
            rest = tail;
            if rest.is_empty() {
                return;
            }
            self.split += 1;
        }
    }
}
