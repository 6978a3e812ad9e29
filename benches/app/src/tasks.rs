//! The task workload: requests that fan out into tasks, which threads work off.
//!
//! Layout: `board` is what the tasks of a request report to, `sample` keeps their durations, `work` is one task.
//!
//! Requests come one after the other. Each is over when its last task has ended. The measured part begins with the first request
//! after the warm-up; what is still to be shipped after the last one is shipped afterwards, timed apart.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, Receiver, Sender};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::account::{say_failed, say_last};
use crate::cli::TasksArgs;
use crate::clock::{cpu, unix_micros};
use crate::error::{io, Error, Result};
use crate::logger::Logger;
use board::Board;
use work::Task;

mod board;
mod sample;
mod work;

/// Tasks that wait for a worker, at most; a request with more is handed out as they are taken.
const WAITING: usize = 1_024;

/// The last line.
#[derive(Debug, Serialize)]
struct Report {
    request_seconds: Vec<f64>,
    task_micros: Vec<u64>,
    emitted: u64,
    lost_in_client: u64,
    /// Given up in modes `stdout`, `sync` and `queue`.
    failed: u64,
    flush_seconds: f64,
    cpu_seconds: f64,
    /// Spent on shipping what was left after the last request.
    flush_cpu_seconds: f64,
    began_micros: u64,
    ended_micros: u64,
    versions: BTreeMap<&'static str, &'static str>,
}

/// What the requests came to.
#[derive(Debug, Default)]
struct Measured {
    request_seconds: Vec<f64>,
    task_micros: Vec<u64>,
    cpu: Duration,
    began_micros: u64,
    ended_micros: u64,
}

pub(crate) fn run(args: &TasksArgs) -> Result<()> {
    // Only `sync` uses it: a thread of its own for the SDK's connection, while the caller's thread waits.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(io("start", "the async runtime"))?;
    let logger = Logger::open(&args.log, runtime.handle())?;
    let measured = requests(args, &logger)?;

    let (flush, before) = (Instant::now(), cpu());
    let ended = logger.close();
    let report = Report {
        flush_seconds: flush.elapsed().as_secs_f64(),
        flush_cpu_seconds: (cpu() - before).as_secs_f64(),
        request_seconds: measured.request_seconds,
        task_micros: measured.task_micros,
        emitted: logger.emitted(),
        lost_in_client: ended.lost_in_client.unwrap_or(0),
        failed: ended.failed,
        cpu_seconds: measured.cpu.as_secs_f64(),
        began_micros: measured.began_micros,
        ended_micros: measured.ended_micros,
        versions: versions(),
    };
    say_failed(&ended);
    say_last("result", &report);
    Ok(())
}

fn requests(args: &TasksArgs, logger: &Logger) -> Result<Measured> {
    let board = Board::default();
    let (sender, receiver) = bounded(WAITING);
    thread::scope(|scope| {
        for _ in 0..args.workers {
            let (receiver, board) = (receiver.clone(), &board);
            let worker = thread::Builder::new().name("worker".into());
            let work = move || serve(&receiver, board, logger, args.task_ms);
            worker.spawn_scoped(scope, work).map_err(io("start", "a worker"))?;
        }
        drop(receiver);
        // The workers end when the sender is dropped with this call.
        all(args, &board, sender)
    })
}

fn serve(tasks: &Receiver<Task>, board: &Board, logger: &Logger, wait: Duration) {
    while let Ok(task) = tasks.recv() {
        let began = Instant::now();
        task.run(logger, wait);
        board.ended(began.elapsed());
    }
}

fn all(args: &TasksArgs, board: &Board, tasks: Sender<Task>) -> Result<Measured> {
    let first_of = |request: u32| args.first.saturating_add(u64::from(request).saturating_mul(args.records));
    for request in 0..args.warm_up {
        one(args, board, &tasks, first_of(request))?;
    }
    board.forget();
    let mut measured = Measured { began_micros: unix_micros(), ..Measured::default() };
    let before = cpu();
    for request in 0..args.requests {
        let took = one(args, board, &tasks, first_of(args.warm_up + request))?;
        measured.request_seconds.push(took.as_secs_f64());
    }
    measured.cpu = cpu() - before;
    measured.ended_micros = unix_micros();
    measured.task_micros = board.durations();
    Ok(measured)
}

/// One request, from handing out its first task to its last task's end.
fn one(args: &TasksArgs, board: &Board, tasks: &Sender<Task>, first: u64) -> Result<Duration> {
    let began = Instant::now();
    board.expect(args.tasks);
    for task in work::divide(first, args.tasks, args.records) {
        tasks.send(task).map_err(|_| Error::Thread("workers"))?;
    }
    board.wait();
    Ok(began.elapsed())
}

fn versions() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("splashdam-bench-app", env!("CARGO_PKG_VERSION")),
        ("aws-sdk-cloudwatchlogs", aws_sdk_cloudwatchlogs::meta::PKG_VERSION),
    ])
}
