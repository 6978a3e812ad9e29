//! The lanes' open chunks: where records gather until a chunk is full, 5 ms old, or asked for.

use std::time::Duration;

use crate::engine::account::Dropped;
use crate::engine::budget::Payment;
use crate::engine::chunk::{ChunkBuilder, Run};
use crate::engine::lane::LaneId;
use crate::engine::time::Now;
use crate::engine::{Claim, Engine};

/// Whoever has the engine and a clock: the shell, or a simulation of it.
pub(crate) trait Host {
    /// Applies one event, and sees to what the engine then asks for.
    fn apply<T>(&self, event: impl FnOnce(&mut Engine, Now) -> T) -> T;

    /// The time.
    fn now(&self) -> Now;

    /// Pays for bytes of a line or frame that is not whole yet, if that part of the budget allows.
    fn claim_partial(&self, bytes: usize) -> Option<Payment>;

    /// What [`Self::claim_partial`] may give in all; it never changes.
    fn for_partial(&self) -> usize;
}

/// Age at which an open chunk is sealed.
pub(crate) const SEAL_AFTER: Duration = Duration::from_millis(5);

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is ours now.
    Taken,
    /// There is no room: ask again when the lane resumes.
    Full,
}

/// Open chunks, at most one a lane.
#[derive(Debug)]
pub(crate) struct OpenChunks<H> {
    host: H,
    open: Vec<Option<ChunkBuilder>>,
    lanes: Vec<LaneId>,
}

impl<H: Host> OpenChunks<H> {
    pub(crate) fn new(host: H) -> Self {
        OpenChunks { host, open: Vec::new(), lanes: Vec::new() }
    }

    /// Adds a record to the lane's open chunk. `run` says whose it is.
    #[inline]
    pub(crate) fn push(&mut self, lane: LaneId, timestamp_ms: i64, text: &[u8], run: Run) -> Pushed {
        if let Some(Some(builder)) = self.open.get_mut(lane as usize) {
            if builder.fits(text.len()) {
                builder.push(timestamp_ms, text);
                builder.own(run);
                return Pushed::Taken;
            }
        }
        self.push_to_next(lane, timestamp_ms, text, run)
    }

    #[cold]
    fn push_to_next(&mut self, lane: LaneId, timestamp_ms: i64, text: &[u8], run: Run) -> Pushed {
        let sealed = self.take(lane).map(ChunkBuilder::seal);
        let claim = self.host.apply(|engine, now| {
            if let Some(chunk) = sealed {
                engine.append(lane, chunk, now);
            }
            let claim = engine.claim(lane, text.len(), now);
            if matches!(claim, Claim::Drop) {
                engine.append_ended(lane, run.clone(), Dropped::Overflow, now);
            }
            claim
        });
        match claim {
            Claim::Granted(mut builder) => {
                builder.push(timestamp_ms, text);
                builder.own(run);
                self.put(lane, builder);
                Pushed::Taken
            }
            Claim::Drop => Pushed::Taken,
            Claim::Wait => Pushed::Full,
        }
    }

    /// Takes in a record that ends as it comes.
    pub(crate) fn push_ended(&mut self, lane: LaneId, run: Run, reason: Dropped) {
        let sealed = self.take(lane).map(ChunkBuilder::seal);
        self.host.apply(|engine, now| {
            if let Some(chunk) = sealed {
                engine.append(lane, chunk, now);
            }
            engine.append_ended(lane, run, reason, now);
        });
    }

    /// Whether the lane can take something now; else its connections wait.
    pub(crate) fn has_room(&self, lane: LaneId) -> bool {
        const WORTHWHILE: usize = 4 * 1024;
        let open = self.open.get(lane as usize).and_then(Option::as_ref);
        open.is_some_and(|builder| builder.room() >= WORTHWHILE)
            || self.host.apply(|engine, now| engine.has_room(lane, now))
    }

    /// Seals the lane's open chunk, if it has one.
    pub(crate) fn seal(&mut self, lane: LaneId) {
        if let Some(builder) = self.take(lane) {
            let chunk = builder.seal();
            self.host.apply(|engine, now| engine.append(lane, chunk, now));
        }
    }

    /// Seals every open chunk.
    pub(crate) fn seal_all(&mut self) {
        for lane in std::mem::take(&mut self.lanes) {
            self.seal(lane);
        }
    }

    /// Seals what is old enough. When the next one will be, if any is open.
    pub(crate) fn seal_aged(&mut self, now: Now) -> Option<Duration> {
        let due = |builder: &ChunkBuilder| builder.arrived() + SEAL_AFTER;
        let open = &self.open;
        let is_due = |lane: &LaneId| {
            open.get(*lane as usize).and_then(Option::as_ref).is_some_and(|builder| due(builder) <= now.at)
        };
        let aged: Vec<LaneId> = self.lanes.iter().copied().filter(is_due).collect();
        for lane in aged {
            self.seal(lane);
        }
        self.lanes.iter().filter_map(|lane| self.open.get(*lane as usize)?.as_ref()).map(due).min()
    }

    /// Records in all open chunks.
    #[cfg(test)]
    pub(crate) fn records(&self) -> u64 {
        self.open.iter().flatten().map(|builder| u64::from(builder.records())).sum()
    }

    fn put(&mut self, lane: LaneId, builder: ChunkBuilder) {
        let index = lane as usize;
        if self.open.len() <= index {
            self.open.resize_with(index + 1, || None);
        }
        self.open[index] = Some(builder);
        self.lanes.push(lane);
    }

    fn take(&mut self, lane: LaneId) -> Option<ChunkBuilder> {
        let builder = self.open.get_mut(lane as usize)?.take()?;
        self.lanes.retain(|open| *open != lane);
        Some(builder)
    }
}
