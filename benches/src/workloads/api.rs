//! The API workload: rigs of all modes side by side, loaded in turn.

use super::block::{rounded, Block};
use super::rig::{Load, Setup};
use super::scale::{typical_answer, usual, Scale};
use super::session::Session;
use crate::progress;
use crate::results::{App, Drive, Mode, Operation, Part, Phase, Topology};

/// How far away the seed's database is: with one, four and five queries its three operations take what they took there.
pub(crate) const SEED_QUERY_MS: f64 = 12.0;
/// More threads than the Rust app has connections, or gunicorn workers: the server is the bottleneck.
const SATURATING_THREADS: u32 = 16;
/// Warm-up of a run whose rig has been warm before, in seconds.
const BETWEEN: f64 = 0.2;

/// (a): requests one after the other, as in the document; all modes.
pub(crate) fn serial(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        for operation in scale.operations.clone() {
            serial_of(session, scale, app, operation, &Mode::ALL, &setup(app, SEED_QUERY_MS));
        }
        for remote in &scale.remotes {
            let setup = Setup { remote: remote.clone(), ..setup(app, SEED_QUERY_MS) };
            let modes = [Mode::Null, Mode::Splashdam, Mode::Sync, Mode::Queue];
            serial_of(session, scale, app, Operation::Sysconfig, &modes, &setup);
        }
    }
}

fn serial_of(session: &mut Session, scale: &Scale, app: App, operation: Operation, modes: &[Mode], setup: &Setup) {
    let (requests, repeats) = scale.serial;
    let answer = |mode: Mode| typical_answer(app, mode, operation, &setup.remote, setup.query_ms);
    let run = |mode: &Mode| rig_seconds(app) + f64::from(repeats) * (requests as f64 * answer(*mode) + BETWEEN);
    let guessed: f64 = modes.iter().map(run).sum();
    let what = format!("API, {app}, {}: {requests} requests one by one, remote {}", operation.name(), setup.remote);
    session.step(&what, guessed, |session| {
        let load = |round: u32| Load {
            part: Part::Serial,
            operation,
            drive: Drive::Serial { requests },
            seconds: 600.0,
            warm_up: if round == 0 { scale.warm_up_seconds } else { BETWEEN },
            loops: None,
        };
        let mut block = Block::start(session, modes, setup)?;
        for round in 0..repeats {
            block.round(round, &load(round));
        }
        block.finish(session)
    });
}

/// (b): threads with a request under way always, as in the document's table.
pub(crate) fn threads(session: &mut Session, scale: &Scale) {
    let (queue, others): (Vec<_>, Vec<_>) = scale.closed_modes.iter().partition(|mode| **mode == Mode::Queue);
    for modes in [others, queue].into_iter().filter(|modes| !modes.is_empty()) {
        threads_of(session, scale, &modes);
    }
}

fn threads_of(session: &mut Session, scale: &Scale, modes: &[Mode]) {
    for app in session.able.clone() {
        let runs = f64::from(scale.closed_repeats) * scale.threads.len() as f64 * modes.len() as f64;
        let most = scale.closed_seconds.min(scale.loops as f64 * 0.3);
        let guessed = rig_seconds(app) * modes.len() as f64 + runs * (most + scale.warm_up_seconds);
        let what = format!("API, {app}: {:?} threads of {} requests at a time", scale.threads, scale.loops);
        session.step(&what, guessed, |session| {
            let mut block = Block::start(session, modes, &setup(app, SEED_QUERY_MS))?;
            for round in 0..scale.closed_repeats {
                for threads in &scale.threads {
                    let load = Load {
                        part: Part::Threads,
                        operation: Operation::ConcurrentKnown,
                        drive: Drive::Closed { threads: *threads },
                        seconds: scale.closed_seconds,
                        warm_up: scale.warm_up_seconds,
                        loops: Some(scale.loops),
                    };
                    block.round(round, &load);
                }
            }
            block.finish(session)
        });
    }
}

/// (c): each mode's maximum, and a constant rate, rung by rung, up to beyond it. What has a thread that sends in its own time stands
/// by itself, so that it does not do so in the others' measurements.
pub(crate) fn ladder(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        for operation in scale.ladder_operations.clone() {
            ladders_of(session, scale, operation, &setup(app, SEED_QUERY_MS));
        }
        for topology in scale.topologies.clone().into_iter().filter(|_| app == App::Rust) {
            let setup = Setup { topology, ..setup(app, SEED_QUERY_MS) };
            ladders_of(session, scale, Operation::Sysconfig, &setup);
        }
        if !scale.topologies.is_empty() {
            // The limit of the infrastructure: no database, nothing logged.
            ladder_of(session, scale, Operation::Noop, &[Mode::None], &setup(app, 0.0));
        }
    }
}

fn ladders_of(session: &mut Session, scale: &Scale, operation: Operation, setup: &Setup) {
    let others = [Mode::None, Mode::Null, Mode::Stdout, Mode::Splashdam, Mode::Sync];
    ladder_of(session, scale, operation, &others, setup);
    ladder_of(session, scale, operation, &[Mode::Queue], setup);
}

fn ladder_of(session: &mut Session, scale: &Scale, operation: Operation, modes: &[Mode], setup: &Setup) {
    let each = scale.ladder_seconds + scale.warm_up_seconds;
    let guessed = modes.len() as f64 * (rig_seconds(setup.app) + each * (scale.ladder.len() + 1) as f64);
    let what = format!("API, {}, {}, {:?}: throughput and latency", setup.app, operation.name(), setup.topology);
    session.step(&what, guessed, |session| {
        let mut block = Block::start(session, modes, setup)?;
        let load = |part: Part, drive: Drive| Load {
            part,
            operation,
            drive,
            seconds: scale.ladder_seconds,
            warm_up: scale.warm_up_seconds,
            loops: None,
        };
        block.round(0, &load(Part::Ladder, Drive::Closed { threads: SATURATING_THREADS }));
        let most = block.reached();
        block.round(0, &load(Part::Ladder, Drive::Open { rate: scale.minimal_rate, phase: Phase::Minimal }));
        for share in &scale.ladder {
            block.rung(&most, *share, |drive| load(Part::Ladder, drive));
        }
        block.finish(session)
    });
}

/// What the headline rests on: null and splashdam in turn at OK load, and their maxima; many short rounds.
pub(crate) fn pairs(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        for operation in scale.pair_operations.clone() {
            pairs_of(session, scale, operation, &setup(app, SEED_QUERY_MS));
        }
        // Nothing hides what is added where the service takes no time of its own.
        pairs_of(session, scale, Operation::Sysconfig, &setup(app, 0.0));
    }
}

fn pairs_of(session: &mut Session, scale: &Scale, operation: Operation, setup: &Setup) {
    let modes = [Mode::Null, Mode::Splashdam];
    let rounds = scale.pairs;
    let loads = (scale.ok_loads.len() + 1) as f64;
    let guessed = 2.0 * (rig_seconds(setup.app) + f64::from(rounds + 1) * loads * (scale.pair_seconds + 0.3));
    let what = format!(
        "API, {}, {}, database {} ms away: null and splashdam, {rounds} rounds",
        setup.app,
        operation.name(),
        setup.query_ms
    );
    session.step(&what, guessed, |session| {
        let mut block = Block::start(session, &modes, setup)?;
        let load = |part: Part, drive: Drive, warm_up: f64| Load {
            part,
            operation,
            drive,
            seconds: scale.pair_seconds,
            warm_up,
            loops: None,
        };
        let saturating = Drive::Closed { threads: SATURATING_THREADS };
        let warm = scale.warm_up_seconds.max(1.0);
        let most = block.load(Mode::Null, &load(Part::Calibration, saturating, warm), 0);
        block.load(Mode::Splashdam, &load(Part::Calibration, saturating, warm), 0);
        for round in 1..=rounds {
            block.round(round, &load(Part::Pairs, saturating, BETWEEN));
            for share in &scale.ok_loads {
                let phase = if *share < 0.65 { Phase::Half } else { Phase::Eighty };
                let drive = Drive::Open { rate: rounded(most * share), phase };
                block.round(round, &load(Part::Pairs, drive, BETWEEN));
            }
            progress::note(&format!("round {round} of {rounds}"));
        }
        block.finish(session)
    });
}

/// Starting and ending a rig.
fn rig_seconds(app: App) -> f64 {
    match app {
        App::Rust => 0.5,
        App::Python => 3.0,
    }
}

fn setup(app: App, query_ms: f64) -> Setup {
    // The mode is the block's to set.
    Setup { app, mode: Mode::None, remote: usual(), topology: Topology::Single, query_ms }
}
