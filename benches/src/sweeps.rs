//! `sweep`: one parameter at a time, from one end of its range to the other, everything else as shipped.
//!
//! - [`parameter`]: what there is to vary, and what one point of it sends.
//! - [`measure`]: one point, on a stage of its own.
//! - [`table`]: the points as text.
//!
//! Absent: fitting a curve to the points. A point that went wrong is told and does not stop the others.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::error::{wrong, Result};
use crate::figures::ProgramArgs;
use crate::keep::Kept;
use crate::results::{Skipped, SweepRun};
use crate::stage::Programs;

mod measure;
mod parameter;
mod table;

pub(crate) use measure::account;
pub(crate) use parameter::Parameter;
use parameter::Point;

/// Varies one parameter at a time and measures at each value.
#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Only this parameter; may be repeated
    #[arg(long, value_name = "NAME", value_enum)]
    parameter: Vec<Parameter>,
    /// Only this value of the parameters that have it; may be repeated
    #[arg(long, value_name = "VALUE")]
    value: Vec<u64>,
    /// Records of 200 bytes that a point at full speed sends; larger or smaller ones make the same payload
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    records: u64,
    /// Rounds; in each, every point is measured once
    #[arg(long, value_name = "R", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Records a second of `linger-ms`
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=50_000))]
    rate: u64,
    /// Milliseconds for which the remote holds back each answer
    #[arg(long, value_name = "L", default_value = "0ms", value_parser = latency)]
    remote: u32,
    /// Also write every point as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// What to sweep, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) programs: Programs,
    /// All of them, where there is none.
    pub(crate) parameters: Vec<Parameter>,
    /// All of each, where there is none.
    pub(crate) values: Vec<u64>,
    /// Of 200 bytes.
    pub(crate) records: u64,
    pub(crate) rounds: u32,
    /// Of the points that are paced, records a second.
    pub(crate) rate: u64,
    pub(crate) remote_ms: u32,
}

/// What became of one point.
pub(crate) type Outcome = std::result::Result<SweepRun, Skipped>;

/// Reads `10ms` or `10`.
pub(crate) fn latency(text: &str) -> std::result::Result<u32, String> {
    let number = text.strip_suffix("ms").unwrap_or(text).parse::<u32>();
    let in_bounds = number.ok().filter(|milliseconds| *milliseconds <= 60_000);
    in_bounds.ok_or_else(|| "milliseconds up to 60000, such as 10ms".to_owned())
}

pub(crate) fn command(args: &SweepArgs, stop: &dyn Fn() -> bool) -> Result<ExitCode> {
    let options = Options {
        programs: args.programs.find()?,
        parameters: args.parameter.clone(),
        values: args.value.clone(),
        records: args.records,
        rounds: args.rounds,
        rate: args.rate,
        remote_ms: args.remote,
    };
    let mut kept = Kept::begin(args.json.as_deref())?;
    let complete = run(&options, stop, &mut |outcome| match outcome {
        Ok(run) => kept.results.sweeps.push(run),
        Err(skipped) => kept.results.skipped.push(skipped),
    })?;
    let results = kept.end(complete, args.json.as_deref())?;
    println!("{}", table::render(&results.sweeps, &results.skipped, &options));
    let good = results.skipped.is_empty() && results.sweeps.iter().all(|run| run.faults.is_empty());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What all points are thought to take, in seconds; nothing where there are none, as [`run`] will say.
pub(crate) fn expected(options: &Options) -> f64 {
    let points = chosen(options).unwrap_or_default();
    let each = points.iter().map(|point| point.load(options).expected().as_secs_f64());
    each.sum::<f64>() * f64::from(options.rounds)
}

/// Measures all points round after round and hands each on as it comes. False where it was stopped before the last.
pub(crate) fn run(options: &Options, stop: &dyn Fn() -> bool, each: &mut dyn FnMut(Outcome)) -> Result<bool> {
    let points = chosen(options)?;
    let all = points.len() * options.rounds as usize;
    let expected = |point: &Point| point.load(options).expected().as_secs_f64();
    let whole = self::expected(options);
    let (begin, mut done) = (Instant::now(), 0.0);
    let rounds = (1..=options.rounds).flat_map(|round| points.iter().map(move |point| (round, *point)));
    for (index, (round, point)) in rounds.enumerate() {
        if stop() {
            return Ok(false);
        }
        let left = left(begin.elapsed(), done, whole);
        eprintln!("[{}/{all}, about {left:.0} s left] {} {}", index + 1, point.parameter.name(), point.value);
        let measured = measure::point(point, round, options);
        each(measured.map_err(|error| Skipped { what: format!("sweep: {point}"), why: error.to_string() }));
        done += expected(&point);
    }
    Ok(true)
}

/// Seconds left, if the rest goes as the beginning went compared with what was expected of it.
fn left(elapsed: Duration, done: f64, whole: f64) -> f64 {
    let pace = if done > 0.0 { elapsed.as_secs_f64() / done } else { 1.0 };
    (whole - done).max(0.0) * pace
}

fn chosen(options: &Options) -> Result<Vec<Point>> {
    let wanted = |parameter: &Parameter| options.parameters.is_empty() || options.parameters.contains(parameter);
    let parameters: Vec<_> = Parameter::ALL.into_iter().filter(wanted).collect();
    let known = |value: &u64| parameters.iter().any(|parameter| parameter.values().contains(value));
    if let Some(value) = options.values.iter().find(|value| !known(value)) {
        let names: Vec<_> = parameters.iter().map(|p| format!("{} has {:?}", p.name(), p.values())).collect();
        return Err(wrong(format!("no value {value}"), names.join("; ")));
    }
    let in_points = |value: &u64| options.values.is_empty() || options.values.contains(value);
    let points = |parameter: Parameter| {
        let values = parameter.values().iter().copied().filter(in_points);
        values.map(move |value| Point { parameter, value })
    };
    Ok(parameters.into_iter().flat_map(points).collect())
}

#[cfg(test)]
mod tests;
