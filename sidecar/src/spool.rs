//! The spool: chunks on disk, so that what was acknowledged survives this process (or this machine).
//!
//! `docs/spool.md` is the format. The pure part knows bytes and no files:
//!
//! | module | what it is |
//! |---|---|
//! | [`checksum`], [`fields`] | how anything is checked, and read without trust |
//! | [`name`], [`lane_file`] | names of files and folders; `lane.json` |
//! | [`header`], [`entry`] | what a segment consists of |
//! | [`cursor`] | what of a lane has ended |
//! | [`scan`] | walks a segment's entries past any damage |
//!
//! The working part knows files, and nothing of records' fates:
//!
//! | module | what it is |
//! |---|---|
//! | `open` | the lock, the folders, which lanes there are |
//! | `threads` | queues before the synchronous writer and reader |
//! | `writer`, `pool` | orders → files; files for segments |
//! | `reader`, `index` | files → chunks; what a lane left |
//! | `lanes`, `channels` | which files and channels a lane has |
//! | `disk`, `window` | operations on files, which a test can make fail |
//! | `size` | how much all of that takes, for who plans a disk |
//!
//! Around it:
//!
//! | module | what it is |
//! |---|---|
//! | [`dead_letter`] | what CloudWatch refused, as lines of JSON |
//! | [`inspect`] | looks into a spool, also one in use, and changes nothing |
//!
//! Invariants: an entry is written once, in the order of offsets, and never changed; what is reported as durable is in a file
//! (with `power-loss`: on the disk); a segment is deleted only after the cursor on disk says that all of it has ended; no
//! offset and no salt is used twice. One thread writes a lane, so nothing but the list of its files needs a lock.
//!
//! No length that comes from disk makes anything allocate more than the file really holds, and no bytes make anything panic.

pub mod checksum;
pub mod cursor;
pub mod dead_letter;
pub mod entry;
pub mod fields;
pub mod header;
pub mod inspect;
pub mod lane_file;
pub mod name;
pub mod scan;

mod channels;
mod disk;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod index;
mod lanes;
mod open;
mod pool;
mod reader;
mod salt;
mod shared;
mod size;
mod threads;
mod window;
mod writer;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::config::Destination;
use crate::engine::budget::Budget;
use crate::engine::lane::LaneId;
use crate::engine::spool::{Indexed, Order, Read, ReadBack, Stored};
use dead_letter::DeadLetters;
use disk::{Disk, RealDisk};
pub use error::OpenError;
use lanes::{lock, Lanes};
use shared::{Counters, Shared};
pub use shared::{Stats, Survives};
pub(crate) use size::{beside, lane_bytes, Flow};
use threads::{Sink, Threads};

/// Largest segment, and smallest (unless the spool's share is given otherwise).
const LARGEST_SEGMENT: u64 = 4 << 20;
const SMALLEST_SEGMENT: u64 = 256 << 10;

/// Largest file of dead letters, and how many there are.
const DEAD_LETTER_BYTES: u64 = 8 << 20;
const DEAD_LETTER_FILES: usize = 4;

/// Which spool, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder.
    pub dir: PathBuf,
    /// Most bytes it is meant to have. The engine keeps to that; here it says how large a segment gets.
    pub max_bytes: u64,
    /// What is to survive what.
    pub survives: Survives,
    /// Pays for chunks that come back.
    pub budget: Arc<Budget>,
    /// Most lanes there can be: how much can wait for the disk.
    pub lanes: usize,
}

/// A lane that an earlier process left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its destination.
    pub destination: Destination,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What the spool has done.
#[derive(Debug)]
pub enum Event {
    /// An order is done, or failed.
    Stored(Stored),
    /// Chunks are back.
    Read(ReadBack),
    /// What a lane left on disk is known.
    Indexed(Indexed),
}

/// The spool of one process. Orders of a lane are done in the order given; nothing here waits for the disk, but
/// [`open`](Self::open) and [`close`](Self::close).
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
    lanes: usize,
    _lock: File,
}

impl Spool {
    /// Takes the folder for this process and says which lanes it has. Reads no records.
    pub fn open(options: Options) -> Result<(Self, Vec<Found>), OpenError> {
        Self::open_on(Arc::new(RealDisk), options)
    }

    fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Vec<Found>), OpenError> {
        let Options { dir: root, max_bytes, survives, budget, lanes } = options;
        let locked = open::lock(&root)?;
        open::make_folders(&*disk, &root)?;
        if survives == Survives::PowerLoss {
            open::sync_folders(&*disk, &root)?;
        }
        let known = Lanes::default();
        let found = open::find_lanes(&*disk, &root, &known)?;
        let counters = Counters::default();
        let bytes = found.iter().map(|lane| lane.bytes).sum::<u64>() + open::bytes_in_quarantine(&root);
        counters.resized(0, bytes);
        let segment_bytes = (max_bytes / 64).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        let letters = DeadLetters::open(&root.join(name::DEAD_LETTER), DEAD_LETTER_BYTES, DEAD_LETTER_FILES);
        let dead_letters = Mutex::new(letters);
        let shared = Shared { disk, root, survives, segment_bytes, budget, lanes: known, counters, dead_letters };
        Ok((Spool { shared: Arc::new(shared), threads: Mutex::new(None), lanes, _lock: locked }, found))
    }

    /// Starts the threads; `sink` is called by them.
    pub fn start(&self, sink: Sink) -> io::Result<()> {
        *lock(&self.threads) = Some(Threads::start(&self.shared, self.lanes, &sink)?);
        Ok(())
    }

    /// Asks for work on a lane's files. Ignored before the start and after the close.
    pub fn order(&self, order: Box<Order>) {
        if let Some(threads) = &*lock(&self.threads) {
            threads.order(order);
        }
    }

    /// Asks for chunks.
    pub fn read(&self, read: Box<Read>, destination: Destination) {
        if let Some(threads) = &*lock(&self.threads) {
            threads.read(read, destination);
        }
    }

    /// Asks what a lane left on disk.
    pub fn index(&self, lane: LaneId, destination: Destination) {
        if let Some(threads) = &*lock(&self.threads) {
            threads.index(lane, destination);
        }
    }

    /// Everything asked for before is done, and the threads have ended; `false` where that takes longer than allowed.
    pub fn close(&self, deadline: Instant) -> bool {
        let threads = lock(&self.threads).take();
        threads.is_none_or(|threads| threads.close(deadline))
    }

    /// Sums as of now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { left_out: self.shared.lanes.left_out(), ..self.shared.counters.stats() }
    }
}

#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;
