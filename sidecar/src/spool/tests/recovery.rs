//! Crashes of the recovery, too, and power losses that leave any part of what was not synced.

use std::path::Path;
use std::sync::Arc;

use super::crash::{assert_recovers, Left};
use super::faulty::{Faulty, Hit};
use super::model::{copy, folder};
use super::power::{Draw, Power};
use super::script::{Known, Run, Step, GAPS, RESTARTS, SCRIPT};
use crate::spool::Survives;

/// What a process left that ended at an operation of a script, and what is known of it.
fn ended_at(script: &[Step], survives: Survives, at: usize) -> (tempfile::TempDir, Known) {
    let dir = folder();
    let disk = Arc::new(Faulty::ends_at(at, Hit::Torn));
    let mut run = Run::new(dir.path(), Arc::<Faulty>::clone(&disk), survives, false);
    run.script(script);
    assert!(disk.was_hit());
    (dir, run.known.clone())
}

fn operations_of(script: &[Step], survives: Survives) -> usize {
    let dir = folder();
    let whole = Arc::new(Faulty::default());
    Run::new(dir.path(), Arc::<Faulty>::clone(&whole), survives, false).script(script);
    whole.operations()
}

/// Ends the recovery of what was left at each of its operations, and then, as often as `more` says, the recovery after that. Says how
/// many points it visited.
fn visit_recovery(left: &Path, known: &Known, survives: Survives, more: usize, what: &str) -> usize {
    let dir = copy(left);
    let whole = Arc::new(Faulty::default());
    let run = Run::recover(dir.path(), Arc::<Faulty>::clone(&whole), survives, known.clone());
    let after = run.known.clone();
    drop(run);
    assert_recovers(dir.path(), &after, Left::All, what);
    let operations = whole.operations();
    assert!(operations > 10, "{what}: the recovery does something: {operations}");
    let mut visited = 0;
    for at in 0..operations {
        let dir = copy(left);
        let disk = Arc::new(Faulty::ends_at(at, Hit::Torn));
        let run = Run::recover(dir.path(), Arc::<Faulty>::clone(&disk), survives, known.clone());
        let known = run.known.clone();
        drop(run);
        assert!(disk.was_hit());
        visited += 1;
        let what = format!("{what}, recovery {at} of {operations}");
        if more > 0 {
            visited += visit_recovery(dir.path(), &known, survives, more - 1, &what);
        }
        assert_recovers(dir.path(), &known, Left::All, &what);
    }
    visited
}

#[test]
fn no_crash_of_the_recovery_after_a_crash_loses_or_invents_anything() {
    const CASES: [(&[Step], Survives); 4] = [
        (SCRIPT, Survives::ProcessCrash),
        (RESTARTS, Survives::ProcessCrash),
        (RESTARTS, Survives::PowerLoss),
        (GAPS, Survives::PowerLoss),
    ];
    let mut visited = 0;
    for (script, survives) in CASES {
        let operations = operations_of(script, survives);
        for at in 0..operations {
            let (dir, known) = ended_at(script, survives, at);
            let what = format!("{survives:?}, {at} of {operations}");
            // A third crash in a row where there is most to recover.
            let more = usize::from(at + 1 == operations);
            visited += visit_recovery(dir.path(), &known, survives, more, &what);
        }
    }
    eprintln!("{visited} crash points of recoveries visited");
}

/// How often the power is cut at each point; the variable asks for more.
const DRAWS: u64 = 2;
const VARIABLE: &str = "SPLASHDAM_TEST_DRAWS";

/// Cuts the power at each operation of a script, keeps any part of what was not synced, cuts it again at some operation of the recovery.
/// Says at how many points.
fn visit_power_losses(script: &[Step], draws: u64) -> usize {
    let survives = Survives::PowerLoss;
    let operations = operations_of(script, survives);
    for at in 0..operations {
        for (hit, seed) in [Hit::Torn, Hit::After].into_iter().flat_map(|hit| (0..draws).map(move |n| (hit, n))) {
            let draw = &mut Draw(seed + draws * at as u64);
            let dir = folder();
            let lanes = dir.path().join("lanes");
            let disk = Power::over(Faulty::ends_at(at, hit), &lanes);
            let mut run = Run::new(dir.path(), Arc::<Power>::clone(&disk), survives, false);
            run.script(script);
            let known = run.known.clone();
            drop(run);
            disk.lose(&lanes, draw);
            let what = format!("{hit:?} {at} of {operations}, seed {seed}");
            let second = Power::over(Faulty::ends_at(draw.below(12), Hit::Torn), &lanes);
            assert_recovers(copy(dir.path()).path(), &known, Left::Torn, &what);
            let run = Run::recover(dir.path(), Arc::<Power>::clone(&second), survives, known);
            let known = run.known.clone();
            drop(run);
            second.lose(&lanes, draw);
            assert_recovers(dir.path(), &known, Left::Torn, &format!("{what}, and again"));
        }
    }
    operations
}

#[test]
fn no_power_loss_that_keeps_any_part_loses_what_was_promised_or_invents_anything() {
    let draws = std::env::var(VARIABLE).ok().map_or(DRAWS, |text| text.parse().unwrap());
    let points: usize = [SCRIPT, RESTARTS, GAPS].map(|script| visit_power_losses(script, draws)).iter().sum();
    eprintln!("the power was cut at {points} points, {} times at each", 4 * draws);
}

/// What a failed sync left behind is not brought to the disk by the next one.
#[test]
fn no_failure_makes_a_later_power_loss_worse() {
    let survives = Survives::PowerLoss;
    for script in [SCRIPT, GAPS] {
        for at in 0..operations_of(script, survives) {
            for hit in [Hit::Before, Hit::After] {
                let dir = folder();
                let lanes = dir.path().join("lanes");
                let disk = Power::over(Faulty::fails_at(at, hit, 1), &lanes);
                let mut run = Run::new(dir.path(), Arc::<Power>::clone(&disk), survives, true);
                run.script(script);
                let known = run.known.clone();
                drop(run);
                disk.lose(&lanes, &mut Draw(at as u64));
                assert_recovers(dir.path(), &known, Left::Torn, &format!("{hit:?} {at}"));
            }
        }
    }
}
