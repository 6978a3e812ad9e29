//! The client crate's own cost, by way of its examples: a program of ours would only measure itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::Bench;
use crate::endpoint::Behaviour;
use crate::error::{wrong, Result};
use crate::host::process::Process;
use crate::run::{Doubles, Outcome, Run};
use crate::sidecar::{Settings, Spool};
use crate::stage::Stage;

const CALLS: u64 = 1_000_000;
const CLIENTS: u64 = 2;
/// The sidecar's own, by [`crate::sidecar`].
const STREAM: &str = "bench";
/// Clients run at a part of the speed of text, so a part of the records makes as long a run.
const SHARE: u64 = 2;

#[derive(Debug, Deserialize)]
struct LogCost {
    p50_ns: u64,
    p99_ns: u64,
    p99_9_ns: u64,
    max_ns: u64,
    empty_ns: u64,
    empty_p99_9_ns: u64,
    arrived: u64,
    lost: u64,
}

/// What the example `feed` prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Fed {
    seconds: f64,
    pub(crate) reached: bool,
    delivered: u64,
    rejected: u64,
    dropped: u64,
    pub(crate) lost: u64,
    at_risk: u64,
}

/// `client.log()` on one thread, its queue never full, the consumer live.
pub(super) fn call(bench: &Bench) -> Result<Outcome> {
    let program = match example(&bench.programs.examples, "log_cost") {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let mut command = Command::new(program);
    command.args(["--count", &CALLS.to_string(), "--rate", "100000", "--size", "200"]);
    let mut process = Process::spawn("log_cost", &mut command)?;
    let status = process.wait(Duration::from_secs(90))?;
    if !status.success() {
        return Err(wrong("log_cost", format!("ended with {status}")));
    }
    let cost: LogCost = parse("log_cost", &process.output())?;
    let mut run = Run { values: vec![cost.p50_ns as f64, cost.p99_9_ns as f64], ..Run::default() };
    if (cost.arrived, cost.lost) != (CALLS, 0) {
        run.faults.push(format!("{} arrived, {} lost, of {CALLS}", cost.arrived, cost.lost));
    }
    let note = format!(
        "p99 {} ns, max {} ns; an empty loop, its median subtracted: p50 {} ns, p99.9 {} ns",
        cost.p99_ns, cost.max_ns, cost.empty_ns, cost.empty_p99_9_ns
    );
    Ok(Outcome::Measured(run.with_note(note)))
}

/// Two clients as fast as their windows allow, until the last record has ended.
pub(super) fn ended(bench: &Bench) -> Result<Outcome> {
    fed(bench, &Clients { count: CLIENTS, share: SHARE, awaits: "ended", spool: None, away: false })
}

/// Clients of the client crate's example, and what they wait for.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) count: u64,
    /// Which part of the records all of them send: one in so many.
    pub(super) share: u64,
    /// A level: `durable` or `ended`.
    pub(super) awaits: &'static str,
    pub(super) spool: Option<Spool>,
    /// The remote refuses everything until they have what they wait for.
    pub(super) away: bool,
}

/// Records a second until the slower client knows that all has reached the level.
pub(super) fn fed(bench: &Bench, clients: &Clients) -> Result<Outcome> {
    let program = match example(&bench.programs.examples, "feed") {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let Clients { count, share, awaits, spool, away } = clients;
    let each = (bench.records / share / count).max(1);
    let records = each * count;
    let behaviour = Behaviour { numbers: records, ..Behaviour::default() };
    let settings = Settings { memory: Some("64MiB"), spool: spool.clone(), ..Settings::default() };
    let mut stage = Stage::set(&bench.programs, &behaviour, settings)?;
    if *away {
        stage.remote()?.refuse(STREAM)?;
    }
    let feeders = (0..*count).map(|index| {
        let offset = index * each;
        stage
            .feed_with(&program, &format!("--count {each} --size 200 --offset {offset} --await {awaits} --timeout 120"))
    });
    let feeders = feeders.collect::<Result<Vec<_>>>()?;
    let outputs = feeders.into_iter().map(|feeder| stage.join_other(feeder, each, Duration::from_secs(300)));
    let fed = outputs.map(|output| parse("feed", &output?)).collect::<Result<Vec<Fed>>>()?;
    let dirtied = stage.sidecar.dirtied()? as f64 / f64::from(1 << 20);
    stage.remote()?.recover()?;
    stage.settle(records)?;
    let finished = stage.finish()?;

    let seconds = fed.iter().map(|fed| fed.seconds).fold(0.0, f64::max);
    let mut run = Run::of(&finished, records, Doubles::Never, vec![records as f64 / seconds.max(f64::MIN_POSITIVE)]);
    if spool.is_some() {
        run.faults.extend(finished.seen.never_spooled());
    }
    for fed in &fed {
        let delivered = *awaits != "ended" || fed.delivered == each;
        if !fed.reached || !delivered || (fed.rejected, fed.dropped, fed.lost) != (0, 0, 0) {
            run.faults.push(format!("a client was told {fed:?}"));
        }
    }
    let at_risk: u64 = fed.iter().map(|fed| fed.at_risk).sum();
    let cpu = finished.cpu_seconds / (records as f64 / 1e6);
    let mut note = format!("sidecar's CPU per million {cpu:.3} s; {at_risk} at risk meanwhile");
    if spool.is_some() {
        note.push_str(&format!("; {dirtied:.0} MiB to the disk"));
    }
    Ok(Outcome::Measured(run.with_note(note)))
}

pub(crate) fn example(folder: &Path, name: &str) -> std::result::Result<PathBuf, String> {
    let path = folder.join(name);
    let how = "`cargo build --release --examples` makes it";
    path.exists().then_some(path).ok_or_else(|| format!("the client's example `{name}` is not there; {how}"))
}

pub(crate) fn parse<T: for<'a> Deserialize<'a>>(name: &str, output: &str) -> Result<T> {
    serde_json::from_str(output).map_err(|error| wrong(format!("what {name} printed"), error))
}
