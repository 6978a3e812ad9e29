//! The API workload: rigs of all modes side by side, loaded in turn.

use super::rig::{Load, Rig, Setup};
use super::scale::{typical_answer, usual, Scale};
use super::session::Session;
use crate::error::Result;
use crate::results::{ApiRun, App, Drive, Mode, Operation, Phase, Topology};

/// How far away the seed's database is: with one, four and five queries its three operations take what they took there.
pub(crate) const SEED_QUERY_MS: f64 = 12.0;
/// More threads than the Rust app has connections, or gunicorn workers: the server is the bottleneck.
const SATURATING_THREADS: u32 = 16;

/// Rigs of some modes, for one app and remote.
pub(crate) struct Block {
    rigs: Vec<Rig>,
}

impl Block {
    pub(crate) fn start(session: &Session, modes: &[Mode], setup: &Setup) -> Result<Self> {
        let rig = |mode: &Mode| Rig::start(session, Setup { mode: *mode, ..setup.clone() });
        Ok(Self { rigs: modes.iter().map(rig).collect::<Result<_>>()? })
    }

    /// Loads each rig once, each round beginning with another one.
    pub(crate) fn round(&mut self, round: u32, load: &Load) -> Result<()> {
        self.round_of(round, load, |_| true)
    }

    /// The same for those rigs alone whose latest run is as wanted.
    fn round_of(&mut self, round: u32, load: &Load, wanted: impl Fn(&ApiRun) -> bool) -> Result<()> {
        let count = self.rigs.len();
        for index in 0..count {
            if crate::interrupt::asked() {
                return Ok(());
            }
            let rig = &mut self.rigs[(index + round as usize) % count];
            if rig.latest().is_none_or(&wanted) {
                rig.load(load, round)?;
            }
        }
        Ok(())
    }

    /// Loads the rig of one mode.
    pub(crate) fn load(&mut self, mode: Mode, load: &Load, round: u32) -> Result<Option<&ApiRun>> {
        match self.rigs.iter_mut().find(|rig| rig.mode() == mode) {
            Some(rig) => rig.load(load, round).map(Some),
            None => Ok(None),
        }
    }

    /// Ends the rigs and keeps their runs; says what was lost where.
    pub(crate) fn finish(self, session: &mut Session) -> Result<String> {
        let mut said = Vec::new();
        for rig in self.rigs {
            let mode = rig.mode();
            let runs = rig.finish()?;
            said.push(summary(mode, &runs));
            session.results.api.extend(runs);
        }
        Ok(said.join("; "))
    }
}

fn summary(mode: Mode, runs: &[ApiRun]) -> String {
    let mut medians: Vec<u64> = runs.iter().map(|run| run.latency.p50).collect();
    medians.sort_unstable();
    let median = medians.get(medians.len() / 2).copied().unwrap_or_default();
    let lost: u64 = runs.iter().map(|run| run.account.lost).sum();
    let faults: usize = runs.iter().map(|run| run.faults.len()).sum();
    let errors: u64 = runs.iter().map(|run| run.errors).sum();
    let mut text = format!("{mode} {:.2} ms", median as f64 / 1e3);
    for (count, what) in [(lost, "lost"), (errors, "errors"), (faults as u64, "FAULTS")] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

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
    let run =
        |mode: &Mode| rig_seconds(app) + f64::from(repeats) * (requests as f64 * answer(*mode) + scale.warm_up_seconds);
    let guessed: f64 = modes.iter().map(run).sum();
    let what = format!("API, {app}, {}: {requests} requests one by one, remote {}", operation.name(), setup.remote);
    session.step(&what, guessed, |session| {
        let load = Load {
            operation,
            drive: Drive::Serial { requests },
            seconds: 600.0,
            warm_up: scale.warm_up_seconds,
            loops: None,
        };
        let mut block = Block::start(session, modes, setup)?;
        for round in 0..repeats {
            block.round(round, &load)?;
        }
        block.finish(session)
    });
}

/// (b): threads with a request under way always, as in the document's table.
pub(crate) fn threads(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        let runs = f64::from(scale.closed_repeats) * scale.threads.len() as f64 * scale.closed_modes.len() as f64;
        let most = scale.closed_seconds.min(scale.loops as f64 * 0.3);
        let guessed = rig_seconds(app) * scale.closed_modes.len() as f64 + runs * (most + scale.warm_up_seconds);
        let what = format!("API, {app}: {:?} threads of {} requests at a time", scale.threads, scale.loops);
        session.step(&what, guessed, |session| {
            let mut block = Block::start(session, &scale.closed_modes, &setup(app, SEED_QUERY_MS))?;
            for round in 0..scale.closed_repeats {
                for threads in &scale.threads {
                    let load = Load {
                        operation: Operation::ConcurrentKnown,
                        drive: Drive::Closed { threads: *threads },
                        seconds: scale.closed_seconds,
                        warm_up: scale.warm_up_seconds,
                        loops: Some(scale.loops),
                    };
                    block.round(round, &load)?;
                }
            }
            block.finish(session)
        });
    }
}

/// (c): a constant rate, rung by rung, up to beyond what the null handler can take; and each mode's own maximum.
pub(crate) fn ladder(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        for operation in scale.ladder_operations.clone() {
            ladder_of(session, scale, operation, &Mode::ALL, &setup(app, SEED_QUERY_MS));
        }
        for topology in scale.topologies.clone().into_iter().filter(|_| app == App::Rust) {
            let setup = Setup { topology, ..setup(app, SEED_QUERY_MS) };
            ladder_of(session, scale, Operation::Sysconfig, &Mode::ALL, &setup);
        }
        if !scale.topologies.is_empty() {
            // The limit of the infrastructure: no database, nothing logged.
            ladder_of(session, scale, Operation::Noop, &[Mode::None], &setup(app, 0.0));
        }
    }
}

fn ladder_of(session: &mut Session, scale: &Scale, operation: Operation, modes: &[Mode], setup: &Setup) {
    let each = scale.ladder_seconds + scale.warm_up_seconds;
    let guessed = modes.len() as f64 * (rig_seconds(setup.app) + each * (scale.ladder.len() + 1) as f64);
    let what = format!("API, {}, {}, {:?}: throughput and latency", setup.app, operation.name(), setup.topology);
    session.step(&what, guessed, |session| {
        let mut block = Block::start(session, modes, setup)?;
        let open = |drive: Drive| Load {
            operation,
            drive,
            seconds: scale.ladder_seconds,
            warm_up: scale.warm_up_seconds,
            loops: None,
        };
        let saturating = Drive::Closed { threads: SATURATING_THREADS };
        block.round(0, &open(saturating))?;
        let reference = if modes.contains(&Mode::Null) { Mode::Null } else { modes[0] };
        let most = block.load(reference, &open(saturating), 1)?.map_or(0.0, |run| run.per_second);
        block.round(0, &open(Drive::Open { rate: scale.minimal_rate, phase: Phase::Minimal }))?;
        for share in &scale.ladder {
            // What could not keep up has a queue that the next rung would wait behind.
            let rung = open(Drive::Open { rate: rounded(most * share), phase: Phase::Ladder });
            block.round_of(0, &rung, keeps_up)?;
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
        let load =
            |drive: Drive, warm_up: f64| Load { operation, drive, seconds: scale.pair_seconds, warm_up, loops: None };
        let closed = || Drive::Closed { threads: SATURATING_THREADS };
        let warm = scale.warm_up_seconds.max(1.0);
        let most = block.load(Mode::Null, &load(closed(), warm), 0)?.map_or(0.0, |run| run.per_second);
        block.load(Mode::Splashdam, &load(closed(), warm), 0)?;
        for round in 1..=rounds {
            block.round(round, &load(closed(), 0.2))?;
            for share in &scale.ok_loads {
                let phase = if *share < 0.65 { Phase::Half } else { Phase::Eighty };
                block.round(round, &load(Drive::Open { rate: rounded(most * share), phase }, 0.2))?;
            }
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

/// Whether an open-loop run was answered about as fast as it was asked; the other kinds always are.
fn keeps_up(run: &ApiRun) -> bool {
    match run.drive {
        Drive::Open { rate, .. } => run.errors == 0 && run.per_second > 0.9 * rate,
        _ => true,
    }
}

/// A rate that can be read and typed again: three digits.
fn rounded(rate: f64) -> f64 {
    if rate < 1.0 {
        return 1.0;
    }
    let unit = 10_f64.powf((rate.log10().floor() - 2.0).max(0.0));
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (rate, expected) in [(0.2, 1.0), (7.4, 7.0), (123.4, 123.0), (16_537.0, 16_500.0)] {
            assert_eq!(rounded(rate), expected);
        }
    }
}
