//! The pump: goes round the lanes that have something to do and starts what may be started.
//!
//! A batch is cut only when an attempt, a body and a rate token are in hand, so that waiting fills it. A lane gets one
//! attempt a round, so none starves behind a busy one.

use std::time::Duration;

use super::budget::Kind;
use super::command::{Attempt, Command};
use super::create::{Creation, Target};
use super::lane::{LaneId, Next, Pressure, Retry};
use super::limits::{BATCH_BYTES, BATCH_EVENTS, BODY_BYTES, EVENT_OVERHEAD};
use super::time::Now;
use super::{fair, Engine, InFlight, Phase};
use crate::engine::batch::{Batch, Bounds, EVENT_FRAME};

/// Bodies are paid for in steps of this size.
const BODY_STEP: usize = 64 * 1024;

/// JSON around the events: names of group and stream, each escaped at worst.
const ENVELOPE: usize = 8 * 1024;

/// Why the round ends.
enum Stop {
    /// Something shared is used up: the lane stays first in line.
    Everyone,
    /// Just this lane has nothing to do.
    ThisLane,
}

impl Engine {
    pub(super) fn pump(&mut self, now: Now) {
        if self.phase > Phase::Draining || self.settings.disabled {
            return;
        }
        let pressure = self.pressure();
        while let Some(id) = self.ready.front().copied() {
            match self.step(id, pressure, now) {
                Ok(()) => self.ready.rotate_left(1),
                Err(Stop::ThisLane) => {
                    self.ready.pop_front();
                    if let Some(lane) = self.lanes.get_mut(id) {
                        lane.marked = false;
                    }
                }
                Err(Stop::Everyone) => return,
            }
        }
    }

    pub(super) fn pressure(&self) -> Pressure {
        // A batch for each busy lane takes this long at the present rate: no use in lingering less.
        let busy = self.busy as f64;
        let stretched = Duration::from_secs_f64(busy / self.puts.rate() * 1.25);
        let linger = self.settings.linger.max(stretched.min(self.settings.linger_max));
        Pressure { linger, draining: self.phase == Phase::Draining }
    }

    /// One thing for one lane.
    fn step(&mut self, id: LaneId, pressure: Pressure, now: Now) -> Result<(), Stop> {
        self.tell_loss(id, now);
        let Some(lane) = self.lanes.get(id) else { return Err(Stop::ThisLane) };
        match lane.next(now, &self.settings, pressure) {
            Next::Idle => Err(Stop::ThisLane),
            Next::At(at) => {
                self.set_timer(id, at);
                Err(Stop::ThisLane)
            }
            Next::Create => self.start_creation(id, now),
            Next::Retry(index) => self.start_retry(id, index, now),
            Next::Full => self.start_fresh(id, false, now),
            Next::Early => self.start_fresh(id, true, now),
        }
    }

    fn start_fresh(&mut self, id: LaneId, early: bool, now: Now) -> Result<(), Stop> {
        let room = self.body_room();
        let lane = self.lanes.get(id).ok_or(Stop::ThisLane)?;
        let reach = self.settings.reach_with(lane.limit);
        let events = self.settings.batch_events;
        let (cost, records) = (lane.unsent_cost.min(BATCH_BYTES.into()), lane.unsent_records.min(events.into()));
        // The cutter keeps the body within the room, so a batch never needs more than the largest body.
        let wanted = body_bytes(cost as u32, records as u32, lane.growth).min(BODY_BYTES);
        // A smaller batch only where nothing is in flight that would leave more room.
        self.check_shared(if self.in_flight.is_empty() { wanted.min(room) } else { wanted }, now)?;
        let lane = self.lanes.get_mut(id).ok_or(Stop::ThisLane)?;
        let Some(batch) = lane.cut(reach, room.saturating_sub(ENVELOPE), events) else {
            // All within reach is in flight, whose outcome brings us back here, or waits for another attempt.
            let retry_at = lane.retries.iter().map(|retry| retry.at).min();
            retry_at.into_iter().for_each(|at| self.set_timer(id, at));
            return Err(Stop::ThisLane);
        };
        if batch.short && !early && lane.in_flight > 0 {
            // There is enough for a whole one, only not within reach: what is in flight will move that.
            lane.uncut(batch);
            return Err(Stop::ThisLane);
        }
        if let Err(stop) = self.take_token(now) {
            self.uncut(id, batch);
            return Err(stop);
        }
        self.start(id, batch, InFlight { lane: id, early, retry: false }, now)
    }

    fn start_retry(&mut self, id: LaneId, index: usize, now: Now) -> Result<(), Stop> {
        let room = self.body_room();
        let alone = self.in_flight.is_empty();
        let lane = self.lanes.get_mut(id).ok_or(Stop::ThisLane)?;
        let batch = &lane.retries[index].batch;
        let wanted = body_bytes(batch.cost, batch.records, lane.growth).min(BODY_BYTES);
        if wanted > room && alone && batch.records > 1 {
            // It was cut when there was more room, or when its texts were thought to grow less: halves will fit.
            let Retry { batch, at, ambiguous } = lane.retries.swap_remove(index);
            lane.trials.split(batch.trial);
            let (left, right) = batch.halve();
            lane.retries.extend([left, right].map(|batch| Retry { batch, at, ambiguous }));
            return Ok(());
        }
        self.check_shared(if alone { wanted.min(room) } else { wanted }, now)?;
        self.take_token(now)?;
        let lane = self.lanes.get_mut(id).ok_or(Stop::ThisLane)?;
        let retry = lane.retries.swap_remove(index);
        if retry.ambiguous {
            lane.account.possible_duplicates += u64::from(retry.batch.records);
        }
        self.start(id, retry.batch, InFlight { lane: id, early: false, retry: true }, now)
    }

    /// Bytes that the next body may take.
    fn body_room(&self) -> usize {
        fair::free_for_bodies(&self.budget).min(BODY_BYTES) / BODY_STEP * BODY_STEP
    }

    /// Whether an attempt and room for a body of `bytes` are there, and no token is being waited for.
    fn check_shared(&self, bytes: usize, now: Now) -> Result<(), Stop> {
        let slots = self.in_flight.len() < self.settings.in_flight_total as usize;
        let paced = self.token_at.is_some_and(|at| at > now.at);
        if !slots || paced || bytes > self.body_room() {
            return Err(Stop::Everyone);
        }
        Ok(())
    }

    /// Takes a rate token, last of all: none is wasted on a batch that cannot go.
    fn take_token(&mut self, now: Now) -> Result<(), Stop> {
        self.puts.take(now.at).map_err(|at| {
            self.token_at = Some(at);
            Stop::Everyone
        })
    }

    fn uncut(&mut self, id: LaneId, batch: Batch) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.uncut(batch);
        }
    }

    fn start(&mut self, id: LaneId, batch: Batch, mut flight: InFlight, now: Now) -> Result<(), Stop> {
        let room = self.body_room();
        let Some(lane) = self.lanes.get_mut(id) else { return Err(Stop::ThisLane) };
        // A single record may want more than there is: its body pays for more while it is built, if it needs it.
        let bytes = body_bytes(batch.cost, batch.records, lane.growth).min(room);
        let Some(body) = self.budget.claim(Kind::Body, bytes) else {
            // Somebody took the last bytes between the look and the claim: wait for the next outcome.
            lane.retries.push(Retry { batch, at: now.at, ambiguous: false });
            return Err(Stop::Everyone);
        };
        flight.early &= batch.cost < BATCH_BYTES / 2;
        lane.started(flight.early, now);
        let attempt = self.next_attempt;
        self.next_attempt += 1;
        self.in_flight.insert(attempt, flight);
        let destination = lane.destination.clone();
        self.commands.push(Command::Attempt(Attempt { id: attempt, destination, batch, body }));
        Ok(())
    }

    fn start_creation(&mut self, id: LaneId, now: Now) -> Result<(), Stop> {
        let Some(lane) = self.lanes.get_mut(id) else { return Err(Stop::ThisLane) };
        let Creation::Wanted { what, .. } = lane.creation else { return Err(Stop::ThisLane) };
        if let Err(at) = self.creates.take(now.at) {
            lane.creation = Creation::Wanted { what, at };
            self.set_timer(id, at);
            return Err(Stop::ThisLane);
        }
        lane.creation = Creation::Running;
        if what == Target::Stream || self.groups.begin(lane.destination.group(), id) {
            let destination = lane.destination.clone();
            self.commands.push(Command::Create { lane: id, what, destination });
        }
        Err(Stop::ThisLane)
    }
}

/// What a body of so many records may take, in steps of 64 KiB.
fn body_bytes(cost: u32, records: u32, growth: f32) -> usize {
    let bytes = Bounds::body_of(growth, cost.saturating_sub(records * EVENT_OVERHEAD), records) + ENVELOPE;
    bytes.div_ceil(BODY_STEP) * BODY_STEP
}

const _: () = assert!(BODY_BYTES > BATCH_BYTES as usize + BATCH_EVENTS as usize * EVENT_FRAME + ENVELOPE);
