//! The other side of the spool in tests: makes orders as the engine does, and knows what must come back.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Destination;
use crate::engine::budget::{Budget, Kind};
use crate::engine::chunk::tests::chunk_of;
use crate::engine::chunk::{Chunk, Run};
use crate::engine::spool::{ChannelMark, Cursor, DiskRun, Entry, Indexed, Order, Piece, Read, ReadBack, Stored, Want};
use crate::spool::disk::{Disk, RealDisk};
use crate::spool::reader::Reader;
use crate::spool::salt::Salts;
use crate::spool::shared::Now;
use crate::spool::writer::Writer;
use crate::spool::{Found, OpenError, Options, Spool, Survives};

pub(super) const CLIENT: [u8; 16] = [7; 16];
pub(super) const SEGMENT: u64 = 4_096;

/// A folder that goes with its handle; in memory where that is possible, as the tests here make tens of thousands.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A copy of a spool, lock and all.
pub(super) fn copy(from: &Path) -> tempfile::TempDir {
    let to = folder();
    let mut folders = vec![from.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = to.path().join(entry.path().strip_prefix(from).unwrap());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir(path).unwrap();
                folders.push(entry.path());
            } else {
                fs::copy(entry.path(), path).unwrap();
            }
        }
    }
    to
}

pub(super) fn destination() -> Destination {
    Destination::parse("/app", "pod").unwrap()
}

/// A spool without threads, with small segments.
pub(super) struct Bench {
    pub(super) spool: Spool,
    pub(super) found: Vec<Found>,
    pub(super) budget: Arc<Budget>,
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    pub(super) now: Now,
}

impl Bench {
    pub(super) fn on(dir: &Path, disk: Arc<dyn Disk>, survives: Survives) -> Self {
        Self::try_on(dir, disk, survives).unwrap()
    }

    /// The same on a disk that may not even let us begin.
    pub(super) fn try_on(dir: &Path, disk: Arc<dyn Disk>, survives: Survives) -> Result<Self, OpenError> {
        let budget = Budget::new(64 << 20);
        let options = Options { dir: dir.to_owned(), max_bytes: 1, survives, budget: Arc::clone(&budget), lanes: 4 };
        let (mut spool, found) = Spool::open_on(disk, options)?;
        Arc::get_mut(&mut spool.shared).unwrap().segment_bytes = SEGMENT;
        let writer = Writer::new(Arc::clone(&spool.shared), Salts::new().unwrap());
        let reader = Reader::new(Arc::clone(&spool.shared));
        Ok(Bench { spool, found, budget, writer, reader, now: Now { at: Instant::now(), ms: 1 } })
    }

    pub(super) fn real(dir: &Path) -> Self {
        Self::on(dir, Arc::new(RealDisk), Survives::ProcessCrash)
    }

    pub(super) fn carry_out(&mut self, order: &Order) -> Stored {
        self.writer.carry_out(order, self.now)
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now.at += time;
    }

    pub(super) fn index(&mut self) -> Indexed {
        self.reader.index(0, &destination())
    }

    pub(super) fn read(&mut self, from: u64, to: u64, bytes: usize) -> ReadBack {
        let payment = self.budget.claim(Kind::Recalled, bytes).unwrap();
        self.reader.read(Read { lane: 0, from, to, payment, want: Want::Records }, &destination())
    }

    /// All pieces of `from..to`, which are asserted to be contiguous.
    pub(super) fn read_all(&mut self, from: u64, to: u64) -> Vec<Piece> {
        let (mut pieces, mut next) = (Vec::new(), from);
        while next < to {
            let back = self.read(next, to, 20_000);
            assert_eq!((back.failure.as_deref(), back.needs), (None, None));
            assert!(back.next > next, "a read brings something");
            next = back.next;
            pieces.extend(back.pieces);
        }
        let mut at = from;
        for piece in &pieces {
            let offsets = offsets(piece);
            // The first chunk may begin before the offset asked for.
            assert!(offsets.start == at || (at == from && offsets.start < at), "{offsets:?} at {at}");
            at = offsets.end;
        }
        pieces
    }
}

pub(super) fn offsets(piece: &Piece) -> std::ops::Range<u64> {
    match piece {
        Piece::Chunk { first, chunk, .. } => *first..*first + u64::from(chunk.records),
        Piece::Ended(range) => range.clone(),
        Piece::Corrupt { offsets, .. } => offsets.clone(),
    }
}

/// The text of the record at an offset.
pub(super) fn text(offset: u64) -> String {
    format!("{offset} {}", "x".repeat(200 + offset as usize % 90))
}

/// A chunk of one client's records, whose sequences are their offsets plus 1.
pub(super) fn entry(budget: &Arc<Budget>, first: u64, records: u32) -> Entry {
    let texts: Vec<_> = (first..first + u64::from(records)).map(text).collect();
    let pairs: Vec<_> = texts.iter().map(|text| (5, text.as_str())).collect();
    let runs = vec![DiskRun { client: CLIENT, first_sequence: first + 1, sequences: records, records }];
    Entry { first, chunk: Arc::new(chunk_of(budget, &pairs)), runs, arrived_ms: 5, ended: false }
}

/// The same, ended before it was written.
pub(super) fn tombstone(budget: &Arc<Budget>, first: u64, records: u32) -> Entry {
    let chunk = Arc::new(Chunk::tombstone(budget, Run::of_text(records), Duration::ZERO));
    let runs = vec![DiskRun { client: CLIENT, first_sequence: first + 1, sequences: records, records }];
    Entry { first, chunk, runs, arrived_ms: 5, ended: true }
}

pub(super) fn order(append: Vec<Entry>, end: u64, watermark: Option<u64>) -> Order {
    let channels = vec![ChannelMark {
        client: CLIENT,
        admitted: 1_000,
        ended: watermark.unwrap_or(0),
        delivered: watermark.unwrap_or(0),
        ..ChannelMark::default()
    }];
    let cursor = watermark.map(|watermark| Cursor { watermark, ended: Vec::new(), channels, clean: false });
    Order { lane: 0, destination: destination(), append, end, cursor, refused: Vec::new(), close: false }
}

/// Asserts that a chunk holds the records that were appended at its offsets.
pub(super) fn assert_genuine(first: u64, chunk: &Chunk, runs: &[DiskRun]) {
    for (offset, record) in (first..).zip(chunk.iter()) {
        assert_eq!(record.text, text(offset).as_bytes());
    }
    assert_eq!((runs[0].first_sequence, runs[0].records), (first + 1, chunk.records));
}
