//! One row: the scene is set, the run takes its course, everything is read that live processes know, and they are ended.

use std::thread;
use std::time::{Duration, Instant};

use super::course::{Course, Seen};
use super::options::{Options, Rung};
use super::scene::Scene;
use super::sums;
use crate::endpoint;
use crate::error::Result;
use crate::host::clock::own_cpu;
use crate::host::disk::DeviceCounts;
use crate::host::kernel::machine;
use crate::provenance::now;
use crate::results::LoadRun;
use crate::watch;

/// The sidecar hears of a batch's acceptance a round trip after the endpoint has counted it.
const ANSWERS: Duration = Duration::from_secs(5);

/// All that is known about a run, before anything is made of it.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) options: &'a Options,
    pub(super) rung: Rung,
    pub(super) at: String,
    pub(super) seen: Seen,
    /// What the endpoint said when all had ended.
    pub(super) report: endpoint::Report,
    pub(super) last_accept_micros: Option<u64>,
    /// The sidecar's own account; another shipper has none that we can read.
    pub(super) account: Option<watch::Seen>,
    pub(super) kills: u64,
    pub(super) reached: Option<u64>,
    pub(super) limit_mib: Option<u64>,
    /// Why there was no limit where one was asked for.
    pub(super) unlimited: Option<String>,
    pub(super) device: Option<DeviceCounts>,
    /// What was not in order when it was asked to end.
    pub(super) stopped: Option<String>,
    /// CPU of the whole machine, and of this process, meanwhile.
    pub(super) machine_seconds: f64,
    pub(super) own_seconds: f64,
}

pub(super) fn run(options: &Options, rung: Rung) -> Result<LoadRun> {
    let at = now();
    let mut scene = Scene::set(options, rung)?;
    let (busy, own, device) = (machine()?.busy_seconds, own_cpu(), device(&scene)?);
    let (killed, reached) = limit_counts(&scene)?;

    let seen = Course::begin(&mut scene, options, rung)?.run()?;

    let machine_seconds = machine()?.busy_seconds - busy;
    let own_seconds = own_cpu().saturating_sub(own).as_secs_f64();
    let device = self::device(&scene)?.zip(device).map(|(now, before)| now.since(before));
    let account = watched(&mut scene, &seen);
    let (kills_now, reached_now) = limit_counts(&scene)?;
    let stopped = if seen.died.is_none() { scene.shipper.stop()? } else { None };
    let report = scene.endpoint.stop()?;
    let last_accept_micros = scene.endpoint.last_accept_micros(&report);
    Ok(sums::load_run(&Facts {
        options,
        rung,
        at,
        seen,
        last_accept_micros,
        report,
        account,
        kills: kills_now - killed,
        reached: reached_now.zip(reached).map(|(now, before)| now - before),
        limit_mib: scene.cgroup.as_ref().and(options.limit_mib),
        unlimited: scene.unlimited.take(),
        device,
        stopped,
        machine_seconds,
        own_seconds,
    }))
}

fn device(scene: &Scene) -> Result<Option<DeviceCounts>> {
    scene.disk.as_ref().map(|disk| disk.device()).transpose()
}

/// Times that the kernel killed at the limit, and that the limit was reached.
fn limit_counts(scene: &Scene) -> Result<(u64, Option<u64>)> {
    let Some(cgroup) = &scene.cgroup else { return Ok((0, None)) };
    Ok((cgroup.kills()?, Some(cgroup.reached()?)))
}

/// The sidecar's account once it knows of all that was accepted in time, or as it was last.
fn watched(scene: &mut Scene, seen: &Seen) -> Option<watch::Seen> {
    let watch = scene.watch.as_mut()?;
    let begin = Instant::now();
    while seen.died.is_none() && begin.elapsed() < ANSWERS {
        let account = watch.seen().latest.account();
        if account.ended() >= i64::try_from(seen.in_time).unwrap_or(i64::MAX) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Some(watch.stop())
}
