//! One run from its first process to its last: everything started, the plan followed, all healed, everything asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::client::Told;
use super::crowd::{told, Crew, Mortal, Place};
use super::launcher::Launcher;
use super::lives::{Fate, Incarnation, Living, Start};
use super::plan::{End, Plan, Trouble};
use super::text::{Segment, TextWriter};
use super::verdict::{Bounds, Closed, Endpoint as Ends, Facts, Gone, Line};
use super::weather::Weather;
use super::{DEADLINE, TIME_OUT};
use crate::endpoint::{Behaviour, Endpoint, Report};
use crate::error::{io, wrong, Error, Result};
use crate::host::disk::SpoolFolder;
use crate::host::process::Process;
use crate::sidecar::{Settings, Spool};
use crate::stage::{folder, Programs};

/// Bytes of a record.
const SIZE: usize = 120;
/// What CloudWatch counts for a batch and, beside its text, for a record.
const BATCH_BYTES: u64 = 1_048_576;
const EVENT: u64 = 26;
const BUDGET: &str = "32MiB";
const BUDGET_MIB: f64 = 32.0;
/// What may stand beside the budget by `docs/operations.md`, and how much more a debug build takes for its code.
const REMAINDER_MIB: f64 = if cfg!(debug_assertions) { 48.0 } else { 40.0 };
/// Streams that clients name; the empty one is the sidecar's own.
const STREAMS: &[&str] = &["", "chaos-1", "chaos-2"];
/// Processes of clients that stay, and clients in each.
const CREWS: u64 = 4;
const CLIENTS: u64 = 4;
const TEXTS: usize = 2;
/// Parts of the whole rate: of the client with old timestamps, of each that is killed, of each text client.
const SMALL: f64 = 1.0 / 24.0;
/// No record ended for so long after all has healed: something hangs.
const STUCK: Duration = Duration::from_secs(120);
/// A sidecar that is to be asked to end must have begun; it has so long.
const BEGUN: Duration = Duration::from_secs(30);

/// A part of the run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) until: f64,
    /// At the endpoint by then.
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    pub(crate) unconfirmed: u64,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) phases: Vec<Phase>,
    pub(crate) framed_per_second: f64,
    pub(crate) facts: Facts,
}

/// Numbers, given out in ranges.
#[derive(Debug, Default)]
struct Numbers(u64);

impl Numbers {
    fn take(&mut self, count: u64) -> u64 {
        let first = self.0;
        self.0 += count;
        first
    }
}

/// Who writes what.
struct Cast<'a> {
    crews: Vec<Crew>,
    places: Vec<(u64, &'a [super::plan::Life])>,
    /// First numbers.
    texts: Vec<u64>,
    small: f64,
    text_numbers: u64,
    numbers: u64,
}

fn cast(plan: &Plan, rate: u64) -> Cast<'_> {
    let mut numbers = Numbers::default();
    let small = rate as f64 * SMALL;
    // It may take longer than planned, never so much.
    let most = |rate: f64| (rate * (2.0 * plan.seconds + 120.0)) as u64;
    let each = rate as f64 / (CREWS * CLIENTS) as f64;
    let crew = |kind, clients, rate: f64, first, streams| Crew { kind, clients, first, most: most(rate), rate, size: SIZE, streams };
    let mut crews: Vec<_> =
        (0..CREWS).map(|_| crew("steady", CLIENTS, each, numbers.take(CLIENTS * most(each)), STREAMS)).collect();
    crews.push(crew("old", 1, small, numbers.take(most(small)), &STREAMS[..1]));
    let places = plan.mortals.iter().map(|lives| (numbers.take(Place::numbers(lives, small)), lives.as_slice()));
    let places = places.collect();
    let texts = (0..TEXTS).map(|_| numbers.take(most(small))).collect();
    Cast { crews, places, texts, small, text_numbers: most(small), numbers: numbers.0 }
}

/// Runs a plan to its end.
pub(crate) fn run(programs: &Programs, plan: &Plan, rate: u64, spool_in: &Path) -> Result<Outcome> {
    let (folder, spool, cast) = (folder()?, SpoolFolder::new(spool_in)?, cast(plan, rate));
    let launcher = Launcher::new(&programs.splashdam, folder.path())?;
    let behaviour =
        Behaviour { strict: true, numbers: cast.numbers, seed: Some(plan.seed), ..Behaviour::default() };
    let mut endpoint = Endpoint::start(&programs.emulator, &behaviour, folder.path())?;
    let settings = settings(launcher.url(endpoint.address()), spool.path());
    let start =
        Start { program: &launcher.program, settings: &settings, folder: folder.path(), begin: Instant::now() };
    let socket = folder.path().join("s.sock");
    let first = Living::start(&start)?;
    let mut crews = cast.crews.iter().map(|crew| crew.start(&socket)).collect::<Result<Vec<_>>>()?;

    let stage = Course {
        plan,
        start: &start,
        endpoint: &endpoint,
        launcher: &launcher,
        socket: &socket,
        cast: &cast,
        over: AtomicBool::new(false),
        written: cast.texts.iter().map(|first| AtomicU64::new(*first)).collect(),
    };
    let Played { last, incarnations, phases, mortals, segments, outages, seconds } = stage.play(first)?;

    let healed = stage.heal(last, incarnations, &mut crews)?;
    let facts = Facts {
        bounds: Bounds {
            memory_mib: BUDGET_MIB + REMAINDER_MIB,
            deadline: DEADLINE,
            batch: BATCH_BYTES / (SIZE as u64 + EVENT),
            kills: plan.kills(),
        },
        closed: closed(&endpoint, healed.told)?,
        gone: mortals.into_iter().map(|mortal| gone(&endpoint, mortal)).collect::<Result<_>>()?,
        text: segments.into_iter().map(|(text, segment)| line(&endpoint, text, segment, &healed.incarnations)).collect::<Result<_>>()?,
        met: met(&healed.report, outages, &healed.incarnations, &launcher),
        incarnations: healed.incarnations,
        endpoint: ends(&endpoint.stop()?),
        skipped: launcher.no_names.iter().map(|why| format!("{}: {why}", Trouble::Dns.name())).collect(),
        left_in_spool: left(&programs.splashdam, spool.path())?,
    };
    let framed_per_second = facts.logged() as f64 / seconds;
    let mut phases = phases;
    phases.push(phase("healing", start.begin, &healed.report));
    Ok(Outcome { phases, framed_per_second, facts })
}

fn settings(endpoint: String, spool: &Path) -> Settings<'static> {
    let flags = [
        ("--connect-timeout", "1s".to_owned()),
        ("--attempt-timeout", format!("{TIME_OUT}s")),
        ("--backoff-max", "1s".to_owned()),
        ("--linger-max", "2s".to_owned()),
        ("--in-flight-max", "4".to_owned()),
        ("--shutdown-deadline", format!("{DEADLINE}s")),
        ("--spool-max", "4GiB".to_owned()),
    ];
    let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
    Settings { endpoint, memory: Some(BUDGET), spool: Some(Spool::at(spool)), flags, ..Settings::default() }
}

struct Course<'a> {
    plan: &'a Plan,
    start: &'a Start<'a>,
    endpoint: &'a Endpoint,
    launcher: &'a Launcher,
    socket: &'a Path,
    cast: &'a Cast<'a>,
    over: AtomicBool,
    /// Behind the last line that each text client has written.
    written: Vec<AtomicU64>,
}

/// What there is when the plan has been followed.
struct Played {
    last: Living,
    incarnations: Vec<Incarnation>,
    phases: Vec<Phase>,
    mortals: Vec<Mortal>,
    segments: Vec<(usize, Segment)>,
    outages: u64,
    seconds: f64,
}

struct Healed {
    told: Vec<Told>,
    incarnations: Vec<Incarnation>,
    report: Report,
}

impl Course<'_> {
    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn play(&self, first: Living) -> Result<Played> {
        let over = || self.over();
        let weather = Weather { plan: self.plan, endpoint: self.endpoint, launcher: self.launcher, begin: self.start.begin };
        thread::scope(|scope| {
            let weather = scope.spawn(move || weather.run(&over));
            let places: Vec<_> = self.cast.places.iter().map(|(first, lives)| {
                let place = Place { lives, first: *first, rate: self.cast.small, size: SIZE, socket: self.socket };
                scope.spawn(move || place.run(&over))
            }).collect();
            let texts: Vec<_> = self.cast.texts.iter().zip(&self.written).map(|(first, written)| {
                let (most, rate) = (self.cast.text_numbers, self.cast.small);
                let writer = TextWriter { socket: self.socket, first: *first, most, rate, size: SIZE, written };
                scope.spawn(move || writer.run(&over))
            }).collect();
            let reaped = self.reap(first);
            // Whatever came of it: the others end now.
            self.over.store(true, Ordering::Relaxed);
            let outages = joined(weather)??;
            let mortals = places.into_iter().map(joined).collect::<Result<Result<Vec<_>>>>()??.concat();
            let segments = texts.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
            let (last, incarnations, phases) = reaped?;
            Ok(Played {
                last,
                incarnations,
                phases,
                mortals,
                segments: segments.into_iter().enumerate().flat_map(|(text, all)| all.into_iter().map(move |one| (text, one))).collect(),
                outages,
                seconds: self.start.begin.elapsed().as_secs_f64(),
            })
        })
    }

    /// Ends one sidecar after the other; returns the one that is left.
    fn reap(&self, first: Living) -> Result<(Living, Vec<Incarnation>, Vec<Phase>)> {
        let mut phases = Phases::new(self.plan.seconds);
        let (mut living, mut incarnations) = (first, Vec::new());
        for ending in &self.plan.ends {
            living.live(ending.after, || phases.look(self))?;
            let one = match ending.end {
                End::Kill => living.kill(false, self.start.begin)?,
                End::Term { outage, killed_after } => self.terminate(living, outage, killed_after)?,
            };
            println!("{}", super::table::ended(incarnations.len() + 1, &one, self.plan));
            incarnations.push(one);
            living = Living::start(self.start)?;
        }
        let left = self.plan.seconds - self.start.begin.elapsed().as_secs_f64();
        living.live(left, || phases.look(self))?;
        Ok((living, incarnations, phases.done))
    }

    fn terminate(&self, mut living: Living, outage: bool, killed_after: Option<f64>) -> Result<Incarnation> {
        let begin = Instant::now();
        while living.unended().is_none() {
            living.sidecar.check_alive()?;
            if begin.elapsed() > BEGUN {
                return Err(Error::Late { what: "the first answer of a sidecar".to_owned(), seconds: BEGUN.as_secs_f64() });
            }
            living.look();
            thread::sleep(Duration::from_millis(5));
        }
        if outage {
            // One that the weather has begun keeps its length, unless this one ends later; then its control is away.
            let _ = self.endpoint.outage(Duration::from_secs_f64(DEADLINE + 1.0));
        }
        living.terminate(outage, killed_after.map(Duration::from_secs_f64), &self.written, self.start.begin)
    }

    /// Waits until every client has its answer and nothing waits any more, then ends the last sidecar.
    fn heal(&self, mut living: Living, mut incarnations: Vec<Incarnation>, crews: &mut [Process]) -> Result<Healed> {
        crews.iter().for_each(Process::terminate);
        let (mut since, mut before) = (Instant::now(), 0);
        loop {
            let ended = crews.iter_mut().map(Process::ended).collect::<Result<Vec<_>>>()?;
            if ended.iter().all(Option::is_some) && living.unended() == Some(0) {
                break;
            }
            let unique = self.endpoint.report().ok().flatten().map_or(before, |report| report.marks.unique);
            if unique > before {
                (since, before) = (Instant::now(), unique);
            }
            if since.elapsed() > STUCK {
                let (left, words) = (living.unended(), living.sidecar.last_words());
                let what = format!("healing ({left:?} records unended; clients ended: {ended:?}; it says: {words})");
                return Err(Error::Late { what, seconds: STUCK.as_secs_f64() });
            }
            living.live(0.0, || {})?;
            living.sidecar.check_alive()?;
            living.look();
            thread::sleep(Duration::from_millis(50));
        }
        let told = crews.iter_mut().map(told).collect::<Result<Vec<_>>>()?.concat();
        let one = living.terminate(false, None, &self.written, self.start.begin)?;
        println!("{}", super::table::ended(incarnations.len() + 1, &one, self.plan));
        incarnations.push(one);
        let report = self.endpoint.report()?.ok_or_else(|| wrong("the endpoint", "gave no report"))?;
        Ok(Healed { told, incarnations, report })
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> Result<T> {
    thread.join().map_err(|_| wrong("a thread of the run", "died"))
}

/// Thirds of the run, each noted when it ends; a little later where the endpoint is away.
struct Phases {
    ends: Vec<(&'static str, f64)>,
    done: Vec<Phase>,
}

impl Phases {
    fn new(seconds: f64) -> Self {
        let ends = [("first third", 1.0), ("second third", 2.0), ("last third", 2.95)];
        Self { ends: ends.map(|(name, part)| (name, seconds * part / 3.0)).to_vec(), done: Vec::new() }
    }

    fn look(&mut self, course: &Course<'_>) {
        let Some((name, until)) = self.ends.get(self.done.len()) else { return };
        if course.start.begin.elapsed().as_secs_f64() < *until {
            return;
        }
        if let Ok(Some(report)) = course.endpoint.report() {
            self.done.push(phase(name, course.start.begin, &report));
        }
    }
}

fn phase(name: &'static str, begin: Instant, report: &Report) -> Phase {
    let (unique, doubled) = (report.marks.unique, report.marks.doubled);
    Phase { name, until: begin.elapsed().as_secs_f64(), unique, doubled, unconfirmed: report.events.unconfirmed }
}

fn closed(endpoint: &Endpoint, told: Vec<Told>) -> Result<Vec<Closed>> {
    let closed = |told: Told| {
        let arrived = endpoint.marked(&(told.first..told.first + told.logged))?;
        Ok(Closed { told, arrived })
    };
    told.into_iter().map(closed).collect()
}

fn gone(endpoint: &Endpoint, mortal: Mortal) -> Result<Gone> {
    let safe_arrived = endpoint.marked(&(mortal.first..mortal.first + mortal.safe))?;
    Ok(Gone { mortal, safe_arrived, arrived: endpoint.marked(&(mortal.first..mortal.end))? })
}

/// What of a connection was promised depends on how its sidecar ended.
fn line(endpoint: &Endpoint, text: usize, segment: Segment, incarnations: &[Incarnation]) -> Result<Line> {
    let of = incarnations.iter().find(|one| i64::from(one.pid) == i64::from(segment.pid));
    let promised_to = match of.map(|one| &one.fate) {
        Some(Fate::Ended { written, .. }) => {
            written.get(text).copied().unwrap_or(segment.first).clamp(segment.first, segment.end)
        }
        _ => segment.first,
    };
    let promised_arrived = endpoint.marked(&(segment.first..promised_to))?;
    Ok(Line { segment, promised_to, promised_arrived, arrived: endpoint.marked(&(segment.first..segment.end))? })
}

fn ends(report: &Report) -> Ends {
    Ends {
        unique: report.marks.unique,
        doubled: report.marks.doubled,
        strange: report.marks.unmarked + report.marks.out_of_range,
        unconfirmed: report.events.unconfirmed,
        too_old: report.events.rejected_too_old,
        violations: report.violations.total,
    }
}

fn met(report: &Report, outages: u64, incarnations: &[Incarnation], launcher: &Launcher) -> BTreeMap<String, u64> {
    let hits = |kinds: &[&str]| kinds.iter().filter_map(|kind| report.faults.get(*kind)).sum();
    let mut met: BTreeMap<_, u64> = BTreeMap::from([
        (Trouble::Throttle, hits(&["throttle"])),
        (Trouble::Unavailable, hits(&["unavailable"])),
        (Trouble::Reset, hits(&["reset_before_body", "reset_mid_body", "reset_mid_answer"])),
        (Trouble::Hang, hits(&["hang"])),
        (Trouble::CommitThenDrop, hits(&["commit_then_drop"])),
        (Trouble::NoRequestId, hits(&["no_request_id"])),
        (Trouble::ExpiredKeys, hits(&["expired_credentials"])),
        (Trouble::Outage, outages),
    ]);
    if launcher.no_names.is_none() {
        met.insert(Trouble::Dns, incarnations.iter().filter(|one| one.no_name).count() as u64);
    }
    met.into_iter().map(|(trouble, count)| (trouble.name().to_owned(), count)).collect()
}

/// Records that `splashdam spool ls` finds.
fn left(splashdam: &Path, spool: &Path) -> Result<u64> {
    let output = Command::new(splashdam).args(["spool", "ls", "--json"]).arg(spool).output();
    let output = output.map_err(io("start", splashdam.display()))?;
    let said: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| wrong("what `splashdam spool ls` says", error))?;
    let count = |name: &str| said["total"][name].as_u64().ok_or_else(|| wrong("`splashdam spool ls`", "gives no total"));
    Ok(count("records")? + count("lost")?)
}
