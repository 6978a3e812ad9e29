//! API workload of the sample: a service with so many workers, and what each mode adds to a request.

use super::{latency, near, remote_ms, ROUNDS, SHIPPING};
use crate::results::{Account, ApiRun, App, Cpu, Drive, Latency, Memory, Mode, Operation, Part, Phase, Topology};

const OPERATIONS: [Operation; 3] = [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown];
const RUNGS: [f64; 6] = [0.25, 0.6, 0.9, 0.98, 1.1, 1.4];
const SATURATING: u32 = 16;
const THREADS: [u32; 5] = [1, 2, 4, 8, 20];

/// Microseconds that a record adds to its request, and of CPU.
fn cost(app: App, mode: Mode, remote: &str) -> (f64, f64) {
    let python = app == App::Python;
    let call = 1e3 * remote_ms(remote);
    match mode {
        Mode::None => (if python { -22.0 } else { -3.0 }, -2.0),
        Mode::Null => (0.0, 0.0),
        Mode::Stdout => (if python { 14.0 } else { 4.0 }, 5.0),
        Mode::Splashdam => (if python { 9.0 } else { 1.0 }, 4.0),
        Mode::Sync => (call + if python { 650.0 } else { 210.0 }, if python { 640.0 } else { 190.0 }),
        Mode::Queue | Mode::Shipper => (if python { 31.0 } else { 3.0 }, 40.0),
    }
}

struct Server {
    app: App,
    operation: Operation,
    topology: Topology,
    remote: &'static str,
    query_ms: f64,
}

impl Server {
    /// Microseconds of a request alone.
    fn service(&self, mode: Mode) -> f64 {
        let queries = match self.operation {
            Operation::Noop => 0.0,
            Operation::Sysconfig => 1.0,
            Operation::ConcurrentKnown => 5.0,
            Operation::ConcurrentUnknown => 4.0,
        };
        let own = if self.app == App::Python { 900.0 } else { 150.0 };
        let depth = if self.topology == Topology::Single { 1.0 } else { self.topology.services() as f64 - 1.0 };
        let records = self.operation.records() as f64;
        depth * (1e3 * self.query_ms * queries + own + records * cost(self.app, mode, self.remote).0)
    }

    fn maximum(&self, mode: Mode) -> f64 {
        let workers = if self.app == App::Python { 2.0 } else { 8.0 };
        workers * 1e6 / self.service(mode)
    }

    fn run(&self, round: u32, mode: Mode, drive: Drive, random: &mut fastrand::Rng) -> ApiRun {
        let (seconds, service, maximum) = (4.0, near(self.service(mode), 0.003, random), self.maximum(mode));
        let (rate, latency): (f64, Box<dyn Fn(u64) -> Latency>) = match drive {
            Drive::Serial { .. } => {
                (1e6 / service, Box::new(move |count| latency(0.98 * service, 0.02 * service, 0.3, count)))
            }
            Drive::Closed { threads } => {
                let reached = maximum.min(f64::from(threads) * 1e6 / service);
                let each = f64::from(threads) * 1e6 / reached;
                (reached, Box::new(move |count| latency(0.9 * each, 0.1 * each, 0.4, count)))
            }
            Drive::Open { rate, .. } if rate < 0.97 * maximum => {
                let waits = service * 0.1 / (1.0 - rate / maximum);
                (rate, Box::new(move |count| latency(0.97 * service, 0.03 * service + waits, 0.3, count)))
            }
            Drive::Open { rate, .. } => {
                let late = 1e6 * seconds * (1.0 - maximum / rate).max(0.1);
                (maximum, Box::new(move |count| latency(service, 0.5 * late, 0.2, count)))
            }
        };
        let requests = match drive {
            Drive::Serial { requests } => requests,
            _ => (near(rate, 0.002, random) * seconds).round() as u64,
        };
        let cpu = 1e-6 * requests as f64;
        let records = requests * self.operation.records() * self.topology.services();
        let own = if self.app == App::Python { 1_900.0 } else { 180.0 };
        let lost = if mode == Mode::Queue && round == 3 { records / 40 } else { 0 };
        ApiRun {
            part: Part::default(),
            remarks: Vec::new(),
            round,
            app: self.app,
            mode,
            remote: self.remote.to_owned(),
            operation: self.operation,
            topology: self.topology,
            query_ms: self.query_ms,
            drive,
            seconds: if let Drive::Serial { requests } = drive { requests as f64 * service / 1e6 } else { seconds },
            requests,
            per_second: if let Drive::Serial { .. } = drive { 1e6 / service } else { requests as f64 / seconds },
            errors: 0,
            latency: latency(requests),
            account: if mode.ships() {
                Account { emitted: records, delivered: records - lost, doubled: 0, lost }
            } else {
                Account::default()
            },
            cpu: Cpu {
                app_seconds: near(cpu * (own + 4.0 * cost(self.app, mode, self.remote).1), 0.02, random),
                sidecar_seconds: (mode == Mode::Splashdam).then_some(cpu * 7.0),
                endpoint_seconds: mode.ships().then_some(cpu * 20.0),
                driver_seconds: Some(cpu * 60.0),
                others_cpus: 0.05,
            },
            memory: Memory { app_mib: Some(90.0), sidecar_mib: (mode == Mode::Splashdam).then_some(9.5) },
            faults: Vec::new(),
        }
    }
}

fn server(app: App, operation: Operation) -> Server {
    Server { app, operation, topology: Topology::Single, remote: "10", query_ms: 12.0 }
}

/// One run, for tests that look at single ones.
pub(crate) fn api_run() -> ApiRun {
    let drive = Drive::Serial { requests: 500 };
    server(App::Rust, Operation::Sysconfig).run(1, Mode::Null, drive, &mut fastrand::Rng::with_seed(1))
}

pub(super) fn runs(random: &mut fastrand::Rng) -> Vec<ApiRun> {
    let mut runs = Vec::new();
    for app in [App::Python, App::Rust] {
        for operation in OPERATIONS {
            at_headline(&server(app, operation), random, &mut runs);
            elsewhere(app, operation, random, &mut runs);
        }
        let known = server(app, Operation::ConcurrentKnown);
        for (mode, threads) in Mode::ALL.into_iter().flat_map(|mode| THREADS.map(|threads| (mode, threads))) {
            runs.push(known.run(1, mode, Drive::Closed { threads }, random));
        }
    }
    for topology in [Topology::Chain, Topology::Tree] {
        ladder(&Server { topology, ..server(App::Rust, Operation::Sysconfig) }, &[1], random, &mut runs);
    }
    ladder(&server(App::Rust, Operation::Noop), &[1], random, &mut runs);
    let mut faulty = api_run();
    faulty.faults.push("3 missing, the first: Some(17) <b>".to_owned());
    runs.push(faulty);
    runs
}

fn at_headline(server: &Server, random: &mut fastrand::Rng, runs: &mut Vec<ApiRun>) {
    let most = server.maximum(Mode::Null);
    for round in 1..=ROUNDS {
        for mode in Mode::ALL {
            runs.push(server.run(round, mode, Drive::Serial { requests: 500 }, random));
            // null and splashdam have these in turn, with their maxima.
            let part = if matches!(mode, Mode::Null | Mode::Splashdam) { Part::Pairs } else { Part::Ladder };
            for (share, phase) in [(0.5, Phase::Half), (0.8, Phase::Eighty)] {
                let drive = Drive::Open { rate: share * most, phase };
                runs.push(ApiRun { part, ..server.run(round, mode, drive, random) });
            }
            if part == Part::Pairs {
                let drive = Drive::Closed { threads: SATURATING };
                runs.push(ApiRun { part, ..server.run(round, mode, drive, random) });
            }
        }
    }
    ladder(server, &[1], random, runs);
}

fn ladder(server: &Server, rounds: &[u32], random: &mut fastrand::Rng, runs: &mut Vec<ApiRun>) {
    let most = server.maximum(Mode::Null);
    for (round, mode) in rounds.iter().flat_map(|round| Mode::ALL.map(|mode| (*round, mode))) {
        for rung in RUNGS {
            let drive = Drive::Open { rate: (rung * most).round(), phase: Phase::Ladder };
            runs.push(server.run(round, mode, drive, random));
        }
    }
}

/// Other remotes, and a database that answers at once.
fn elsewhere(app: App, operation: Operation, random: &mut fastrand::Rng, runs: &mut Vec<ApiRun>) {
    for mode in SHIPPING {
        for remote in ["0", "5", "20", "lognormal:20,0.8", "20+throttle"] {
            let server = Server { remote, ..server(app, operation) };
            runs.push(server.run(1, mode, Drive::Serial { requests: 500 }, random));
        }
    }
    for mode in Mode::ALL {
        let server = Server { query_ms: 0.0, ..server(app, operation) };
        runs.push(server.run(1, mode, Drive::Serial { requests: 500 }, random));
    }
}
