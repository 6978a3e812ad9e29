//! A run's course: lines come due, the remote goes away and comes back, all is looked at a few times a second, until everything has
//! arrived, time is up, the shipper has gone, or somebody asks us to end.
//!
//! Nothing here judges: [`Course::run`] returns what was seen.

use std::thread;
use std::time::{Duration, Instant};

use super::meter::{Meter, Usage};
use super::options::{Options, Rung};
use super::scene::Scene;
use super::series::Series;
use crate::error::{wrong, Error, Result};
use crate::feed;
use crate::host::process::Process;
use crate::interrupt;
use crate::results::{Condition, Point};

/// Between two looks at the shipper and the endpoint: four a second, and more while we wait for something.
const PERIOD: Duration = Duration::from_millis(250);
const URGENT: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(10);
/// What is under way when somebody asks us to end may still arrive.
const AFTER_INTERRUPT: Duration = Duration::from_secs(5);
/// For a feeder to notice that its time is up.
const GRACE: Duration = Duration::from_secs(10);

/// What was seen of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) feed: feed::Report,
    /// Different records that the endpoint had accepted when time was up.
    pub(super) in_time: u64,
    pub(super) outage: Option<Duration>,
    pub(super) caught_up: Option<Duration>,
    /// How the shipper ended of its own.
    pub(super) died: Option<String>,
    pub(super) interrupted: bool,
    pub(super) usage: Usage,
    /// That `usage` was used in.
    pub(super) window: Duration,
    pub(super) memory: Vec<Point>,
    pub(super) backlog: Vec<Point>,
    pub(super) behind: Vec<Point>,
}

/// The remote's absence.
#[derive(Debug, Clone, Copy)]
enum Remote {
    Here,
    Away { since: Instant },
    Back { since: Instant, away: Duration, caught_up: Option<Duration> },
}

pub(super) struct Course<'a> {
    scene: &'a mut Scene,
    options: &'a Options,
    rung: Rung,
    feeder: Process,
    begin: Instant,
    meter: Meter,
    remote: Remote,
    /// Different records accepted, at the last look.
    unique: u64,
    fed: Option<feed::Report>,
    asked: Option<Instant>,
    died: Option<String>,
    memory: Series,
    backlog: Series,
    behind: Series,
    next_point: Duration,
}

impl<'a> Course<'a> {
    pub(super) fn begin(scene: &'a mut Scene, options: &'a Options, rung: Rung) -> Result<Self> {
        let meter = Meter::start(scene.shipper.pid());
        let feeder = scene.feed(options, rung, options.hold + options.drain)?;
        Ok(Self {
            scene,
            options,
            rung,
            feeder,
            begin: Instant::now(),
            meter,
            remote: Remote::Here,
            unique: 0,
            fed: None,
            asked: None,
            died: None,
            memory: Series::default(),
            backlog: Series::default(),
            behind: Series::default(),
            next_point: Duration::ZERO,
        })
    }

    pub(super) fn run(mut self) -> Result<Seen> {
        let mut next_look = Instant::now();
        while !self.over() {
            self.turn_remote()?;
            self.ask_feeder()?;
            if Instant::now() >= next_look {
                self.look()?;
                next_look = Instant::now() + if self.is_urgent() { URGENT } else { PERIOD };
            }
            thread::sleep(STEP);
        }
        self.look()?;
        if let Remote::Away { since } = self.remote {
            // So that what is left can still be delivered at the end.
            self.scene.endpoint.recover_to(self.options.remote.latency())?;
            self.remote = Remote::Back { since: Instant::now(), away: since.elapsed(), caught_up: None };
        }
        Ok(self.seen())
    }

    fn over(&self) -> bool {
        let Some(fed) = &self.fed else { return false };
        let late = self.begin.elapsed() > self.options.hold + self.options.drain;
        let asked = self.asked.is_some_and(|asked| asked.elapsed() > AFTER_INTERRUPT);
        self.unique >= fed.records || late || asked || self.died.is_some()
    }

    /// Takes the remote away and gives it back when it is time.
    fn turn_remote(&mut self) -> Result<()> {
        let (options, now) = (self.options, self.begin.elapsed());
        match self.remote {
            Remote::Here if self.is_due_to_go(now) => {
                self.scene.endpoint.refuse_all()?;
                self.remote = Remote::Away { since: Instant::now() };
            }
            Remote::Away { since } if since.elapsed() >= options.outage || self.asked.is_some() => {
                let away = since.elapsed();
                self.scene.endpoint.recover_to(options.remote.latency())?;
                self.remote = Remote::Back { since: Instant::now(), away, caught_up: None };
            }
            _ => {}
        }
        Ok(())
    }

    /// An outage is in the middle of the hold.
    fn is_due_to_go(&self, now: Duration) -> bool {
        let middle = self.options.hold.saturating_sub(self.options.outage) / 2;
        self.rung.condition == Condition::Outage && self.asked.is_none() && now >= middle
    }

    /// Has it ended, or has it to?
    fn ask_feeder(&mut self) -> Result<()> {
        if self.asked.is_none() && interrupt::asked() {
            self.asked = Some(Instant::now());
            self.feeder.terminate();
        }
        if self.fed.is_some() {
            return Ok(());
        }
        if let Some(status) = self.feeder.ended()? {
            self.fed = Some(match (status.success(), self.asked) {
                (true, _) => {
                    let report = serde_json::from_str(&self.feeder.output());
                    report.map_err(|error| wrong("the feeder's report", error))?
                }
                // It was asked to end before it had begun.
                (false, Some(_)) => feed::Report::default(),
                (false, None) => return Err(wrong("the feeder", format!("ended with {status}"))),
            });
        } else if self.begin.elapsed() > self.options.hold + self.options.drain + GRACE {
            let seconds = self.begin.elapsed().as_secs_f64();
            return Err(Error::Late { what: "end of the feeder".into(), seconds });
        }
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        let usage = self.meter.look();
        if self.died.is_none() {
            self.died = self.scene.shipper.ended()?;
        }
        let report = self.scene.endpoint.report()?.ok_or_else(|| wrong("the endpoint", "gave no report"))?;
        self.unique = report.marks.unique;
        let seconds = self.begin.elapsed().as_secs_f64();
        // The feeder began a moment later than we count: it is too many, never too few.
        let all = self.options.records(self.rung.per_minute);
        let due = ((seconds * self.rung.per_second()) as u64).min(all);
        let due = self.fed.as_ref().map_or(due, |fed| fed.due);
        let behind = due.saturating_sub(self.unique) as f64;
        self.note(seconds, behind, usage.resident_mib);
        if let Remote::Back { since, caught_up: caught_up @ None, .. } = &mut self.remote {
            // No more than a second's lines, which a batch's wait explains.
            if behind <= self.rung.per_second() {
                *caught_up = Some(since.elapsed());
            }
        }
        Ok(())
    }

    /// Into the series, which have no more points a second when there is more to see.
    fn note(&mut self, seconds: f64, behind: f64, resident_mib: f64) {
        let now = Duration::from_secs_f64(seconds);
        if now < self.next_point {
            return;
        }
        self.next_point = now + PERIOD.mul_f64(0.9);
        self.behind.push(seconds, behind);
        if self.died.is_none() {
            self.memory.push(seconds, resident_mib);
        }
        if let Some(seen) = self.scene.watch.as_ref().map(|watch| watch.seen()).filter(|seen| seen.scrapes > 0) {
            let account = seen.latest.account();
            self.backlog.push(seconds, (account.in_memory + account.spooled) as f64);
        }
    }

    fn is_urgent(&self) -> bool {
        self.fed.is_some() || matches!(self.remote, Remote::Back { caught_up: None, .. })
    }

    fn seen(self) -> Seen {
        let (outage, caught_up) = match self.remote {
            Remote::Back { away, caught_up, .. } => (Some(away), caught_up),
            Remote::Here | Remote::Away { .. } => (None, None),
        };
        Seen {
            feed: self.fed.unwrap_or_default(),
            in_time: self.unique,
            outage,
            caught_up,
            died: self.died,
            interrupted: self.asked.is_some(),
            usage: self.meter.used(),
            window: self.begin.elapsed(),
            memory: self.memory.points(),
            backlog: self.backlog.points(),
            behind: self.behind.points(),
        }
    }
}
