//! One run from its first process to its last: everything started, the plan followed, all healed, everything asked.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::cast::{cast, Cast, SIZE};
use super::client::Told;
use super::crowd::{told, Mortal, Place};
use super::launcher::Launcher;
use super::lives::{Incarnation, Living, Start};
use super::phases::{phase, Phase, Phases};
use super::plan::{End, Plan, Trouble};
use super::text::{Segment, TextWriter};
use super::verdict::{self, Bounds, Facts};
use super::weather::Weather;
use super::{asked, table, DEADLINE, TIME_OUT};
use crate::endpoint::{Behaviour, Endpoint, Report};
use crate::error::{wrong, Error, Result};
use crate::host::disk::SpoolFolder;
use crate::host::process::Process;
use crate::sidecar::{Settings, Spool};
use crate::stage::{folder, Programs};

const BUDGET: &str = "32MiB";
const BUDGET_MIB: f64 = 32.0;
/// What may stand beside the budget by `docs/operations.md`, and how much more a debug build takes for its code.
const REMAINDER_MIB: f64 = if cfg!(debug_assertions) { 48.0 } else { 40.0 };
/// Descriptors of a sidecar beside its clients' connections: four calls in each of three lanes, two files of each, scrapes; listeners,
/// timers and whatever else there is one of.
const DESCRIPTORS_BESIDE: usize = 12 + 6 + 2 + 28;
/// Workers, intake, disk, diagnostics, and those that resolve names.
const THREADS: usize = 16;
/// No record ended for so long after all has healed: something hangs.
const STUCK: Duration = Duration::from_secs(120);
/// A sidecar that is to be asked to end must have begun; it has so long.
const BEGUN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) phases: Vec<Phase>,
    pub(crate) framed_per_second: f64,
    pub(crate) facts: Facts,
}

/// Runs a plan to its end.
pub(crate) fn run(programs: &Programs, plan: &Plan, rate: u64, spool_in: &Path) -> Result<Outcome> {
    let (folder, spool, cast) = (folder()?, SpoolFolder::new(spool_in)?, cast(plan, rate));
    let launcher = Launcher::new(&programs.splashdam, folder.path())?;
    let behaviour = Behaviour { strict: true, numbers: cast.numbers, seed: Some(plan.seed), ..Behaviour::default() };
    let mut endpoint = Endpoint::start(&programs.emulator, &behaviour, folder.path())?;
    let settings = settings(launcher.url(endpoint.address()), spool.path());
    let start = Start { program: &launcher.program, settings: &settings, folder: folder.path(), begin: Instant::now() };
    let socket = folder.path().join("s.sock");
    let first = Living::start(&start)?;
    let mut crews = cast.crews.iter().map(|crew| crew.start(&socket)).collect::<Result<Vec<_>>>()?;
    let course = Course {
        plan,
        start: &start,
        endpoint: &endpoint,
        launcher: &launcher,
        socket: &socket,
        cast: &cast,
        over: AtomicBool::new(false),
        written: cast.texts.iter().map(|first| AtomicU64::new(*first)).collect(),
    };
    let mut played = course.play(first)?;
    let seconds = start.begin.elapsed().as_secs_f64();
    let told = course.heal(&mut played, &mut crews)?;
    let mut facts = course.facts(&played, told)?;
    facts.endpoint = asked::ends(&endpoint.stop()?);
    facts.left_in_spool = asked::left(&programs.splashdam, spool.path())?;
    Ok(Outcome { phases: played.phases, framed_per_second: facts.logged() as f64 / seconds, facts })
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
    /// The sidecar that is left.
    last: Option<Living>,
    incarnations: Vec<Incarnation>,
    phases: Vec<Phase>,
    mortals: Vec<Mortal>,
    /// With the number of their text client.
    segments: Vec<(usize, Segment)>,
    outages: u64,
}

impl Course<'_> {
    /// Connections that clients may have at a time.
    fn clients(&self) -> usize {
        let stay: u64 = self.cast.crews.iter().map(|crew| crew.clients).sum();
        stay as usize + self.cast.places.len() + self.cast.texts.len()
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Everybody at once, until the plan is through.
    fn play(&self, first: Living) -> Result<Played> {
        let over = || self.over();
        let (endpoint, launcher, begin) = (self.endpoint, self.launcher, self.start.begin);
        let weather = Weather { plan: self.plan, endpoint, launcher, begin };
        thread::scope(|scope| {
            let weather = scope.spawn(move || weather.run(&over));
            let places: Vec<_> = self.places().map(|place| scope.spawn(move || place.run(&over))).collect();
            let texts: Vec<_> = self.texts().map(|text| scope.spawn(move || text.run(&over))).collect();
            let reaped = self.reap(first);
            // Whatever came of it: the others end now.
            self.over.store(true, Ordering::Relaxed);
            let outages = joined(weather)??;
            let mortals = places.into_iter().map(|place| joined(place)?).collect::<Result<Vec<_>>>()?.concat();
            let segments = texts.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
            let numbered = |(text, all): (usize, Vec<Segment>)| all.into_iter().map(move |one| (text, one));
            let segments = segments.into_iter().enumerate().flat_map(numbered).collect();
            let (last, incarnations, phases) = reaped?;
            Ok(Played { last: Some(last), incarnations, phases, mortals, segments, outages })
        })
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let (rate, size, socket) = (self.cast.small, SIZE, self.socket);
        self.cast.places.iter().map(move |(first, lives)| Place { lives, first: *first, rate, size, socket })
    }

    fn texts(&self) -> impl Iterator<Item = TextWriter<'_>> {
        let (most, rate, size, socket) = (self.cast.text_numbers, self.cast.small, SIZE, self.socket);
        let firsts = self.cast.texts.iter().zip(&self.written);
        firsts.map(move |(first, written)| TextWriter { socket, first: *first, most, rate, size, written })
    }

    /// Ends one sidecar after the other; returns the one that is left.
    fn reap(&self, first: Living) -> Result<(Living, Vec<Incarnation>, Vec<Phase>)> {
        let mut phases = Phases::new(self.plan.seconds);
        let (mut living, mut incarnations) = (first, Vec::new());
        for ending in &self.plan.ends {
            living.live(ending.after, || phases.look(self.endpoint, self.start.begin))?;
            let one = match ending.end {
                End::Kill => living.kill(false, self.start.begin)?,
                End::Term { outage, killed_after } => self.terminate(living, outage, killed_after)?,
            };
            println!("{}", table::ended(incarnations.len() + 1, &one, self.plan));
            incarnations.push(one);
            living = Living::start(self.start)?;
        }
        let left = self.plan.seconds - self.start.begin.elapsed().as_secs_f64();
        living.live(left, || phases.look(self.endpoint, self.start.begin))?;
        Ok((living, incarnations, phases.done))
    }

    fn terminate(&self, mut living: Living, outage: bool, killed_after: Option<f64>) -> Result<Incarnation> {
        let begin = Instant::now();
        while living.unended().is_none() {
            living.sidecar.check_alive()?;
            if begin.elapsed() > BEGUN {
                return Err(Error::Late {
                    what: "the first answer of a sidecar".to_owned(),
                    seconds: BEGUN.as_secs_f64(),
                });
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
    fn heal(&self, played: &mut Played, crews: &mut [Process]) -> Result<Vec<Told>> {
        let mut living = played.last.take().ok_or_else(|| wrong("the last sidecar", "is gone"))?;
        crews.iter().for_each(Process::terminate);
        self.drain(&mut living, crews)?;
        let told = crews.iter_mut().map(told).collect::<Result<Vec<_>>>()?.concat();
        let one = living.terminate(false, None, &self.written, self.start.begin)?;
        println!("{}", table::ended(played.incarnations.len() + 1, &one, self.plan));
        played.incarnations.push(one);
        played.phases.push(phase("healing", self.start.begin, &self.report()?));
        Ok(told)
    }

    fn drain(&self, living: &mut Living, crews: &mut [Process]) -> Result<()> {
        let (mut since, mut before) = (Instant::now(), 0);
        loop {
            let ended = crews.iter_mut().map(Process::ended).collect::<Result<Vec<_>>>()?;
            if ended.iter().all(Option::is_some) && living.unended() == Some(0) {
                return Ok(());
            }
            let unique = self.report().map_or(before, |report| report.marks.unique);
            if unique > before {
                (since, before) = (Instant::now(), unique);
            }
            if since.elapsed() > STUCK {
                let (left, words) = (living.unended(), living.sidecar.last_words());
                let what = format!("healing ({left:?} records unended; clients: {ended:?}; it says: {words})");
                return Err(Error::Late { what, seconds: STUCK.as_secs_f64() });
            }
            living.sidecar.check_alive()?;
            living.look();
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn report(&self) -> Result<Report> {
        self.endpoint.report()?.ok_or_else(|| wrong("the endpoint", "gave no report"))
    }

    /// What the endpoint has of each client's numbers, and all else that was seen.
    fn facts(&self, played: &Played, told: Vec<Told>) -> Result<Facts> {
        let (endpoint, all) = (self.endpoint, &played.incarnations);
        let gone = played.mortals.iter().map(|mortal| asked::gone(endpoint, *mortal));
        let text = played.segments.iter().map(|(text, segment)| asked::line(endpoint, *text, *segment, all));
        let no_names = self.launcher.no_names.iter();
        Ok(Facts {
            bounds: Bounds {
                memory_mib: BUDGET_MIB + REMAINDER_MIB,
                deadline: DEADLINE,
                descriptors: self.clients() + DESCRIPTORS_BESIDE,
                threads: THREADS,
                kills: self.plan.kills(),
                seconds: self.plan.seconds,
            },
            closed: asked::closed(endpoint, told)?,
            gone: gone.collect::<Result<_>>()?,
            text: text.collect::<Result<_>>()?,
            met: asked::met(&self.report()?, played.outages, all, self.launcher),
            incarnations: all.clone(),
            skipped: no_names.map(|why| format!("{}: {why}", Trouble::Dns.name())).collect(),
            endpoint: verdict::Endpoint::default(),
            left_in_spool: 0,
        })
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> Result<T> {
    thread.join().map_err(|_| wrong("a thread of the run", "died"))
}
