//! Task workload of the sample.

use super::{latency, near, remote_ms, ROUNDS, SHIPPING};
use crate::results::{Account, App, Cpu, Memory, Mode, Shape, TaskRun};

pub(super) fn runs(random: &mut fastrand::Rng) -> Vec<TaskRun> {
    let shape = Shape { tasks: 671, records: 2_117, bytes: 207, task_ms: 44.7, workers: 2 };
    let mut runs = Vec::new();
    for (app, round) in [App::Python, App::Rust].into_iter().flat_map(|app| (1..=ROUNDS).map(move |round| (app, round)))
    {
        for mode in Mode::ALL {
            runs.push(run(round, app, mode, "10", shape, random));
        }
        for (mode, remote) in
            SHIPPING.into_iter().flat_map(|mode| ["0", "5", "20", "lognormal:20,0.8"].map(|remote| (mode, remote)))
        {
            if round == 1 {
                runs.push(run(round, app, mode, remote, shape, random));
            }
        }
    }
    runs
}

fn run(round: u32, app: App, mode: Mode, remote: &str, shape: Shape, random: &mut fastrand::Rng) -> TaskRun {
    let workers = f64::from(shape.workers);
    let call = match mode {
        Mode::Sync => remote_ms(remote) / 1e3 + 0.0007,
        Mode::None => 0.0,
        _ => 0.00003,
    };
    let wall = shape.tasks as f64 * shape.task_ms / 1e3 / workers + shape.records as f64 * call / workers;
    let records = 10 * shape.records;
    let lost = if mode == Mode::Queue && round == 2 { 412 } else { 0 };
    TaskRun {
        round,
        app,
        mode,
        shipper: None,
        remote: remote.to_owned(),
        shape,
        request_seconds: (0..10).map(|_| near(wall, 0.01, random)).collect(),
        task: latency(1e3 * shape.task_ms, 1e6 * call * 3.0 + 50.0, 0.3, 6_710),
        account: if mode.ships() {
            Account { emitted: records, delivered: records - lost, doubled: 0, lost }
        } else {
            Account::default()
        },
        cpu: Cpu {
            app_seconds: near(0.6 * 10.0 + if mode == Mode::Sync { 13.0 } else { 0.0 }, 0.02, random),
            sidecar_seconds: (mode == Mode::Splashdam).then_some(0.05),
            ..Cpu::default()
        },
        memory: Memory { app_mib: Some(140.0), sidecar_mib: (mode == Mode::Splashdam).then_some(9.8) },
        comment: String::new(),
        faults: Vec::new(),
    }
}
