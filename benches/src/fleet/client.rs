//! The apps: who writes what into a sidecar, and when.

use std::time::Duration;

use fastrand::Rng;
use splashdam_sidecar::config::Destination;
use splashdam_sidecar::engine::chunk::{ChannelIndex, Run};
use splashdam_sidecar::engine::flush::{Asker, Level};
use splashdam_sidecar::engine::lane::LaneId;
use splashdam_sidecar::engine::time::Now;
use splashdam_sidecar::engine::{Claim, Engine, Hello};

use crate::error::{wrong, Result};

/// Mean time between two reads of a usual app's connection, and the records that a read finds, at most.
const EVERY: Duration = Duration::from_millis(500);
const RECORDS: u32 = 3;
/// Lengths of texts, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 60..=260;
/// What an app writes as it starts.
const AT_START: u32 = 20;
/// How long an app that flushes after each record waits for the answer.
const FLUSH: Duration = Duration::from_secs(10);
/// How long it works between two records.
const WORK: Duration = Duration::from_millis(1);

/// How an app logs.
#[derive(Debug)]
enum Habit {
    /// Writes lines now and then.
    Lines { written: u64 },
    /// Writes a record, flushes, waits for the answer, goes on.
    Flushes { connection: u64, channel: ChannelIndex, written: u64 },
}

/// One app's connection to its sidecar.
#[derive(Debug)]
pub(super) struct Client {
    lane: LaneId,
    habit: Habit,
}

/// What a client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Writes again after this time.
    After(Duration),
    /// Waits for the sidecar: for room, or for an answer.
    Waits,
}

impl Client {
    /// An app that writes lines.
    pub(super) fn lines(engine: &mut Engine, to: &Destination, now: Now) -> Result<Self> {
        Ok(Self { lane: connect(engine, to, now)?, habit: Habit::Lines { written: 0 } })
    }

    /// An app that flushes; `connection` is the number of its connection.
    pub(super) fn flushes(engine: &mut Engine, to: &Destination, connection: u64, now: Now) -> Result<Self> {
        let lane = connect(engine, to, now)?;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&connection.to_le_bytes());
        match engine.hello(lane, id, 1, connection, now) {
            Hello::Welcome(welcome) => {
                Ok(Self { lane, habit: Habit::Flushes { connection, channel: welcome.channel, written: 0 } })
            }
            other => Err(wrong("a client's hello", format!("{other:?}"))),
        }
    }

    /// Its connection has gone.
    pub(super) fn gone(self, engine: &mut Engine, now: Now) {
        match self.habit {
            Habit::Lines { .. } => engine.gone(self.lane, None, 0, now),
            Habit::Flushes { connection, channel, .. } => engine.gone(self.lane, Some(channel), connection, now),
        }
    }

    pub(super) fn lane(&self) -> LaneId {
        self.lane
    }

    /// Writes once.
    pub(super) fn write(&mut self, engine: &mut Engine, rng: &mut Rng, now: Now) -> Next {
        let Claim::Granted(mut chunk) = engine.claim(self.lane, *LENGTHS.end(), now) else { return Next::Waits };
        match &mut self.habit {
            Habit::Lines { written } => {
                let records = if *written == 0 { AT_START } else { rng.u32(1..=RECORDS) };
                for _ in 0..records {
                    chunk.push(now.wall_ms, text(rng));
                    chunk.own(Run::of_text(1));
                }
                *written += u64::from(records);
                engine.append(self.lane, chunk.seal(), now);
                Next::After(exponential(rng, EVERY))
            }
            Habit::Flushes { connection, channel, written } => {
                *written += 1;
                chunk.push(now.wall_ms, text(rng));
                chunk.own(Run { channel: *channel, first_sequence: *written, sequences: 1, records: 1 });
                engine.append(self.lane, chunk.seal(), now);
                let asker = Asker::Client { connection: *connection, channel: *channel, ticket: *written };
                engine.flush(self.lane, asker, Level::Ended, FLUSH, now);
                Next::Waits
            }
        }
    }

    /// How long after the answer to a flush the app logs again.
    pub(super) fn after_flush(rng: &mut Rng) -> Duration {
        exponential(rng, WORK)
    }
}

fn connect(engine: &mut Engine, to: &Destination, now: Now) -> Result<LaneId> {
    let lane = engine.open_lane(to, now).ok_or_else(|| wrong("opening a lane", "the engine has no room for it"))?;
    engine.connected(lane);
    Ok(lane)
}

fn text(rng: &mut Rng) -> &'static [u8] {
    const TEXT: [u8; *LENGTHS.end()] = [b'x'; *LENGTHS.end()];
    &TEXT[..rng.usize(LENGTHS)]
}

/// A time drawn from an exponential distribution, at most ten times its mean.
pub(super) fn exponential(rng: &mut Rng, mean: Duration) -> Duration {
    mean.mul_f64((-(1.0 - rng.f64()).ln()).min(10.0))
}
