//! A spool's folder with arbitrary files: one after the other, each its kind (1 byte), its length (2 bytes), its bytes.
//!
//! | kind, modulo 8 | file |
//! |---|---|
//! | 0, 1 | a segment: base (8 bytes) and salt (8 bytes) of its name, then what it holds |
//! | 2, 3 | the cursor |
//! | 4 | `lane.json` |
//! | 5 | a segment to be used again |
//!
//! In those of odd kind every checksum is put right before: else hardly any input would come past the first one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // this is how a fuzzer hears of it

mod files;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::RealDisk;
use super::inspect::{look, visit_records, Which};
use super::name::HIGHEST_OFFSET;
use super::reader::Reader;
use super::salt::Salts;
use super::shared::Now;
use super::writer::Writer;
use super::{Options, Spool, Survives};
use crate::config::Destination;
use crate::engine::budget::{Budget, Kind};
use crate::engine::chunk::{Chunk, ChunkBuilder, Run, CHUNK_CLAIM};
use crate::engine::spool::{Cursor, DiskRun, Entry, Order, Piece, Read, ReadBack, Want};
pub use files::File;

/// Memory of the whole spool.
const MEMORY: usize = 8 << 20;
/// What pays for one read at first.
const READ: usize = 4_096;
/// More reads than any input of ours can need.
const MOST_READS: usize = 10_000;

/// Tries one folder, made below `scratch`.
pub fn run(scratch: &Path, data: &[u8]) {
    let files = files::of(data);
    if files.is_empty() {
        return;
    }
    let root = scratch.join("spool");
    let _ = fs::remove_dir_all(&root);
    files::place(&root, &destination(), &files);
    inspect(&root, &files);
    let mut bench = Bench::on(&root);
    let Some(next) = bench.recover(&files) else { return };
    assert!(bench.budget.used() <= MEMORY);
    if next < HIGHEST_OFFSET - 1 {
        bench.goes_on(next);
    }
    drop(bench);
    fs::remove_dir_all(&root).unwrap();
}

fn destination() -> Destination {
    Destination::parse("/app", "pod").unwrap()
}

/// Who looks without a lock is shown nothing but what was written, either.
fn inspect(root: &Path, files: &[File]) {
    let found = look(root).unwrap();
    assert!(found.lanes.len() <= 1);
    let (places, _) = super::inspect::lanes(root).unwrap();
    for lane in &places {
        let seen = visit_records(lane, Which::All, &mut |seen| {
            if let super::inspect::Seen::Record(record) = seen {
                assert!(files.iter().any(|file| file.holds(record.text)), "an invented record");
            }
            Ok(())
        });
        seen.unwrap();
    }
}

/// A spool without threads.
struct Bench {
    budget: Arc<Budget>,
    writer: Writer,
    reader: Reader,
    _spool: Spool,
}

impl Bench {
    fn on(root: &Path) -> Self {
        let budget = Budget::new(MEMORY);
        let survives = Survives::ProcessCrash;
        let options = Options { dir: root.to_owned(), max_bytes: 1, survives, budget: Arc::clone(&budget), lanes: 4 };
        let (spool, _) = Spool::open_on(Arc::new(RealDisk), options).unwrap();
        let writer = Writer::new(Arc::clone(&spool.shared), Salts::new().unwrap());
        let reader = Reader::new(Arc::clone(&spool.shared));
        Bench { budget, writer, reader, _spool: spool }
    }

    /// Indexes the lane and reads all of it; gives the next offset, if the lane can be used.
    fn recover(&mut self, files: &[File]) -> Option<u64> {
        let indexed = self.reader.index(0, &destination());
        if indexed.failure.is_some() {
            return None;
        }
        let (first, next) = (indexed.cursor.watermark, indexed.next);
        assert!(first <= next && next <= HIGHEST_OFFSET, "{first} to {next}");
        for range in &indexed.cursor.ended {
            assert!(first <= range.start && range.start < range.end && range.end <= next, "{range:?}");
        }
        for want in [Want::Runs, Want::Records] {
            self.read_all(first..next, want, |piece| {
                if let Piece::Chunk { first, chunk, .. } = piece {
                    let genuine = files.iter().any(|file| file.wrote(*first, chunk.records, chunk.data()));
                    assert!(genuine, "a chunk at {first} that nobody wrote");
                }
            });
        }
        Some(next)
    }

    /// Reads on and on; each read brings something, within what pays for it, and nothing is left out.
    fn read_all(&mut self, offsets: std::ops::Range<u64>, want: Want, mut see: impl FnMut(&Piece)) {
        let (mut next, mut bytes) = (offsets.start, READ);
        for _ in 0..MOST_READS {
            if next >= offsets.end {
                return;
            }
            let back = self.read(next, offsets.end, bytes, want);
            assert_eq!(back.failure, None, "a disk that works");
            let mut at = next;
            for piece in &back.pieces {
                let of = offsets_of(piece);
                assert!(of.start == at || (at == offsets.start && of.start < at), "{of:?} at {at}");
                at = of.end;
                see(piece);
            }
            bytes = back.needs.unwrap_or(READ);
            assert!(bytes <= MEMORY, "a chunk of {bytes} bytes");
            assert!(back.next > next || back.needs.is_some(), "a read that brings nothing");
            assert_eq!(back.next.min(offsets.end), at.max(next).min(offsets.end));
            next = back.next;
        }
        panic!("recovery does not end");
    }

    fn read(&mut self, from: u64, to: u64, bytes: usize, want: Want) -> ReadBack {
        let payment = self.budget.claim(Kind::Recalled, bytes).expect("everything read before was given back");
        self.reader.read(Read { lane: 0, from, to, payment, want }, &destination())
    }

    /// The lane takes another record behind all of that, and gives it back.
    fn goes_on(&mut self, next: u64) {
        let entry = Entry {
            first: next,
            chunk: Arc::new(chunk(&self.budget, b"after")),
            runs: vec![DiskRun { client: [0; 16], first_sequence: 0, sequences: 1, records: 1 }],
            arrived_ms: 1,
            ended: false,
        };
        let order = Order {
            lane: 0,
            destination: destination(),
            append: vec![entry],
            end: next + 1,
            cursor: Some(Cursor { watermark: next, ..Cursor::default() }),
            refused: Vec::new(),
            close: false,
        };
        let stored = self.writer.carry_out(&order, Now { at: Instant::now(), ms: 1 });
        assert_eq!((stored.failure, stored.end), (None, next + 1));
        drop(order);
        let mut texts = Vec::new();
        self.read_all(next..next + 1, Want::Records, |piece| {
            if let Piece::Chunk { chunk, .. } = piece {
                texts.extend(chunk.iter().map(|record| record.text.to_vec()));
            }
        });
        assert_eq!(texts, [b"after"], "what is written behind a damaged lane");
    }
}

fn chunk(budget: &Arc<Budget>, text: &[u8]) -> Chunk {
    let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
    let mut builder = ChunkBuilder::new(budget, payment, 1_024, Duration::ZERO);
    builder.push(1, text);
    builder.own(Run::of_text(1));
    builder.seal()
}

fn offsets_of(piece: &Piece) -> std::ops::Range<u64> {
    match piece {
        Piece::Chunk { first, chunk, .. } => *first..*first + u64::from(chunk.records),
        Piece::Ended(range) => range.clone(),
        Piece::Corrupt { offsets, .. } => offsets.clone(),
    }
}
