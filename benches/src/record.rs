//! `record`: what a ladder of offered lines yields and costs, a row for each run, as the load record of an appliance has it.
//!
//! ```text
//! options ─► plan ─► row ─┬─► scene    endpoint, shipper (ours or another), cgroup, disk
//!                         ├─► course   lines come due, the remote goes and comes back; series over time
//!                         └─► sums     facts ─► LoadRun, with verdict: what happened, what cannot be so
//! LoadRun ─► table, JSON, history
//! ```
//!
//! Lines are offered open-loop: each is due at its time, whatever the shipper does, and carries that time to the endpoint. What a
//! run decides it decides by the clock and the endpoint's own marks, so that any shipper can be measured; our own account is checked
//! besides.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use crate::error::{io, Result};
use crate::interrupt;
use crate::keep::Kept;
use crate::results::{LoadRun, Skipped};

pub(crate) mod args;
mod course;
pub(crate) mod external;
pub(crate) mod history;
mod meter;
pub(crate) mod options;
pub(crate) mod remote;
mod row;
mod scene;
mod series;
mod sums;
pub(crate) mod table;
mod verdict;
mod words;

pub(crate) use args::RecordArgs;
use history::History;
use options::Options;

/// Runs the plan; each row is handed over when it is there. Ends early, with what there is, where somebody asks for it. Returns
/// what could not be run, and why.
pub(crate) fn ladder(options: &Options, take: &mut dyn FnMut(LoadRun)) -> Result<Vec<Skipped>> {
    let mut skipped = Vec::new();
    for rung in options.plan()? {
        if interrupt::asked() {
            skipped.push(Skipped { what: rung.label(), why: "interrupted before it began".to_owned() });
            continue;
        }
        match row::run(options, rung) {
            Ok(run) => take(run),
            Err(error) => skipped.push(Skipped { what: rung.label(), why: error.to_string() }),
        }
    }
    Ok(skipped)
}

pub(crate) fn run(args: &RecordArgs) -> Result<ExitCode> {
    interrupt::install()?;
    let options = args.options()?;
    let runs = options.plan()?.len();
    let mut history = args.history.as_deref().map(History::open).transpose()?;
    let (begin, mut kept) = (Instant::now(), Kept::begin(args.json.as_deref())?);
    eprintln!("{runs} runs, about {:.0} s", options.expected().as_secs_f64());

    let (mut load, mut trouble) = (Vec::new(), None);
    let skipped = ladder(&options, &mut |run| {
        let done = load.len() + 1;
        let left = begin.elapsed().as_secs_f64() / done as f64 * runs.saturating_sub(done) as f64;
        eprintln!("{done:>2}/{runs}, {left:>4.0} s left {}", table::progress(&run));
        if let Some(error) = history.as_mut().and_then(|history| history.add(&run).err()) {
            trouble.get_or_insert(error);
        }
        load.push(run);
    })?;

    let rows = table::render(&load, &skipped);
    let sound = skipped.is_empty() && load.iter().all(|run| run.faults.is_empty());
    kept.results.load = load;
    kept.results.skipped = skipped;
    kept.end(!interrupt::asked(), args.json.as_deref())?;
    // Files first: a terminal that is gone must not take them along.
    writeln!(std::io::stdout(), "{rows}").map_err(io("write to", "standard output"))?;
    trouble.map_or(Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }), Err)
}
