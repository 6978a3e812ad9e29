//! Connections that wait for room in their lane, and go on.

use super::Intake;
use crate::engine::lane::LaneId;
use crate::intake::connection::{Connection, Kind};
use crate::intake::sockets::Sockets;
use crate::intake::Host;

impl<H: Host, S: Sockets> Intake<H, S> {
    /// The lane has no room: the connection is not read until it resumes.
    pub(super) fn block(&mut self, slot: usize, connection: &mut Connection<S::Stream>, lane: LaneId) {
        if !std::mem::replace(&mut connection.blocked, true) {
            self.waiting.waits(lane, slot);
            self.counters.blocked_text.add(u64::from(matches!(connection.kind, Kind::Text { .. })));
        }
        // It cannot finish now: somebody else's turn.
        self.finisher = self.finisher.filter(|finisher| *finisher != connection.id);
    }

    /// The same where bytes have been read that the lane has no room for: it goes on before all others of the lane.
    pub(super) fn block_with_rest(&mut self, slot: usize, connection: &mut Connection<S::Stream>, lane: LaneId) {
        connection.replay = true;
        let before = connection.first_for.replace(lane);
        self.waiting.keeps(lane, slot);
        self.block(slot, connection, lane);
        if let Some(before) = before.filter(|before| *before != lane) {
            // Its lane has changed with the day.
            let slots = self.waiting.done(before, slot);
            self.unblock(slots);
        }
    }

    /// A connection was served. If it does not wait any more, those behind it go on.
    pub(super) fn let_others_on(&mut self, slot: usize, connection: &mut Connection<S::Stream>) {
        if connection.blocked {
            return;
        }
        if let Some(lane) = connection.first_for.take() {
            let slots = self.waiting.done(lane, slot);
            self.unblock(slots);
        }
    }

    /// The lane has room again.
    pub(super) fn resume(&mut self, lane: LaneId) {
        let slots = self.waiting.resume(lane);
        self.unblock(slots);
    }

    pub(super) fn unblock(&mut self, slots: Vec<usize>) {
        for slot in slots {
            if let Some(Some(connection)) = self.connections.get_mut(slot) {
                if std::mem::replace(&mut connection.blocked, false) {
                    self.counters.blocked_text.sub(u64::from(matches!(connection.kind, Kind::Text { .. })));
                }
                self.enqueue(slot);
            }
        }
    }
}
