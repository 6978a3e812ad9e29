//! The task workload: the app runs some requests, each fanned out into tasks, and says how long each took.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;

use super::app::{END, START};
use super::far::Far;
use super::program::Program;
use super::remote::Remote;
use super::session::Session;
use super::usage::Usage;
use crate::error::{wrong, Result};
use crate::latency::Recorder;
use crate::results::{Account, App, Latency, Memory, Mode, Shape, TaskRun};

/// What runs.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) app: App,
    pub(crate) mode: Mode,
    pub(crate) remote: Remote,
    pub(crate) shape: Shape,
    pub(crate) requests: u64,
    pub(crate) warm_up: u64,
}

/// What the app says at its end.
#[derive(Debug, Deserialize)]
struct Outcome {
    request_seconds: Vec<f64>,
    task_micros: Vec<u64>,
    emitted: u64,
    #[serde(default)]
    lost_in_client: u64,
    cpu_seconds: f64,
    /// What sending the rest took, warm-up's records included.
    #[serde(default)]
    flush_cpu_seconds: f64,
}

impl Case {
    fn numbers(&self) -> Range<u64> {
        0..(self.requests + self.warm_up) * self.shape.records
    }

    /// What a request takes: its tasks' own work, a tenth of a millisecond for each task, and for `sync` a round trip for each record.
    fn request_seconds(&self) -> f64 {
        let Shape { tasks, records, task_ms, workers, .. } = self.shape;
        let work = tasks as f64 * (task_ms + 1.0) / 1e3 / f64::from(workers.max(1));
        match self.mode {
            // The Rust app has one lock for all workers, Celery's workers one each.
            Mode::Sync => work + records as f64 * (self.remote.typical_seconds() + 1e-3),
            _ => work,
        }
    }

    /// A guess, for the progress and for giving up.
    pub(crate) fn seconds(&self) -> f64 {
        4.0 + (self.requests + self.warm_up) as f64 * self.request_seconds()
    }

    pub(crate) fn describe(&self) -> String {
        let Shape { tasks, records, .. } = self.shape;
        format!(
            "tasks, {}, {}, remote {}: {tasks} tasks, {records} records, {} times",
            self.app, self.mode, self.remote, self.requests
        )
    }
}

/// Runs a case once.
pub(crate) fn run(session: &Session, case: &Case, round: u32) -> Result<TaskRun> {
    let mut far = Far::set(session, case.mode, &case.remote, case.numbers().end)?;
    let mut command = session.apps.command(case.app, "tasks", far.logging());
    command.args(flags(case)).current_dir(far.folder());
    let before = Usage::now(&mut [], &far)?;
    let mut app = Program::start("the app", &mut command)?;
    let longest = START + END + Duration::from_secs_f64(10.0 * case.seconds());
    let said = app.wait_for("result: ", longest)?;
    let said: Outcome = serde_json::from_str(&said).map_err(|error| wrong("the app's result", error))?;
    let peak = app.peak_mib();
    if !app.wait(END)? {
        return Err(wrong("the app", format!("did not end in order: {}", app.last_words())));
    }
    far.settle(&case.numbers(), said.emitted)?;
    let after = Usage::now(std::slice::from_mut(&mut app), &far)?;
    let sidecar_mib = far.sidecar_peak_mib()?;
    let mut cpu = after.since(&before, None);
    // The app knows what the measured requests took; the others' time is shared with those of the warm-up.
    let share = case.requests as f64 / (case.requests + case.warm_up).max(1) as f64;
    cpu.app_seconds = said.cpu_seconds + share * said.flush_cpu_seconds;
    cpu.sidecar_seconds = cpu.sidecar_seconds.map(|seconds| seconds * share);
    cpu.endpoint_seconds = cpu.endpoint_seconds.map(|seconds| seconds * share);
    far.stop_sidecar()?;
    let comment = comment(case, &said, far.stop_shipper()?);
    let account = account(case, &far, said.emitted)?;
    Ok(TaskRun {
        round,
        app: case.app,
        mode: case.mode,
        shipper: shipper(session, case),
        remote: case.remote.to_string(),
        shape: case.shape,
        faults: faults(case, &said, account),
        request_seconds: said.request_seconds,
        task: distribution(&said.task_micros)?,
        account,
        cpu,
        memory: Memory { app_mib: peak, sidecar_mib },
        comment,
    })
}

/// What the user calls the shipper, where there is one.
fn shipper(session: &Session, case: &Case) -> Option<String> {
    let shipper = session.shipper.as_ref().filter(|_| case.mode == Mode::Shipper)?;
    Some(shipper.name.clone())
}

/// What another shipper did is no fault of the run, but its reader has to know it.
fn comment(case: &Case, said: &Outcome, ended: Option<String>) -> String {
    let unwritten = (case.mode == Mode::Shipper && said.lost_in_client > 0)
        .then(|| format!("{} lines could not be written: nobody took them", said.lost_in_client));
    unwritten.into_iter().chain(ended).collect::<Vec<_>>().join("; ")
}

fn flags(case: &Case) -> Vec<String> {
    let Shape { tasks, records, bytes, task_ms, workers } = case.shape;
    format!(
        "--tasks {tasks} --records {records} --bytes {bytes} --task-ms {task_ms} --workers {workers} --requests {} --warm-up {}",
        case.requests, case.warm_up
    )
    .split(' ')
    .map(str::to_owned)
    .collect()
}

fn account(case: &Case, far: &Far, emitted: u64) -> Result<Account> {
    if !case.mode.ships() {
        return Ok(Account::default());
    }
    let delivered = far.arrived(&case.numbers())?;
    Ok(Account { emitted, delivered, doubled: far.doubled()?, lost: emitted.saturating_sub(delivered) })
}

fn distribution(micros: &[u64]) -> Result<Latency> {
    let mut recorder = Recorder::new()?;
    micros.iter().for_each(|micros| recorder.record(Duration::from_micros(*micros)));
    Ok(recorder.latency())
}

fn faults(case: &Case, said: &Outcome, account: Account) -> Vec<String> {
    let mut faults = Vec::new();
    let due = case.numbers().end;
    if case.mode.ships() && said.emitted != due {
        faults.push(format!("{} records logged instead of {due}", said.emitted));
    }
    if case.mode == Mode::Splashdam && account.lost > 0 {
        faults.push(format!("{} records lost, {} of them in the client", account.lost, said.lost_in_client));
    }
    if said.request_seconds.len() as u64 != case.requests {
        faults.push(format!("{} requests timed instead of {}", said.request_seconds.len(), case.requests));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(mode: Mode) -> Case {
        let shape = Shape { tasks: 671, records: 2_117, bytes: 207, task_ms: 44.7, workers: 2 };
        Case { app: App::Rust, mode, remote: Remote::fixed(71), shape, requests: 1, warm_up: 0 }
    }

    #[test]
    fn the_guess_is_of_the_seeds_size() {
        assert!((15.0..16.0).contains(&case(Mode::None).request_seconds()));
        assert!((160.0..175.0).contains(&case(Mode::Sync).request_seconds()));
    }

    #[test]
    fn a_lost_record_is_a_fault_of_ours_and_a_figure_of_others() {
        let said = || Outcome {
            request_seconds: vec![1.0],
            task_micros: vec![],
            emitted: 2_117,
            lost_in_client: 0,
            cpu_seconds: 0.0,
            flush_cpu_seconds: 0.0,
        };
        let account = Account { emitted: 2_117, delivered: 2_116, doubled: 0, lost: 1 };
        assert_eq!(faults(&case(Mode::Splashdam), &said(), account).len(), 1);
        assert!(faults(&case(Mode::Queue), &said(), account).is_empty());
        let fewer = Outcome { emitted: 7, ..said() };
        assert_eq!(faults(&case(Mode::Queue), &fewer, account).len(), 1);
        assert!(faults(&case(Mode::Shipper), &said(), account).is_empty());
        let unwritten = Outcome { lost_in_client: 3, ..said() };
        let ended = Some("at its end: killed".to_owned());
        let comment = comment(&case(Mode::Shipper), &unwritten, ended);
        assert_eq!(comment, "3 lines could not be written: nobody took them; at its end: killed");
    }
}
