//! Losses: told once in the stream they are missing from, by a marker, and once in the log when they begin and when they are told.

use std::time::Duration;

use super::budget::Kind;
use super::chunk::{ChunkBuilder, Run, CHUNK_OVERHEAD, RECORD_HEADER};
use super::lane::LaneId;
use super::marker::Loss;
use super::time::Now;
use super::{Command, Engine, Phase};

/// How long a marker waits for the loss to be over.
const MARKER_AFTER: Duration = Duration::from_secs(1);

impl Engine {
    pub(super) fn note_loss(&mut self, id: LaneId, loss: Loss, now: Now) {
        if loss.count == 0 || self.settings.disabled {
            return;
        }
        let Some(lane) = self.lanes.get_mut(id) else { return };
        if lane.loss.is_none() {
            let (destination, reason) = (lane.destination.clone(), loss.reason.clone());
            self.commands.push(Command::LossBegan { destination, reason });
        }
        lane.loss = Some(match lane.loss.take() {
            Some(before) => before.and(loss),
            None => loss,
        });
        self.mark(id);
        // An idle lane has nothing else that would bring us back to tell it.
        self.set_timer(id, now.at + MARKER_AFTER);
    }

    /// Writes the marker of a loss that is over into the stream, one at a time.
    pub(super) fn tell_loss(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get(id).filter(|lane| !lane.is_unknown()) else { return };
        let Some(loss) = lane.loss.as_ref().filter(|_| lane.failures == 0 && lane.marker_at.is_none()) else { return };
        let age = now.wall_ms.saturating_sub(loss.to_ms.min(now.wall_ms)).unsigned_abs();
        let over = u128::from(age) >= MARKER_AFTER.as_millis() || self.phase == Phase::Draining;
        if !over || !self.write_marker(id, now) {
            // It goes on, or memory is full: later.
            self.set_timer(id, now.at + MARKER_AFTER);
        }
    }

    /// At the end: what nobody was told of is written to disk as what it will be, a record of the stream.
    pub(super) fn spool_marker(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get(id).filter(|lane| !lane.is_unknown() && lane.loss.is_some()) else { return };
        if lane.disk.is_some() {
            self.write_marker(id, now);
        }
    }

    /// False where there is no memory for it.
    fn write_marker(&mut self, id: LaneId, now: Now) -> bool {
        let Some(lane) = self.lanes.get(id) else { return true };
        let most = self.most_in_queue(lane);
        let Some(loss) = lane.loss.clone() else { return true };
        let text = loss.text();
        let capacity = text.len() + RECORD_HEADER;
        let Some(payment) = self.budget.claim(Kind::Chunk, capacity + CHUNK_OVERHEAD) else { return false };
        let mut builder = ChunkBuilder::new(&self.budget, payment, capacity, now.at);
        builder.push(now.wall_ms, text.as_bytes());
        builder.own(Run::of_text(1));
        let Some(lane) = self.lanes.get_mut(id) else { return true };
        lane.loss = None;
        lane.marker_at = Some(lane.next_offset());
        lane.account.generated += 1;
        lane.append(builder.seal(), most, now);
        self.commands.push(Command::LossTold { destination: lane.destination.clone(), loss });
        self.use_disk(id, now);
        true
    }
}
