//! The end: of a lane that nobody needs, and of the process.

use std::time::Duration;

use super::account::Dropped;
use super::lane::{Lane, LaneId};
use super::sabotage::{self, Sabotage};
use super::time::Now;
use super::{channel, Command, Engine, Phase, LANE_IDLE};

/// Longest wait for another attempt once everything is to go, or a part of the time that is left: so there are several.
const HURRY: Duration = Duration::from_secs(5);
const HURRY_PART: u32 = 4;

impl Engine {
    /// Everything is to go now, within `left`; tells when all is gone. Said again with less time left, it has what waits for
    /// another attempt make it within that.
    pub fn drain(&mut self, left: Duration, now: Now) {
        if self.phase <= Phase::Draining {
            self.phase = Phase::Draining;
            self.waits.hurry(HURRY.min(left / HURRY_PART));
            self.hurry(now);
        }
        for id in self.lanes.ids() {
            self.mark(id);
        }
        self.pump(now);
        self.tell_if_drained();
    }

    /// What waits for its next attempt waits no longer than that.
    fn hurry(&mut self, now: Now) {
        for id in self.lanes.ids() {
            let at = now.at + self.waits.soon();
            if let Some(lane) = self.lanes.get_mut(id) {
                lane.hurry(at);
            }
        }
    }

    /// The deadline has come: nothing is attempted any more. What no attempt holds stays on disk, or is on its way there, or
    /// is dropped (`shutdown`) where there is none. Attempts in flight are the caller's to cancel; what they bring back ends
    /// the same way.
    pub fn give_up(&mut self, now: Now) {
        self.phase = Phase::GivenUp;
        for id in self.lanes.ids() {
            if let Some(lane) = self.lanes.get_mut(id) {
                if lane.disk.is_none() {
                    lane.drop_unwritten(Dropped::Shutdown);
                } else {
                    lane.uncut_all();
                }
            }
            self.spool_marker(id, now);
            self.after_end(id, now);
        }
        self.tell_if_drained();
    }

    /// What is still not on disk is dropped: the disk has had its time.
    pub fn abandon(&mut self, now: Now) {
        self.phase = Phase::Abandoned;
        for id in self.lanes.ids() {
            if let Some(lane) = self.lanes.get_mut(id) {
                lane.drop_unwritten(Dropped::Shutdown);
            }
            self.after_end(id, now);
        }
    }

    pub(super) fn tell_if_drained(&mut self) {
        let written = |lane: &Lane| lane.in_flight == 0 && lane.in_memory() == 0;
        let done = match self.phase {
            Phase::Serving => false,
            Phase::Draining => {
                let forgets = sabotage::on(Sabotage::DrainForgetsTail);
                self.lanes.iter().all(|(_, lane)| lane.is_empty() || forgets && lane.in_flight == 0)
            }
            Phase::GivenUp | Phase::Abandoned => self.lanes.iter().all(|(_, lane)| written(lane)),
        };
        if done && !self.commands.iter().any(|command| matches!(command, Command::Drained)) {
            self.commands.push(Command::Drained);
        }
    }

    pub(super) fn retire_if_idle(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let ended = lane.ended();
        lane.channels.settle(ended);
        lane.channels.expire(now.at);
        let may_go = lane.may_go() && lane.channels.is_empty();
        if may_go && lane.idle_since + LANE_IDLE <= now.at {
            if !self.close_files(id) {
                self.retire(id);
            }
        } else if lane.is_empty() && lane.connections == 0 {
            let at = now.at + if lane.channels.is_empty() { LANE_IDLE } else { channel::KEEP };
            self.set_timer(id, at);
        }
    }

    /// Takes a lane out; its counts go on in the totals.
    pub(super) fn retire(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.remove(id) else { return };
        if let Some(at) = lane.timer {
            self.timers.remove(&(at, id));
        }
        self.ready.retain(|ready| *ready != id);
        self.waiting.retain(|waiting| *waiting != id);
        self.hungry.retain(|hungry| *hungry != id);
        self.short.retain(|short| *short != id);
        if let Some(disk) = lane.disk.as_ref().filter(|disk| disk.used) {
            // Its files stay, and are looked at before its next use.
            self.left.insert(lane.destination.clone());
            self.letters_lost += disk.letters_lost;
        }
        *self.retired.entry(lane.destination.group().clone()).or_default() += &lane.account;
    }
}
