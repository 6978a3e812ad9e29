//! One destination refuses for minutes while its clients push at 20,000/s, and after that: how long until it has caught up, with
//! them pushing on, in how much memory; and what a second, healthy destination notices of it all.

use std::thread;
use std::time::{Duration, Instant};

use super::{Bench, BUDGET};
use crate::endpoint::{Behaviour, Freshness};
use crate::error::Result;
use crate::host::disk::SpoolFolder;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::{Settings, Spool};
use crate::stage::Stage;

const RATE: u64 = 20_000;
const HEALTHY_RATE: u64 = 100;
const HEALTHY: &str = "healthy";
/// The sidecar's own stream, by [`crate::sidecar`].
const TROUBLED: &str = "bench";
const LATENCY_MS: u32 = 10;
const RUN_UP: Duration = Duration::from_secs(5);
/// Freshness after catching up is looked at for so long.
const AFTERWARDS: Duration = Duration::from_secs(10);
/// Caught up is who has no more than this waiting: a second's worth, which the linger explains.
const CAUGHT_UP: u64 = RATE + HEALTHY_RATE;

pub(in crate::scenarios) fn outage(bench: &Bench) -> Result<Outcome> {
    let spool = SpoolFolder::new(&bench.spool_in)?;
    // Clients push until well after the floor of three tenths.
    let pushing = RUN_UP + bench.outage + bench.outage.mul_f64(0.5) + 2 * AFTERWARDS;
    let (troubled, healthy) = (RATE * pushing.as_secs(), HEALTHY_RATE * pushing.as_secs());
    let records = troubled + healthy;
    let behaviour = Behaviour { latency_ms: LATENCY_MS, numbers: records, ..Behaviour::default() };
    // Two thirds of it, which one destination may have, hold five minutes of these records.
    let spooled = Spool { max: Some("2GiB"), ..Spool::at(spool.path()) };
    let settings = Settings { memory: Some(BUDGET), spool: Some(spooled), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    let feeders = [
        stage.feed(&format!("feed --connections 1 --size 200 --records {troubled} --rate {RATE}"))?,
        stage.feed(&format!(
            "framed --connections 1 --size 200 --records {healthy} --rate {HEALTHY_RATE} --offset {troubled} \
             --stream {HEALTHY}"
        ))?,
    ];
    let fed_out = Instant::now() + pushing;

    thread::sleep(RUN_UP);
    stage.remote()?.freshness_of(HEALTHY)?;
    stage.remote()?.refuse(TROUBLED)?;
    thread::sleep(bench.outage);
    let waiting = waiting(&stage);
    let spooled = stage.seen().latest.account().spooled;
    stage.remote()?.recover()?;
    let caught_up = catch_up(&mut stage, fed_out)?;
    let meanwhile = stage.report()?.freshness_micros;
    stage.remote()?.freshness_of(TROUBLED)?;
    thread::sleep(AFTERWARDS);
    let after = stage.report()?.freshness_micros;

    for feeder in feeders {
        stage.join(feeder, pushing)?;
    }
    stage.settle(records)?;
    let finished = stage.finish()?;
    let ratio = caught_up.unwrap_or(bench.outage).as_secs_f64() / bench.outage.as_secs_f64();
    let values = vec![finished.resident.peak, ratio, p99(&meanwhile)];
    let mut run = Run::of(&finished, records, Doubles::Never, values);
    if caught_up.is_none() {
        run.faults.push("it had not caught up while clients still pushed".to_owned());
    }
    if waiting < RATE * bench.outage.as_secs() / 2 {
        run.faults.push(format!("only {waiting} records waited at the end of the outage"));
    }
    if spooled == 0 {
        run.faults.push("nothing was spooled at the end of the outage".to_owned());
    }
    let note = format!(
        "{waiting} waited, {spooled} of them on disk, when the outage of {:.0} s ended; caught up after {:.2} s; freshness p99 thereafter {:.0} ms; the \
         healthy lane's p50 {} ms, max {} ms of {}",
        bench.outage.as_secs_f64(),
        caught_up.unwrap_or_default().as_secs_f64(),
        p99(&after),
        meanwhile.p50 / 1_000,
        meanwhile.max / 1_000,
        meanwhile.count
    );
    Ok(Outcome::Measured(run.with_note(note)))
}

/// With the whole latency added, as in the rows of freshness.
fn p99(fresh: &Freshness) -> f64 {
    fresh.p99 as f64 / 1e3 + f64::from(LATENCY_MS)
}

/// Records that came and have not ended, at the last scrape.
fn waiting(stage: &Stage) -> u64 {
    let account = stage.seen().latest.account();
    u64::try_from(account.received + account.recovered + account.generated - account.ended()).unwrap_or(0)
}

/// How long it takes until hardly anything waits; none if clients have stopped by then.
fn catch_up(stage: &mut Stage, fed_out: Instant) -> Result<Option<Duration>> {
    let begin = Instant::now();
    loop {
        // The figure is older than a scrape by now: it is too high, never too low.
        if waiting(stage) <= CAUGHT_UP {
            return Ok(Some(begin.elapsed()));
        }
        if Instant::now() > fed_out {
            return Ok(None);
        }
        stage.sidecar.check_alive()?;
        thread::sleep(Duration::from_millis(10));
    }
}
