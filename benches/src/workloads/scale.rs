//! How much of everything is measured: a matrix that answers the question in about thirteen minutes, or everything.

use crate::results::{App, Mode, Operation, Shape, Topology};

use super::remote::Remote;
use crate::record::options::LADDER;
use crate::recovery;

/// The size of a set of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Set {
    /// Does all of it work? Every kind of run once, as small as can be.
    Smoke,
    /// Answers the question, in about thirteen minutes.
    Small,
    /// Everything, as the documents had it. Takes hours.
    Full,
}

/// The sizes that a set stands for.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// Operations of the serial runs.
    pub(crate) operations: Vec<Operation>,
    /// Requests of a serial run, and how often it is repeated.
    pub(crate) serial: (u64, u32),
    /// Remotes of the serial runs beside the one at 10 ms; for one operation and the modes that ship.
    pub(crate) remotes: Vec<Remote>,
    /// Threads of the closed loop, how many loops each makes, and the time after which it is ended all the same.
    pub(crate) threads: Vec<u32>,
    pub(crate) loops: u64,
    pub(crate) closed_seconds: f64,
    pub(crate) closed_repeats: u32,
    pub(crate) closed_modes: Vec<Mode>,
    /// Requests a second of the phase of minimal load.
    pub(crate) minimal_rate: f64,
    /// Open loop: the rates of the ladder as shares of the null handler's maximum.
    pub(crate) ladder: Vec<f64>,
    pub(crate) ladder_seconds: f64,
    pub(crate) ladder_operations: Vec<Operation>,
    /// Rounds and length of the runs that null and splashdam are compared by.
    pub(crate) pairs: u32,
    pub(crate) pair_operations: Vec<Operation>,
    pub(crate) pair_seconds: f64,
    /// Shares of the maximum for them: the OK load.
    pub(crate) ok_loads: Vec<f64>,
    pub(crate) warm_up_seconds: f64,
    pub(crate) topologies: Vec<Topology>,
    /// The fan-out of one request; requests of a run, rounds.
    pub(crate) fan_out: Shape,
    pub(crate) task_requests: u64,
    /// Of `sync`, whose requests wait for the remote over and over; with a single one there is no warm-up.
    pub(crate) sync_requests: u64,
    /// Of null and splashdam; the other modes run once.
    pub(crate) task_rounds: u32,
    /// Remotes of the task runs, beside the one at 10 ms.
    pub(crate) task_remotes: Vec<Remote>,
    pub(crate) large: Option<Shape>,
    pub(crate) pipeline: PipelineScale,
}

/// The sizes of the parts without an app.
#[derive(Debug, Clone)]
pub(crate) struct PipelineScale {
    /// Lines a minute, and for how many seconds they are offered.
    pub(crate) rungs: Vec<u64>,
    pub(crate) hold: f64,
    /// The same for the runs with an outage of so many seconds.
    pub(crate) outage_rungs: Vec<u64>,
    pub(crate) outage_hold: f64,
    pub(crate) outage: f64,
    pub(crate) spools: Vec<bool>,
    /// All values of the sweeps, where there is none here.
    pub(crate) sweep_values: Vec<u64>,
    pub(crate) sweep_records: u64,
    pub(crate) sweep_rounds: u32,
    pub(crate) sweep_rate: u64,
    pub(crate) recovery_gib: Vec<f64>,
    pub(crate) recovery_rounds: u32,
    pub(crate) soak_seconds: u64,
    pub(crate) soak_rate: u64,
}

/// Everything else is measured with the remote this far away.
pub(crate) fn usual() -> Remote {
    Remote::fixed(10)
}

/// The seed's request: 671 tasks of the length that makes 15.0 s with two workers.
pub(crate) const SEED_SHAPE: Shape = Shape { tasks: 671, records: 2_117, bytes: 207, task_ms: 44.7, workers: 2 };

impl Scale {
    pub(crate) fn of(set: Set) -> Self {
        match set {
            Set::Smoke => Self::smoke(),
            Set::Small => Self::small(),
            Set::Full => Self::full(),
        }
    }

    fn small() -> Self {
        Self {
            operations: vec![Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown],
            serial: (4, 5),
            remotes: vec![Remote::fixed(20)],
            threads: vec![1, 4, 15],
            loops: 300,
            closed_seconds: 1.5,
            closed_repeats: 1,
            closed_modes: vec![Mode::Null, Mode::Splashdam, Mode::Sync],
            minimal_rate: 5.0,
            ladder: vec![0.5, 0.95, 1.1],
            ladder_seconds: 1.5,
            ladder_operations: vec![Operation::Sysconfig],
            pairs: 5,
            pair_operations: vec![Operation::Sysconfig, Operation::ConcurrentKnown],
            pair_seconds: 1.2,
            ok_loads: vec![0.5],
            warm_up_seconds: 0.5,
            topologies: Vec::new(),
            // A twentieth of the seed's work: what logging adds is the same, a request waits less.
            fan_out: Shape { task_ms: 2.24, ..SEED_SHAPE },
            task_requests: 2,
            sync_requests: 1,
            task_rounds: 5,
            task_remotes: vec![Remote::fixed(5)],
            large: None,
            pipeline: PipelineScale {
                rungs: vec![96_000, 4_000_000, 20_000_000],
                hold: 5.0,
                outage_rungs: vec![4_000_000],
                outage_hold: 15.0,
                outage: 5.0,
                spools: vec![true],
                sweep_values: Vec::new(),
                sweep_records: 1_000_000,
                sweep_rounds: 1,
                sweep_rate: 20_000,
                recovery_gib: vec![0.1],
                recovery_rounds: 1,
                soak_seconds: 30,
                soak_rate: 20_000,
            },
        }
    }

    fn smoke() -> Self {
        Self {
            operations: vec![Operation::ConcurrentUnknown],
            serial: (3, 1),
            remotes: Vec::new(),
            threads: vec![2],
            loops: 3,
            closed_seconds: 1.0,
            minimal_rate: 20.0,
            ladder: vec![0.1, 0.5],
            ladder_seconds: 0.5,
            pairs: 2,
            pair_operations: vec![Operation::Sysconfig],
            pair_seconds: 0.5,
            warm_up_seconds: 0.1,
            topologies: vec![Topology::Chain, Topology::Tree],
            fan_out: Shape { tasks: 20, records: 63, bytes: 207, task_ms: 0.0, workers: 2 },
            task_requests: 1,
            sync_requests: 1,
            task_rounds: 1,
            task_remotes: Vec::new(),
            large: None,
            pipeline: PipelineScale {
                rungs: vec![96_000],
                hold: 1.0,
                outage_rungs: vec![96_000],
                outage_hold: 3.0,
                outage: 1.0,
                spools: vec![true],
                sweep_values: vec![1, 10],
                sweep_records: 20_000,
                sweep_rounds: 1,
                sweep_rate: 2_000,
                recovery_gib: vec![0.01],
                recovery_rounds: 1,
                soak_seconds: 5,
                soak_rate: 2_000,
            },
            ..Self::small()
        }
    }

    fn full() -> Self {
        let remotes = || [0, 5, 20].map(Remote::fixed).into_iter().chain([Remote::long_tail(), usual().throttling()]);
        Self {
            serial: (100, 5),
            remotes: remotes().collect(),
            threads: vec![1, 2, 3, 4, 6, 8, 10, 15, 20],
            loops: 300,
            closed_seconds: 600.0,
            closed_repeats: 3,
            closed_modes: Mode::ALL.to_vec(),
            minimal_rate: 1.0,
            ladder: vec![0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1],
            ladder_seconds: 15.0,
            ladder_operations: vec![Operation::Sysconfig, Operation::ConcurrentKnown],
            pairs: 40,
            pair_seconds: 10.0,
            ok_loads: vec![0.5, 0.8],
            warm_up_seconds: 2.0,
            topologies: vec![Topology::Chain, Topology::Tree],
            fan_out: SEED_SHAPE,
            task_requests: 10,
            sync_requests: 10,
            task_rounds: 5,
            task_remotes: remotes().collect(),
            large: Some(Shape { tasks: 5_000, records: 100_000, bytes: 207, task_ms: 1.0, workers: 2 }),
            pipeline: PipelineScale {
                rungs: LADDER.to_vec(),
                hold: 60.0,
                outage_rungs: LADDER.to_vec(),
                outage_hold: 180.0,
                outage: 60.0,
                spools: vec![false, true],
                sweep_values: Vec::new(),
                sweep_records: 10_000_000,
                sweep_rounds: 3,
                sweep_rate: 20_000,
                recovery_gib: recovery::Options::GIB.to_vec(),
                recovery_rounds: 3,
                soak_seconds: 3_600,
                soak_rate: 20_000,
            },
            ..Self::small()
        }
    }
}

/// The seconds of one answer where nothing waits: what runs are guessed from.
pub(crate) fn typical_answer(app: App, mode: Mode, operation: Operation, remote: &Remote, query_ms: f64) -> f64 {
    let own = match app {
        App::Rust => 0.000_5,
        App::Python => 0.002,
    };
    let queries = match operation {
        Operation::Noop => 0.0,
        Operation::Sysconfig => 1.0,
        Operation::ConcurrentKnown => 5.0,
        Operation::ConcurrentUnknown => 4.0,
    };
    let logging = match mode {
        Mode::Sync => operation.records() as f64 * (remote.typical_seconds() + 0.001),
        _ => 0.0,
    };
    own + queries * query_ms / 1e3 + logging
}
