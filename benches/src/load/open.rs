//! Open loop: each request is sent when it is due, as long as a connection is free; else it waits, and its latency counts on.
//!
//! Nothing stands in a queue: which requests are due follows from the time, and they are sent in their order. What was due and
//! could not be sent until the end is an error of its own kind.

use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::pacer::Pacer;
use super::run::{Run, Shot};
use super::schedule::Schedule;
use super::watch::{first, watch, Event, First};
use crate::error::Result;

/// What requests are called that were due and never sent.
const UNSENT: &str = "unsent: no connection was free until the end";

/// Of a run whose length nobody said.
const LONGEST: Duration = Duration::from_secs(604_800);

/// Says whether it was interrupted. All requests have ended when it returns.
pub(super) async fn drive(
    run: &Arc<Run>,
    rate: f64,
    connections: u32,
    stop: &AtomicBool,
    say: &mut dyn FnMut(Event),
) -> Result<bool> {
    let length = run.spec.length.unwrap_or(LONGEST);
    let schedule = Schedule::new(rate, run.spec.warm_up, length, run.spec.most);
    let slots = Arc::new(Semaphore::new(connections as usize));
    let interrupted = match first(watch(run, stop, say), pace(run, &schedule, &slots)).await {
        First::This(()) => true,
        First::That(paced) => paced.map(|()| false)?,
    };
    let elapsed = run.began.elapsed();
    run.stop();
    // Each ends by itself, at the latest by its time-out.
    let _all = slots.acquire_many(connections).await;
    count_unsent(run, &schedule, elapsed);
    Ok(interrupted)
}

async fn pace(run: &Arc<Run>, schedule: &Schedule, slots: &Arc<Semaphore>) -> Result<()> {
    let pacer = Pacer::new()?;
    let end = run.began + schedule.end();
    let mut index = 0;
    while let Some(due) = schedule.due(index) {
        let Some(slot) = slot(slots, end).await else { return Ok(()) };
        let free = Instant::now();
        let due = run.began + due;
        pacer.until(due).await?;
        // The schedule knows the most that may be sent, so there is always a number.
        let Some(number) = run.claim() else { return Ok(()) };
        send(run, Shot { index: number, due, ready: due.max(free), measured: index >= schedule.warm_ups() }, slot);
        index += 1;
    }
    pacer.until(end).await
}

/// One that is free is taken whatever the time: what is due and was held up by us alone is not the server's debt. One that is
/// awaited has to come before the end.
async fn slot(slots: &Arc<Semaphore>, end: Instant) -> Option<OwnedSemaphorePermit> {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Some(slot);
    }
    let slot = timeout_at(end.into(), Arc::clone(slots).acquire_owned()).await.ok()?.ok();
    slot.filter(|_| Instant::now() < end)
}

fn send(run: &Arc<Run>, shot: Shot, slot: OwnedSemaphorePermit) {
    let run = Arc::clone(run);
    tokio::spawn(async move {
        run.shoot(shot).await;
        drop(slot);
    });
}

fn count_unsent(run: &Run, schedule: &Schedule, elapsed: Duration) {
    let due = schedule.measured_before(elapsed);
    let mut tally = run.tally();
    let sent = tally.sent.saturating_sub(schedule.warm_ups());
    tally.due = Some(due.max(sent));
    if due > sent {
        tally.count_error(UNSENT.to_owned(), due - sent);
    }
}
