//! Every crash point, and every failure: a script of orders is ended (or hit once) at each operation on the disk.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::faulty::{Faulty, Hit};
use super::model::*;
use super::script::{Known, Run, Step, GAPS, RESTARTS, SCRIPT};
use crate::engine::spool::Piece;
use crate::spool::Survives;

/// What is left beside what was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// All that was written.
    All,
    /// Nothing that was not synced: of a cursor an older one, or none.
    Synced,
    /// Any part of what was not synced. A later part of a write may be there and an earlier one missing, and is called lost.
    Torn,
}

/// Opens what is left, and asserts that it is what it must be.
pub(super) fn assert_recovers(dir: &Path, known: &Known, left: Left, what: &str) {
    let mut bench = Bench::real(dir);
    if known.closing && bench.found.is_empty() {
        return;
    }
    let known = &Known { unsure: [&known.unsure[..], &[known.written..known.asked]].concat(), ..known.clone() };
    let indexed = bench.index();
    assert_eq!(indexed.failure, None, "{what}");
    assert!(known.written <= indexed.next && indexed.next <= known.asked, "{what}: {indexed:?} {known:?}");
    let watermark = indexed.cursor.watermark;
    let least = if left == Left::All && !known.closing { known.cursor } else { 0 };
    assert!(least <= watermark && watermark <= known.watermark, "{what}: {indexed:?} {known:?}");
    // A sequence is an offset plus 1. What was acknowledged is admitted, and what was never given is not.
    let admitted = indexed.cursor.channels.first().map_or(0, |channel| channel.admitted);
    let acked = if known.closing { 0 } else { known.written };
    assert!(acked <= admitted && admitted <= known.asked, "{what}: {admitted} {known:?}");
    assert_pieces(&mut bench, indexed.cursor.watermark, indexed.next, (known, left), what);

    // The lane goes on where it was, and the next process finds that, too.
    let next = indexed.next;
    let stored = bench.carry_out(&order(vec![entry(&bench.budget, next, 3)], next + 3, None));
    assert_eq!((stored.failure, stored.end), (None, next + 3), "{what}");
    assert_pieces(&mut bench, indexed.cursor.watermark, next + 3, (known, left), what);
    drop(bench);
    let mut bench = Bench::real(dir);
    let again = bench.index();
    assert_eq!((again.next, again.cursor.watermark), (next + 3, indexed.cursor.watermark), "{what}");
    assert_pieces(&mut bench, again.cursor.watermark, next + 3, (known, left), what);
}

fn assert_pieces(bench: &mut Bench, from: u64, to: u64, (known, left): (&Known, Left), what: &str) {
    let within = |ranges: &[Range<u64>], offsets: &Range<u64>| {
        ranges.iter().any(|range| range.start <= offsets.start && offsets.end <= range.end)
    };
    for piece in bench.read_all(from, to) {
        let offsets = offsets(&piece);
        match piece {
            Piece::Chunk { first, chunk, runs, ended: false, .. } => assert_genuine(first, &chunk, &runs),
            Piece::Chunk { ended: true, .. } | Piece::Ended(_) => {
                assert!(within(&known.ended, &offsets), "{what}: {offsets:?} had not ended");
            }
            Piece::Corrupt { .. } => {
                let torn = left == Left::Torn && within(&known.unsure, &offsets);
                assert!(torn, "{what}: {offsets:?} is lost, {known:?}");
            }
        }
    }
}

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The process ends; the kernel keeps what was written.
    Crash,
    /// The machine ends; what was not synced is gone, names of files included or not.
    PowerLoss { names: bool },
    /// So many operations fail, and what failed is asked for again.
    Failure { times: usize },
}

fn visit_all(script: &[Step], survives: Survives, what: What) {
    let dir = folder();
    let whole = Arc::new(Faulty::default());
    Run::new(dir.path(), Arc::<Faulty>::clone(&whole), survives, false).script(script);
    let operations = whole.operations();
    assert!(operations > 30, "the script does something: {operations}");
    for hit in [Hit::Before, Hit::Torn, Hit::After] {
        let mut visited = 0;
        for at in 0..operations {
            let dir = folder();
            let (disk, retries) = match what {
                What::Failure { times } => (Faulty::fails_at(at, hit, times), true),
                _ => (Faulty::ends_at(at, hit), false),
            };
            let disk = Arc::new(disk);
            let mut run = Run::new(dir.path(), Arc::<Faulty>::clone(&disk), survives, retries);
            run.script(script);
            visited += usize::from(disk.was_hit());
            let known = run.known;
            drop(run.bench);
            if let What::PowerLoss { names } = what {
                disk.lose_power(&dir.path().join("lanes"), names);
            }
            let left = if matches!(what, What::PowerLoss { .. }) { Left::Synced } else { Left::All };
            let what = format!("{survives:?}, {what:?}, {hit:?} {at} of {operations}");
            assert_recovers(dir.path(), &known, left, &what);
        }
        assert_eq!(visited, operations);
        eprintln!("{survives:?}, {what:?}, {hit:?}: {visited} of {operations} operations");
    }
}

#[test]
fn no_crash_loses_or_invents_anything() {
    visit_all(SCRIPT, Survives::ProcessCrash, What::Crash);
    visit_all(SCRIPT, Survives::PowerLoss, What::Crash);
    visit_all(GAPS, Survives::PowerLoss, What::Crash);
    visit_all(RESTARTS, Survives::ProcessCrash, What::Crash);
}

#[test]
fn no_power_loss_loses_or_invents_anything() {
    visit_all(SCRIPT, Survives::PowerLoss, What::PowerLoss { names: false });
    visit_all(SCRIPT, Survives::PowerLoss, What::PowerLoss { names: true });
    visit_all(RESTARTS, Survives::PowerLoss, What::PowerLoss { names: false });
    visit_all(RESTARTS, Survives::PowerLoss, What::PowerLoss { names: true });
}

#[test]
fn no_failure_loses_or_invents_anything() {
    for times in [1, 2] {
        visit_all(SCRIPT, Survives::ProcessCrash, What::Failure { times });
        visit_all(SCRIPT, Survives::PowerLoss, What::Failure { times });
        visit_all(RESTARTS, Survives::ProcessCrash, What::Failure { times });
        visit_all(RESTARTS, Survives::PowerLoss, What::Failure { times });
    }
}

#[test]
fn a_crash_while_a_lane_is_closed_leaves_no_records() {
    let script = [&SCRIPT[..8], &[Step::Close]].concat();
    visit_all(&script, Survives::PowerLoss, What::Crash);
}
