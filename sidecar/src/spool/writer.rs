//! The writer: carries out orders, one after the other. Synchronous and without a clock of its own; a thread drives it.
//!
//! An order is append, sync (with `power-loss`), cursor, delete. Nothing is deleted before the cursor says that it has ended,
//! and nothing is reported as durable before it is.

mod append;
mod close;
mod lane;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::lanes::lock;
use super::pool::Pool;
use super::salt::Salts;
use super::shared::{Now, Shared};
use crate::config::Destination;
use crate::diagnostics::limited;
use crate::engine::lane::LaneId;
use crate::engine::spool::{Order, Stored};
use lane::Lane;
pub(super) use lane::OLD;

/// Writes the files of some lanes.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    lanes: BTreeMap<LaneId, Lane>,
    pool: Pool,
    /// There is something for a tick to do.
    due: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, salts: Salts) -> Self {
        Writer { lanes: BTreeMap::new(), pool: Pool::new(Arc::clone(&shared), salts), shared, due: false }
    }

    /// Carries out an order and says how far it came.
    pub(super) fn carry_out(&mut self, order: &Order, now: Now) -> Stored {
        let result = self.perform(order, now);
        self.write_refused(order);
        let failure = result.err().map(|error| error.to_string());
        if let Some(why) = failure.as_deref().filter(|_| order.close) {
            self.give_up_closing(order, why);
        }
        if let Some(lane) = self.lanes.get_mut(&order.lane).filter(|_| failure.is_some()) {
            lane.make_ready_again();
        }
        let done = failure.is_none();
        let mut stored = Stored { lane: order.lane, failure, ..Stored::default() };
        self.due |= self.pool.has_spares();
        match self.lanes.get_mut(&order.lane) {
            Some(lane) => {
                self.due |= lane.is_open();
                let mut files = lock(&lane.files);
                self.shared.account(&mut files);
                // What a failed order has durable is what is in the files, or what ended before it.
                lane.reported = lane.reported.max(files.end);
                stored.end = lane.reported;
                stored.lane_bytes = files.bytes();
            }
            None if done => stored.end = order.end,
            // It could not be opened: somebody has to look at what is there.
            None => stored.look_first = !order.close,
        }
        stored.spool_bytes = self.shared.counters.spool_bytes.load(Ordering::Relaxed);
        stored
    }

    fn perform(&mut self, order: &Order, now: Now) -> io::Result<()> {
        let known = self.lanes.get(&order.lane).is_some_and(|lane| lane.destination == order.destination);
        if !known {
            let lane = self.open(&order.destination, now)?;
            self.lanes.insert(order.lane, lane);
        }
        let Some(lane) = self.lanes.get_mut(&order.lane) else { return Ok(()) };
        let appended = lane.append(&order.append, &mut self.pool, now);
        if appended.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput) {
            // The engine means another lane than the one that is here.
            return appended;
        }
        if appended.is_ok() {
            lane.reported = lane.reported.max(order.end);
        }
        // Also where there is no room for more: what has ended makes some.
        let cursor = order.cursor.as_ref().filter(|cursor| lane.has_what_it_names(cursor));
        let remembered = cursor.map_or(Ok(()), |cursor| lane.write_cursor(cursor));
        if order.close {
            lane.remove_all(&mut self.pool, now.at)?;
            self.lanes.remove(&order.lane);
            return Ok(());
        }
        lane.leave_what_has_ended(now.at);
        let deleted = lane.delete_ended(&mut self.pool, now.at);
        appended.and(remembered).and(deleted)
    }

    /// Opens a lane. One that has another number now goes on as it is: only it knows the number of its last cursor. Where an earlier one of this destination was to be deleted and something is left of it, that goes first: its
    /// offsets and its cursor mean nothing to this one.
    fn open(&mut self, destination: &Destination, now: Now) -> io::Result<Lane> {
        let before = self.lanes.iter().find(|(_, lane)| lane.destination == *destination).map(|(id, _)| *id);
        if let Some(lane) = before.and_then(|id| self.lanes.remove(&id)) {
            return Ok(lane);
        }
        let mut lane = Lane::open(&self.shared, destination)?;
        if !lane.is_closing() {
            return Ok(lane);
        }
        if let Err(error) = lane.remove_all(&mut self.pool, now.at) {
            lane.left_half_closed();
            return Err(error);
        }
        Lane::open(&self.shared, destination)
    }

    /// Nobody asks again for a lane to be deleted: it is forgotten here, and what is left of it is known to be left.
    fn give_up_closing(&mut self, order: &Order, why: &str) {
        let destination = &order.destination;
        limited(|| tracing::warn!("the spool cannot delete what it has of {destination}: {why}"));
        if self.lanes.get(&order.lane).is_some_and(|lane| lane.destination == *destination) {
            self.lanes.remove(&order.lane).iter().for_each(Lane::left_half_closed);
        }
    }

    /// Each dead letter is tried once, whatever became of the rest of its order: asking again would write some twice.
    fn write_refused(&self, order: &Order) {
        if order.refused.is_empty() {
            return;
        }
        let counters = &self.shared.counters;
        let mut letters = lock(&self.shared.dead_letters);
        for refused in &order.refused {
            match letters.write(&order.destination, refused) {
                Ok(records) => _ = counters.dead_letters.fetch_add(records, Ordering::Relaxed),
                Err(error) => {
                    let records = u64::from(refused.records.end.saturating_sub(refused.records.start));
                    counters.dead_letters_lost.fetch_add(records, Ordering::Relaxed);
                    tracing::warn!("no dead letter for {records} refused records of {}: {error}", order.destination);
                }
            }
        }
    }

    /// Whether there is anything that [`tick`](Self::tick) will have to do within about a second.
    pub(super) fn ticks(&self) -> bool {
        self.due
    }

    /// Deletes what has ended of lanes that get no orders any more, before the kernel writes it to the disk, and closes their
    /// files.
    pub(super) fn tick(&mut self, now: Now) {
        for lane in self.lanes.values_mut().filter(|lane| lane.is_open()) {
            if lane.has_ended() {
                lane.leave_what_has_ended(now.at);
                // What cannot be deleted now is tried again with the lane's next order, which reports it.
                let _ = lane.delete_ended(&mut self.pool, now.at);
                self.shared.account(&mut lock(&lane.files));
            }
            lane.let_go(now.at);
        }
        self.pool.drop_old(now.at);
        self.due = self.pool.has_spares() || self.lanes.values().any(Lane::is_open);
    }
}
