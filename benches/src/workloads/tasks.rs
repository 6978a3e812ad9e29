//! The task workload's matrix: all modes at 10 ms, null and splashdam in more rounds, and with them another shipper where there is
//! one; the modes that wait for the remote at other distances; and the distance at which the seed's factor of eleven appears.

use super::remote::Remote;
use super::scale::{usual, Scale, SEED_SHAPE};
use super::session::Session;
use super::task::{run, Case};
use crate::error::Result;
use crate::results::{App, Mode, Shape, TaskRun};
use crate::statistics::fit_line;

/// The seed's 166.1 s with synchronous Watchtower against 15.0 s without.
const SEED_RATIO: f64 = 166.1 / 15.0;

/// A run is there if it is so near.
const CLOSE: f64 = 0.05;

/// One request's fan-out in all modes.
pub(crate) fn tasks(session: &mut Session, scale: &Scale) {
    for app in session.able.clone() {
        let other = session.shipper.as_ref().map(|_| Mode::Shipper);
        for mode in Mode::ALL.into_iter().chain(other) {
            case(session, scale, app, mode, &usual(), scale.fan_out, 0);
        }
        // What the goal is judged by: each round begins with another one.
        let mut compared: Vec<_> = [Mode::Null, Mode::Splashdam].into_iter().chain(other).collect();
        for round in 1..scale.task_rounds {
            compared.rotate_left(1);
            for mode in &compared {
                case(session, scale, app, *mode, &usual(), scale.fan_out, round);
            }
        }
        for remote in &scale.task_remotes {
            for mode in [Mode::Null, Mode::Splashdam, Mode::Sync, Mode::Queue] {
                case(session, scale, app, mode, remote, scale.fan_out, 0);
            }
        }
    }
}

/// Thousands of tasks, many records each.
pub(crate) fn large(session: &mut Session, scale: &Scale) {
    let Some(shape) = scale.large else { return };
    for app in session.able.clone() {
        for mode in Mode::ALL {
            case(session, scale, app, mode, &usual(), shape, 0);
        }
    }
}

/// Where the seed's factor appears: foretold from how `sync` grows with the distance, then measured there.
pub(crate) fn eleven_times(session: &mut Session, _: &Scale) {
    for app in session.able.clone() {
        for (mode, remote) in [(Mode::None, usual()), (Mode::Sync, Remote::fixed(5)), (Mode::Sync, usual())] {
            one(session, app, mode, &remote, SEED_SHAPE, (1, 0), 0);
        }
        // Workers that wait for one lock make a curve of it, so the second time is from nearer by.
        for _ in 0..2 {
            if let Some(ms) = foretold(&session.results.tasks, app) {
                one(session, app, Mode::Sync, &Remote::fixed(ms), SEED_SHAPE, (1, 0), 0);
            }
        }
    }
}

/// The remote's distance, in whole milliseconds, at which a request takes eleven times as long as without logging: by the line
/// through the two runs that are nearest to that. None once a run is about there.
fn foretold(runs: &[TaskRun], app: App) -> Option<u32> {
    let of = |mode: Mode| runs.iter().filter(move |run| run.app == app && run.mode == mode && run.shape == SEED_SHAPE);
    let mean = |run: &TaskRun| run.request_seconds.iter().sum::<f64>() / run.request_seconds.len().max(1) as f64;
    let without = of(Mode::None).map(mean).next()?;
    let sought = SEED_RATIO * without;
    let mut points: Vec<(f64, f64)> =
        of(Mode::Sync).filter_map(|run| Some((run.remote.parse().ok()?, mean(run)))).collect();
    points.sort_by(|a, b| (a.1 - sought).abs().total_cmp(&(b.1 - sought).abs()));
    if points.first().is_some_and(|(_, seconds)| (seconds / sought - 1.0).abs() < CLOSE) {
        return None;
    }
    let ms = fit_line(points.get(..2)?)?.reaches(sought)?;
    // A thousand would take twenty minutes a request.
    (ms.is_finite() && (1.0..1_000.0).contains(&ms)).then_some(ms.round() as u32)
}

fn case(session: &mut Session, scale: &Scale, app: App, mode: Mode, remote: &Remote, shape: Shape, round: u32) {
    let (requests, warm_up) = match mode {
        Mode::Sync => (scale.sync_requests, u64::from(scale.sync_requests > 1)),
        _ => (scale.task_requests, 1),
    };
    one(session, app, mode, remote, shape, (requests, warm_up), round);
}

fn one(
    session: &mut Session,
    app: App,
    mode: Mode,
    remote: &Remote,
    shape: Shape,
    (requests, warm_up): (u64, u64),
    round: u32,
) {
    let case = Case { app, mode, remote: remote.clone(), shape, requests, warm_up };
    session.step(&case.describe(), case.seconds(), |session| -> Result<String> {
        let run = run(session, &case, round)?;
        let said = describe(&run);
        session.results.tasks.push(run);
        Ok(said)
    });
}

fn describe(run: &TaskRun) -> String {
    let seconds: Vec<String> = run.request_seconds.iter().map(|seconds| format!("{seconds:.2}")).collect();
    let mut text = format!("{} s a request", seconds.join(", "));
    if run.mode.ships() {
        text += &format!("; {} of {} records lost", run.account.lost, run.account.emitted);
    }
    for fault in &run.faults {
        text += &format!("; DOES NOT COUNT: {fault}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Account, Cpu, Latency, Memory};

    fn run(mode: Mode, remote: &str, seconds: f64) -> TaskRun {
        TaskRun {
            round: 0,
            app: App::Rust,
            mode,
            shipper: None,
            remote: remote.to_owned(),
            shape: SEED_SHAPE,
            request_seconds: vec![seconds],
            task: Latency::default(),
            account: Account::default(),
            cpu: Cpu::default(),
            memory: Memory::default(),
            comment: String::new(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn the_seeds_factor_is_foretold_from_two_distances() {
        // Strictly serial: 2,117 round trips on top of 15 s.
        let at = |ms: f64| 15.0 + 2.117 * ms;
        let mut runs = vec![run(Mode::Sync, "5", at(5.0)), run(Mode::Sync, "10", at(10.0))];
        assert_eq!(foretold(&runs, App::Rust), None);
        runs.push(run(Mode::None, "10", 15.0));
        assert_eq!(foretold(&runs, App::Rust), Some(71));
        assert_eq!(foretold(&runs, App::Python), None);
        // What waits for one lock grows faster farther out.
        runs.push(run(Mode::Sync, "71", 300.0));
        let nearer = foretold(&runs, App::Rust).unwrap();
        assert!((30..45).contains(&nearer), "{nearer}");
        runs.push(run(Mode::Sync, "38", 166.0));
        assert_eq!(foretold(&runs, App::Rust), None);
    }
}
