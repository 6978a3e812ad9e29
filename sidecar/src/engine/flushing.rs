//! Flushes: who waits for which watermark, and who is told.

use std::time::Duration;

use super::flush::{Asker, Flushed, Level, Waiting};
use super::lane::LaneId;
use super::time::Now;
use super::{chunk, Command, Engine};

/// A flush of every lane, asked over HTTP.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlushAll {
    lanes: u32,
    reached: bool,
}

impl Engine {
    /// Asks that every record taken in so far ends; answered by [`Command::FlushedAll`].
    pub fn flush_all(&mut self, request: u64, timeout: Duration, now: Now) {
        let deadline = now.at + timeout;
        let mut waiting = 0;
        for id in self.lanes.ids() {
            let Some(lane) = self.lanes.get_mut(id) else { continue };
            let target = lane.next_offset();
            if lane.ended() < target {
                let (asker, level) = (Asker::Admin { request }, Level::Ended);
                lane.flushes.push(Waiting { asker, target, level, deadline });
                waiting += 1;
                self.set_timer(id, deadline);
                self.mark(id);
            }
        }
        if waiting == 0 {
            self.commands.push(Command::FlushedAll { request, reached: true });
        } else {
            self.flush_alls.insert(request, FlushAll { lanes: waiting, reached: true });
        }
        self.pump(now);
    }

    pub(super) fn answer_flush(&mut self, waiting: Waiting, reached: bool, id: LaneId) {
        match waiting.asker {
            Asker::Client { connection, channel, ticket } => {
                let flushed = self.flushed(id, channel, reached);
                self.commands.push(Command::Flushed { connection, ticket, flushed });
            }
            Asker::Admin { request } => {
                let Some(all) = self.flush_alls.get_mut(&request) else { return };
                all.reached &= reached;
                all.lanes -= 1;
                if all.lanes == 0 {
                    let reached = all.reached;
                    self.flush_alls.remove(&request);
                    self.commands.push(Command::FlushedAll { request, reached });
                }
            }
        }
    }

    fn flushed(&self, id: LaneId, channel: chunk::ChannelIndex, reached: bool) -> Flushed {
        let lane = self.lanes.get(id);
        let Some(channel) = lane.and_then(|lane| lane.channels.get(channel)) else {
            return Flushed { reached, ..Flushed::default() };
        };
        let durable = channel.durable.clamp(channel.ended, channel.admitted);
        Flushed {
            reached,
            delivered: channel.counts.delivered,
            rejected: channel.counts.rejected,
            dropped: channel.counts.dropped,
            spooled: durable - channel.ended,
            pending: channel.admitted - durable,
        }
    }

    pub(super) fn end_late_flushes(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let (late, waiting) = std::mem::take(&mut lane.flushes).into_iter().partition(|flush| flush.deadline <= now.at);
        lane.flushes = waiting;
        let next = lane.flushes.iter().map(|flush| flush.deadline).min();
        if let Some(next) = next {
            // The lane's one timer stood for something earlier, and is spent.
            self.set_timer(id, next);
        }
        let late: Vec<Waiting> = late;
        for flush in late {
            self.answer_flush(flush, false, id);
        }
    }

    /// Answers the flushes whose watermark has come far enough.
    pub(super) fn answer_flushes(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(id).filter(|lane| !lane.flushes.is_empty()) else { return };
        let (ended, durable) = (lane.ended(), lane.durable());
        let is_done = |flush: &Waiting| match flush.level {
            Level::Ended => flush.target <= ended,
            Level::Durable => flush.target <= durable,
        };
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut lane.flushes).into_iter().partition(is_done);
        lane.flushes = waiting;
        for flush in done {
            self.answer_flush(flush, true, id);
        }
    }
}
