//! The spool of a simulated sidecar: the writers and the reader that ship, without their threads, on a [`SimulatedDisk`].
//!
//! As with threads each lane has one writer, and there are four where each order waits for a sync; the time comes with each call.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reader::Reader;
use super::salt::Salts;
use super::shared::Now;
use super::writer::Writer;
use super::{Found, OpenError, Options};
use crate::config::Destination;
use crate::engine::lane::LaneId;
use crate::engine::spool::{Indexed, Order, Read, ReadBack, Stored};

mod disk;

pub(crate) use disk::{SimulatedDisk, Stop};

/// Writers where each order waits for a sync.
const SYNCING_WRITERS: usize = 4;

/// A spool in use by one simulated process.
pub(crate) struct SimulatedSpool {
    /// Holds the folder's lock.
    _spool: super::Spool,
    writers: Vec<Writer>,
    reader: Reader,
    origin: Instant,
}

impl SimulatedSpool {
    /// Opens a folder as a process does, with segments of so many bytes.
    pub(crate) fn open(
        disk: &Arc<SimulatedDisk>,
        options: Options,
        segment_bytes: u64,
        seed: u64,
    ) -> Result<(Self, Vec<Found>), OpenError> {
        let disk = Arc::clone(disk);
        let (mut spool, found) = super::Spool::open_on(disk, options)?;
        if let Some(shared) = Arc::get_mut(&mut spool.shared) {
            shared.segment_bytes = segment_bytes;
        }
        let number = if spool.shared.syncs() { SYNCING_WRITERS } else { 1 };
        let salts = |index: usize| Salts::seeded(seed.wrapping_add(index as u64));
        let writers = (0..number).map(|index| Writer::new(Arc::clone(&spool.shared), salts(index))).collect();
        let reader = Reader::new(Arc::clone(&spool.shared));
        Ok((SimulatedSpool { _spool: spool, writers, reader, origin: Instant::now() }, found))
    }

    /// How many writers there are.
    pub(crate) fn writers(&self) -> usize {
        self.writers.len()
    }

    /// One writer does an order.
    pub(crate) fn carry_out(&mut self, writer: usize, order: &Order, at: Duration, wall_ms: i64) -> Stored {
        let now = self.now(at, wall_ms);
        self.writers[writer].carry_out(order, now)
    }

    /// Whether a writer wants a tick within about a second.
    pub(crate) fn ticks(&self, writer: usize) -> bool {
        self.writers[writer].ticks()
    }

    /// Time has passed for a writer.
    pub(crate) fn tick(&mut self, writer: usize, at: Duration, wall_ms: i64) {
        let now = self.now(at, wall_ms);
        self.writers[writer].tick(now);
    }

    /// The reader brings chunks back.
    pub(crate) fn read(&mut self, read: Read, destination: &Destination) -> ReadBack {
        self.reader.read(read, destination)
    }

    /// The reader looks at what a lane left.
    pub(crate) fn index(&mut self, lane: LaneId, destination: &Destination) -> Indexed {
        self.reader.index(lane, destination)
    }

    fn now(&self, at: Duration, wall_ms: i64) -> Now {
        // Only differences count, so that the real moment of the origin does not matter.
        Now { at: self.origin + at, ms: wall_ms }
    }
}

/// How many segments there are below a spool's folder, spares not counted.
pub(crate) fn segments(root: &Path) -> usize {
    let lanes = root.join(super::name::LANES);
    let folders = super::disk::list(&lanes).unwrap_or_default();
    let names = folders.iter().flat_map(|(name, _)| super::disk::list(&lanes.join(name)).unwrap_or_default());
    names.filter(|(name, _)| super::name::SegmentName::parse(name).is_some()).count()
}
