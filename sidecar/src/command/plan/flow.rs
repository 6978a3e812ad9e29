//! What flows through one sidecar: records as CloudWatch will see them, calls, chunks. Arithmetic on the program's own limits.

use std::time::Duration;

use super::model::{Input, Intake};
use crate::config::{Config, PodFacts, MAX_RECORD};
use crate::engine::batch::FULL_ENOUGH;
use crate::engine::budget::BLOCK;
use crate::engine::chunk::{CHUNK_RECORDS, RECORD_HEADER};
use crate::engine::limits::{BATCH_BYTES, BATCH_EVENTS, EVENT_OVERHEAD};
use crate::intake::SEAL_AFTER;
use crate::spool;

/// How much longer the engine lingers than a batch for each busy lane takes at `--put-rate`.
const STRETCH: f64 = 1.25;

/// The records of one pod in one month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Records a second as CloudWatch counts them: those that are too long are split.
    pub(super) records: f64,
    /// Bytes of each.
    pub(super) bytes: f64,
    /// Destinations that share them evenly.
    pub(super) lanes: f64,
    intake: Intake,
}

impl Flow {
    pub(super) fn of(input: &Input, records_per_second: f64) -> Self {
        let pieces = input.bytes.div_ceil(longest(input.bytes)).max(1) as f64;
        Flow {
            records: records_per_second * pieces,
            bytes: input.bytes as f64 / pieces,
            lanes: input.destinations as f64,
            intake: input.intake,
        }
    }

    /// Bytes a second as CloudWatch measures them.
    pub(super) fn measured_bytes(&self) -> f64 {
        self.records * (self.bytes + f64::from(EVENT_OVERHEAD))
    }

    /// Bytes a second as they stand in memory and on disk.
    pub(super) fn held_bytes(&self) -> f64 {
        self.records * (self.bytes + RECORD_HEADER as f64)
    }

    /// Calls a second with full batches, of all lanes.
    pub(super) fn full_calls(&self) -> f64 {
        self.records / records_of_full_batch(self.bytes)
    }

    /// Calls a second, of all lanes: a lane sends a batch when it is full or has lingered, and none without a record.
    pub(super) fn calls(&self, linger: Duration, settings: &Config) -> f64 {
        let linger = self.stretched(linger, settings);
        let by_time = self.lanes / linger.max(1e-3);
        self.full_calls().max(by_time).min(self.records)
    }

    /// With many lanes the engine lingers longer, so that `--put-rate` suffices for a batch of each.
    fn stretched(&self, linger: Duration, settings: &Config) -> f64 {
        let needed = self.lanes / f64::from(settings.engine.put_rate.get()) * STRETCH;
        linger.as_secs_f64().max(needed.min(settings.engine.linger_max.as_secs_f64()))
    }

    /// What each lane gives a spool to write.
    pub(super) fn on_disk(&self) -> spool::Flow {
        let lane = Flow { records: self.records / self.lanes, lanes: 1.0, ..*self };
        let full = (lane.held_bytes() / BLOCK as f64).max(lane.records / f64::from(CHUNK_RECORDS));
        let by_age = lane.records.min(1.0 / SEAL_AFTER.as_secs_f64());
        // A record longer than half a block may leave the rest of one unused.
        let chunks = (by_age + 2.0 * full).min(lane.records);
        let runs = match self.intake {
            Intake::Text => chunks,
            // Where many clients write in turn, each record may be another one's.
            Intake::Framed => lane.records,
        };
        spool::Flow { data: lane.held_bytes(), chunks, runs }
    }
}

/// Records of so many bytes in a batch that is closed because it is full; a chunk's border may close it a little early.
pub(super) fn records_of_full_batch(bytes: f64) -> f64 {
    let by_bytes = f64::from(FULL_ENOUGH) / (bytes + f64::from(EVENT_OVERHEAD));
    let by_events = f64::from(BATCH_EVENTS) * f64::from(FULL_ENOUGH) / f64::from(BATCH_BYTES);
    by_bytes.min(by_events).max(1.0)
}

/// The `--max-record` that a plan supposes: the default where that is enough, else the most there is.
pub(super) fn longest(bytes: u64) -> u64 {
    let default = settings().intake.max_record;
    if bytes <= default {
        default
    } else {
        MAX_RECORD
    }
}

/// The settings that hold where the plan sets none.
pub(super) fn settings() -> Config {
    Config::defaults(PodFacts::default(), 0)
}
