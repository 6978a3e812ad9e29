//! `soak`: a steady load for as long as asked. Does memory grow, and is `/metrics` answered all the while?
//!
//! - [`series`]: memory over time, a bounded number of points.
//! - [`verdict`]: what its slope ([`crate::statistics::slope`]) says.
//!
//! The sidecar's account is read ten times a second, as in all runs; each answer has [`BOUND`] to come.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::endpoint::Behaviour;
use crate::error::{wrong, Error, Result};
use crate::figures::ProgramArgs;
use crate::host::disk::SpoolFolder;
use crate::keep::Kept;
use crate::results::{Point, Skipped, SoakRun};
use crate::run::{Doubles, Run};
use crate::sidecar::{Settings, Spool};
use crate::stage::{Feeder, Finished, Programs, Stage};
use crate::statistics::{slope, Interval};
use crate::sweeps::{account, latency};
use crate::watch::BOUND;

mod series;
mod table;
mod verdict;

use series::Series;
use verdict::Verdict;

const BUDGET: &str = "64MiB";
const SIZE: u64 = 200;
const CONNECTIONS: u64 = 2;
const SAMPLE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(50);
/// A feeder that is later than this when all it was to write is due has not kept its rate.
const GRACE: Duration = Duration::from_secs(10);
/// It ends sooner than this when it is asked to, unless the sidecar does not take what it is writing.
const PATIENCE: Duration = Duration::from_secs(60);
/// So much of the run is warm-up and has no part in the slope.
const WARM_UP: f64 = 0.1;
/// The endpoint has a bit for each: 250 MB. More than a day of 20,000 a second.
const MOST_RECORDS: u64 = 2_000_000_000;
const PROGRESS: Duration = Duration::from_secs(30);
const HOUR: f64 = 3_600.0;

/// Keeps up a steady load and watches memory and `/metrics`.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    seconds: u64,
    /// Records a second
    #[arg(long, value_name = "R", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Milliseconds for which the remote holds back each answer
    #[arg(long, value_name = "L", default_value = "10ms", value_parser = latency)]
    remote: u32,
    /// With a spool, made here: on a disk; without one unless set
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Also write the run as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// How long and how much.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) programs: Programs,
    pub(crate) seconds: u64,
    pub(crate) rate: u64,
    pub(crate) remote_ms: u32,
    /// Where its spool is made, if it has one.
    pub(crate) spool_in: Option<PathBuf>,
}

/// A run, and whether it lasted as long as asked.
#[derive(Debug)]
pub(crate) struct Soaked {
    pub(crate) run: SoakRun,
    pub(crate) complete: bool,
    pub(crate) leaks: bool,
}

pub(crate) fn command(args: &SoakArgs, stop: &dyn Fn() -> bool) -> Result<ExitCode> {
    let options = Options {
        programs: args.programs.find()?,
        seconds: args.seconds,
        rate: args.rate,
        remote_ms: args.remote,
        spool_in: args.spool_in.clone(),
    };
    let mut kept = Kept::begin(args.json.as_deref())?;
    let (complete, good) = match run(&options, stop) {
        Ok(Soaked { run, complete, leaks }) => {
            println!("{}", table::render(&run));
            let good = run.faults.is_empty() && !leaks;
            kept.results.soaks.push(run);
            (complete, good)
        }
        Err(error) => {
            println!("FAILED: {error}");
            kept.results.skipped.push(Skipped { what: "soak".to_owned(), why: error.to_string() });
            (true, false)
        }
    };
    kept.end(complete, args.json.as_deref())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs until its time is over or it is stopped; either way all that was written is awaited and counted.
pub(crate) fn run(options: &Options, stop: &dyn Fn() -> bool) -> Result<Soaked> {
    let records = options.rate.saturating_mul(options.seconds);
    if records > MOST_RECORDS {
        return Err(wrong(
            "soak",
            format!("{records} records are more than {MOST_RECORDS}: lower --rate or --seconds"),
        ));
    }
    eprintln!("{} records/s for {} s; a line each {} s", options.rate, options.seconds, PROGRESS.as_secs());
    let spool = options.spool_in.as_deref().map(SpoolFolder::new).transpose()?;
    let behaviour = Behaviour { latency_ms: options.remote_ms, numbers: records, ..Behaviour::default() };
    let settings = Settings {
        memory: Some(BUDGET),
        spool: spool.as_ref().map(|spool| Spool::at(spool.path())),
        ..Settings::default()
    };
    let mut stage = Stage::set(&options.programs, &behaviour, settings)?;
    let rate = options.rate;
    let feeder =
        stage.feed(&format!("feed --connections {CONNECTIONS} --size {SIZE} --records {records} --rate {rate}"))?;
    let Sampled { memory, feeder, stopped, behind } = sample(&mut stage, feeder, options, stop)?;
    let written = stage.join(feeder, PATIENCE)?.records;
    stage.settle(written)?;
    let finished = stage.finish()?;
    let mut soaked = summary(options, memory, &finished, written);
    soaked.complete = !stopped;
    if behind {
        soaked.run.faults.push(format!("only {written} of {records} records were written in time"));
    }
    Ok(soaked)
}

/// What was seen while the feeder was at work.
#[derive(Debug)]
struct Sampled {
    memory: Vec<Point>,
    /// It has ended.
    feeder: Feeder,
    /// It was asked to end early.
    stopped: bool,
    /// It was asked to end because its time was over long ago.
    behind: bool,
}

/// Looks at the sidecar's memory once a second until the feeder has ended.
fn sample(stage: &mut Stage, mut feeder: Feeder, options: &Options, stop: &dyn Fn() -> bool) -> Result<Sampled> {
    let whole = Duration::from_secs(options.seconds);
    let (begin, mut memory, mut next, mut told) = (Instant::now(), Series::new(), Duration::ZERO, PROGRESS);
    let (mut stopped, mut behind, mut last) = (false, false, whole + GRACE);
    while !stage.has_fed(&mut feeder)? {
        let elapsed = begin.elapsed();
        if !(stopped || behind) {
            stopped = stop();
            behind = !stopped && elapsed > last;
            if stopped || behind {
                feeder.stop();
                last = elapsed;
            }
        } else if elapsed > last + PATIENCE {
            let what = format!("end of the feeder (the sidecar says: {})", stage.sidecar.last_words());
            return Err(Error::Late { what, seconds: elapsed.as_secs_f64() });
        }
        if elapsed >= next {
            let resident = stage.sidecar.resident()?.now;
            memory.push(Point { seconds: elapsed.as_secs_f64(), value: resident });
            next = elapsed + SAMPLE;
        }
        if elapsed >= told {
            told = elapsed + PROGRESS;
            let (left, seen) = (whole.saturating_sub(elapsed).as_secs(), stage.seen());
            eprintln!("[{left} s left] {:.1} MiB; {}", stage.sidecar.resident()?.now, seen.latest.account());
        }
        thread::sleep(POLL);
    }
    Ok(Sampled { memory: memory.into_points(), feeder, stopped, behind })
}

fn summary(options: &Options, memory: Vec<Point>, finished: &Finished, written: u64) -> Soaked {
    let growth = Growth::of(&memory);
    let verdict = Verdict::of(&growth);
    let (low, middle, high) = growth.slope.map_or((0.0, 0.0, 0.0), |slope| (slope.low, slope.middle, slope.high));
    let seen = &finished.seen;
    let (scrapes, scrapes_failed) = (seen.scrapes + seen.refused, seen.refused + seen.late);
    let mut faults = Run::of(finished, written, Doubles::Never, Vec::new()).faults;
    if scrapes_failed > 0 {
        faults.push(format!(
            "{scrapes_failed} of {scrapes} scrapes were refused or took more than {} s",
            BOUND.as_secs()
        ));
    }
    if options.spool_in.is_some() {
        faults.extend(seen.never_spooled());
    }
    let run = SoakRun {
        seconds: finished.seconds,
        per_second: written as f64 / finished.seconds.max(f64::MIN_POSITIVE),
        offered_per_second: options.rate as f64,
        spool: options.spool_in.is_some(),
        memory,
        slope_mib_per_hour: middle,
        slope_low: low,
        slope_high: high,
        verdict: verdict.to_string(),
        scrapes,
        scrapes_failed,
        slowest_scrape_ms: seen.slowest.as_secs_f64() * 1e3,
        scrape_bound_ms: BOUND.as_secs_f64() * 1e3,
        end_to_end: finished.report.freshness_micros.latency(Duration::from_millis(u64::from(options.remote_ms))),
        account: account(finished, written),
        faults,
    };
    Soaked { run, complete: true, leaks: verdict.is_leak() }
}

/// How memory grew after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Growth {
    /// In MiB an hour.
    slope: Option<Interval>,
    /// The same of its thirds, without their intervals.
    thirds: [Option<f64>; 3],
    /// How long it was looked at.
    seconds: f64,
}

impl Growth {
    fn of(memory: &[Point]) -> Self {
        let ends = memory.first().zip(memory.last());
        let warm = ends.map_or(0.0, |(first, last)| first.seconds + WARM_UP * (last.seconds - first.seconds));
        let kept = memory.iter().filter(|point| point.seconds >= warm);
        let samples: Vec<_> = kept.map(|point| (point.seconds / HOUR, point.value)).collect();
        let third = |index: usize| &samples[index * samples.len() / 3..(index + 1) * samples.len() / 3];
        Self {
            slope: slope(&samples),
            thirds: [0, 1, 2].map(|index| slope(third(index)).map(|slope| slope.middle)),
            seconds: samples.first().zip(samples.last()).map_or(0.0, |(first, last)| (last.0 - first.0) * HOUR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(by: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..3_600).map(f64::from).map(|seconds| Point { seconds, value: by(seconds) }).collect()
    }

    #[test]
    fn the_warm_up_has_no_part_in_the_slope() {
        let growth = Growth::of(&grown(|seconds| seconds.min(359.0)));
        assert_eq!(growth.slope.map(|slope| slope.middle.round()), Some(0.0));
        assert!((growth.seconds - 3_239.0).abs() < 1.0, "{growth:?}");
    }

    #[test]
    fn growth_is_told_by_the_hour() {
        let growth = Growth::of(&grown(|seconds| 20.0 + seconds / 360.0));
        assert!((growth.slope.unwrap().middle - 10.0).abs() < 1e-6, "{growth:?}");
        assert!(growth.thirds.iter().all(|third| (third.unwrap() - 10.0).abs() < 1e-6), "{growth:?}");
        assert!(Verdict::of(&growth).is_leak());
        assert_eq!(Growth::of(&[]), Growth { slope: None, thirds: [None; 3], seconds: 0.0 });
    }

    #[test]
    fn a_step_is_no_leak_wherever_it_is() {
        for at in [400.0, 1_000.0, 1_900.0, 2_000.0, 2_600.0, 3_400.0] {
            let growth = Growth::of(&grown(|seconds| if seconds < at { 20.0 } else { 30.0 }));
            assert!(!Verdict::of(&growth).is_leak(), "{at}: {growth:?}");
        }
    }

    /// What a sidecar's allocator does in its first quarter of an hour: quickly at first, then hardly any more.
    #[test]
    fn memory_that_settles_is_no_leak() {
        for minutes in [3.0, 10.0, 20.0] {
            let growth = Growth::of(&grown(|seconds| 20.0 - 10.0 * (-seconds / (60.0 * minutes)).exp()));
            assert!(!Verdict::of(&growth).is_leak(), "{minutes}: {growth:?}");
        }
    }
}
