//! Which runs belong together, and what they come to: rounds are medians, accounts are sums. Runs with faults count only
//! towards what was lost.

use std::collections::BTreeMap;

use super::stats::{self, Buckets};
use super::words;
use crate::results::{
    Account, ApiRun, App, Cpu, Drive, Latency, Memory, Mode, Operation, Part, Phase, Results, Shape, TaskRun, Topology,
};

mod cost;

pub(super) use cost::{added, scatter_of_requests, scatter_of_tasks, Added};

/// How requests came, apart from the rate at which the ladder's rungs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Serial,
    Closed(u32),
    Open(Phase),
}

impl From<Drive> for How {
    fn from(drive: Drive) -> Self {
        match drive {
            Drive::Serial { .. } => Self::Serial,
            Drive::Closed { threads } => Self::Closed(threads),
            Drive::Open { phase, .. } => Self::Open(phase),
        }
    }
}

/// What runs of the API workload must share to be compared between modes.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) struct Case {
    pub(super) app: App,
    pub(super) operation: Operation,
    pub(super) topology: Topology,
    pub(super) query_ms: f64,
    pub(super) remote: String,
}

impl Case {
    pub(super) fn new(run: &ApiRun) -> Self {
        let (app, operation, topology, query_ms) = (run.app, run.operation, run.topology, run.query_ms);
        Self { app, operation, topology, query_ms, remote: run.remote.clone() }
    }

    /// Sound runs of a mode. Modes that ship nothing do not see the remote, so theirs at another one will do.
    pub(super) fn runs<'a>(&self, results: &'a Results, mode: Mode) -> Vec<&'a ApiRun> {
        let alike = |run: &&ApiRun| {
            run.faults.is_empty()
                && run.mode == mode
                && (run.app, run.operation, run.topology) == (self.app, self.operation, self.topology)
                && run.query_ms == self.query_ms
        };
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            results.api.iter().filter(alike).partition(|run| run.remote == self.remote);
        if here.is_empty() && !mode.ships() {
            return elsewhere;
        }
        here
    }

    pub(super) fn driven<'a>(&self, results: &'a Results, mode: Mode, how: How) -> Vec<&'a ApiRun> {
        let mut runs = self.runs(results, mode);
        runs.retain(|run| How::from(run.drive) == how);
        runs
    }

    /// Those of null and splashdam in turn.
    pub(super) fn in_pairs<'a>(&self, results: &'a Results, mode: Mode, how: How) -> Vec<&'a ApiRun> {
        let mut runs = self.driven(results, mode, how);
        runs.retain(|run| run.part == Part::Pairs);
        runs
    }

    pub(super) fn title(&self) -> String {
        let (server, operation) = (words::server(self.app), words::operation(self.operation));
        let more = match self.topology {
            Topology::Single => String::new(),
            topology => format!(", {}", words::topology(topology)),
        };
        format!("{server}, {operation}{more}")
    }

    /// Service time and remote, for captions.
    pub(super) fn setting(&self) -> String {
        let remote = words::remote(&self.remote);
        format!("CloudWatch at {remote}, {} ms added to each query", words::tick(self.query_ms))
    }
}

/// All cases, each once, those of the app that users run first.
pub(super) fn cases(results: &Results) -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    for case in results.api.iter().filter(|run| run.faults.is_empty()).map(Case::new) {
        if !all.contains(&case) {
            all.push(case);
        }
    }
    let app = |case: &Case| std::cmp::Reverse(case.app);
    all.sort_by(|a, b| app(a).cmp(&app(b)).then(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)));
    all
}

/// The remote that headline and goals are about: 10 ms, or the nearest that ran.
pub(super) fn headline_remote(results: &Results) -> Option<String> {
    let api = results.api.iter().filter(|run| run.mode.ships()).map(|run| run.remote.as_str());
    let tasks = results.tasks.iter().filter(|run| run.mode.ships()).map(|run| run.remote.as_str());
    let known = api.chain(tasks).filter_map(|remote| Some((remote, words::fixed_ms(remote)?)));
    known.min_by(|a, b| (a.1 - 10.0).abs().total_cmp(&(b.1 - 10.0).abs())).map(|(remote, _)| remote.to_owned())
}

/// The service time of most runs, zero apart.
pub(super) fn usual_query_ms(results: &Results) -> f64 {
    let mut counts: Vec<(f64, usize)> = Vec::new();
    for run in results.api.iter().filter(|run| run.query_ms > 0.0) {
        match counts.iter_mut().find(|(ms, _)| *ms == run.query_ms) {
            Some((_, count)) => *count += 1,
            None => counts.push((run.query_ms, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(0.0, |(ms, _)| ms)
}

/// A value for each round: the median of its runs.
pub(super) fn by_round<'a, R: 'a>(
    runs: impl IntoIterator<Item = &'a R>,
    round: impl Fn(&R) -> u32,
    value: impl Fn(&R) -> f64,
) -> BTreeMap<u32, f64> {
    let mut rounds: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for run in runs {
        rounds.entry(round(run)).or_default().push(value(run));
    }
    rounds.into_iter().filter_map(|(round, values)| Some((round, stats::median(&values)?))).collect()
}

/// Values of the same rounds, the first to be compared with.
pub(super) fn paired<T: Clone>(base: &BTreeMap<u32, T>, other: &BTreeMap<u32, T>) -> Vec<(T, T)> {
    base.iter().filter_map(|(round, value)| Some((value.clone(), other.get(round)?.clone()))).collect()
}

/// Runs of the API workload that differ in their round alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) rounds: usize,
    pub(super) per_second: f64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
    pub(super) errors: u64,
    /// Microseconds of CPU for one request.
    pub(super) app_cpu: f64,
    pub(super) sidecar_cpu: Option<f64>,
    pub(super) memory: Memory,
    pub(super) account: Account,
    pub(super) others_cpus: f64,
}

impl Summary {
    pub(super) fn of(runs: &[&ApiRun]) -> Option<Self> {
        let of = |value: &dyn Fn(&ApiRun) -> f64| stats::median(&runs.iter().map(|run| value(run)).collect::<Vec<_>>());
        let known = |value: &dyn Fn(&ApiRun) -> Option<f64>| {
            stats::median(&runs.iter().filter_map(|run| value(run)).collect::<Vec<_>>())
        };
        let latency = |value: &dyn Fn(&Latency) -> u64| of(&|run| value(&run.latency) as f64);
        Some(Self {
            rounds: runs.len(),
            per_second: of(&per_second)?,
            mean: of(&|run| run.latency.mean)?,
            p50: latency(&|latency| latency.p50)?,
            p90: latency(&|latency| latency.p90)?,
            p99: latency(&|latency| latency.p99)?,
            p999: latency(&|latency| latency.p999)?,
            max: latency(&|latency| latency.max)?,
            errors: runs.iter().map(|run| run.errors).sum(),
            app_cpu: of(&|run| each(run.cpu.app_seconds, run.requests))?,
            sidecar_cpu: known(&|run| run.cpu.sidecar_seconds.map(|seconds| each(seconds, run.requests))),
            memory: Memory {
                app_mib: known(&|run| run.memory.app_mib),
                sidecar_mib: known(&|run| run.memory.sidecar_mib),
            },
            account: runs.iter().map(|run| run.account).fold(Account::default(), sum),
            others_cpus: of(&|run| run.cpu.others_cpus)?,
        })
    }
}

/// Least microseconds that a request counts for which was not answered well: the load generator's patience in an open loop.
const GIVEN_UP: u64 = 5_000_000;

/// A quantile of all requests that were due, in microseconds: those that were not answered well are slower than all others.
pub(super) fn of_all_due(run: &ApiRun, share: f64, answered: u64) -> f64 {
    let failed = run.errors as f64 / (run.errors + run.requests).max(1) as f64;
    if failed > 1.0 - share {
        run.latency.max.max(GIVEN_UP) as f64
    } else {
        answered as f64
    }
}

/// As [`of_all_due`], all of them: in buckets, the runs of a round in one.
pub(super) fn all_due_by_round(runs: &[&ApiRun]) -> BTreeMap<u32, Buckets> {
    let mut rounds: BTreeMap<u32, Buckets> = BTreeMap::new();
    for run in runs {
        let round = rounds.entry(run.round).or_default();
        run.latency.buckets.iter().for_each(|(value, count)| *round.entry(*value).or_default() += count);
        if run.errors > 0 {
            *round.entry(run.latency.max.max(GIVEN_UP)).or_default() += run.errors;
        }
    }
    rounds
}

/// Answers within the measurement.
pub(super) fn per_second(run: &ApiRun) -> f64 {
    run.per_second
}

/// CPU seconds as microseconds for each of so many.
pub(super) fn each(seconds: f64, count: u64) -> f64 {
    if count == 0 {
        f64::NAN
    } else {
        1e6 * seconds / count as f64
    }
}

pub(super) fn sum(a: Account, b: Account) -> Account {
    Account {
        emitted: a.emitted + b.emitted,
        delivered: a.delivered + b.delivered,
        doubled: a.doubled + b.doubled,
        lost: a.lost + b.lost,
    }
}

/// What task runs must share to be compared between modes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskCase {
    pub(super) app: App,
    pub(super) shape: Shape,
}

impl TaskCase {
    /// As [`Case::runs`].
    pub(super) fn runs<'a>(&self, results: &'a Results, mode: Mode, remote: &str) -> Vec<&'a TaskRun> {
        let alike = |run: &&TaskRun| {
            run.faults.is_empty()
                && !run.request_seconds.is_empty()
                && (run.mode, run.app, run.shape) == (mode, self.app, self.shape)
        };
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            results.tasks.iter().filter(alike).partition(|run| run.remote == remote);
        if here.is_empty() && !mode.ships() {
            return elsewhere;
        }
        here
    }

    pub(super) fn title(&self) -> String {
        let Shape { tasks, records, .. } = self.shape;
        let (tasks, records) = (words::thousands(tasks as f64), words::thousands(records as f64));
        format!("{}: {tasks} tasks, {records} records a request", words::worker(self.app))
    }
}

/// All shapes, those of the app that users run first.
pub(super) fn task_cases(results: &Results) -> Vec<TaskCase> {
    let mut all: Vec<TaskCase> = Vec::new();
    for run in results.tasks.iter().filter(|run| run.faults.is_empty()) {
        let case = TaskCase { app: run.app, shape: run.shape };
        if !all.contains(&case) {
            all.push(case);
        }
    }
    all.sort_by_key(|case| (std::cmp::Reverse(case.app), case.shape.tasks, case.shape.records));
    all
}

/// Different ones, in the order of their latency, other kinds after the plain numbers.
pub(super) fn remotes<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut remotes: Vec<&str> = all.collect();
    remotes.sort_by(|a, b| {
        let key = |remote: &str| words::fixed_ms(remote).unwrap_or(f64::INFINITY);
        key(a).total_cmp(&key(b)).then_with(|| a.cmp(b))
    });
    remotes.dedup();
    remotes
}

/// Seconds of a request in the mean, as the document gives them.
pub(super) fn mean_seconds(run: &TaskRun) -> f64 {
    run.request_seconds.iter().sum::<f64>() / run.request_seconds.len() as f64
}

/// One distribution out of several; its percentiles are read from the buckets.
pub(super) fn pooled<'a>(latencies: impl IntoIterator<Item = &'a Latency>) -> BTreeMap<u64, u64> {
    let mut buckets = BTreeMap::new();
    for (value, count) in latencies.into_iter().flat_map(|latency| &latency.buckets) {
        *buckets.entry(*value).or_default() += count;
    }
    buckets
}

/// What a mode's runs lost, those with faults included: a loss may be the fault.
pub(super) fn account(results: &Results, app: App, mode: Mode) -> Account {
    let api = results.api.iter().filter(|run| (run.app, run.mode) == (app, mode)).map(|run| run.account);
    let tasks = results.tasks.iter().filter(|run| (run.app, run.mode) == (app, mode)).map(|run| run.account);
    api.chain(tasks).fold(Account::default(), sum)
}

/// App and sidecar, for one of so many.
pub(super) fn cpu_each(cpu: &Cpu, count: u64) -> (f64, Option<f64>) {
    (each(cpu.app_seconds, count), cpu.sidecar_seconds.map(|seconds| each(seconds, count)))
}
