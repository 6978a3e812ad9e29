//! The simulation: what happens, in the order of its time, and what must hold after each event and at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::agenda::{Event, Sleeper};
use super::app::App;
use super::intake::stir;
use super::nuisance::Nuisance;
use super::outside::Outside;
use super::plan::{Act, DiskFault, Plan};
use super::process::Process;
use super::record::Fate;
use super::text::TextWriter;
use crate::engine::account::Account;
use crate::spool::simulated::SimulatedDisk;

/// Once everything is well, all must be quiet within this time.
const QUIET_WITHIN: Duration = Duration::from_secs(15 * 60);
/// A record that CloudWatch refuses is only rejected where another is accepted: so often there is one.
const NUDGE_EVERY: Duration = Duration::from_secs(120);
/// More events than this are an endless loop.
const MOST_EVENTS: u64 = 400_000;
/// A stream that is stuck holds up the records of no other for longer.
const HELD_UP: Duration = Duration::from_secs(6);

/// How a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) events: u64,
    pub(super) trace: u64,
    pub(super) records: u64,
    pub(super) kills: u64,
    /// Whether it had a spool; then whether less was promised, because a lane's files could not be looked at for long, or records
    /// were dropped, which was counted.
    pub(super) spools: u64,
    pub(super) blind: u64,
    pub(super) drops: u64,
}

/// A machine with a sidecar and its clients.
pub(super) struct World {
    plan: Plan,
    pub(super) out: Outside,
    process: Option<Process>,
    processes: u32,
    apps: Vec<App>,
    texts: Vec<TextWriter>,
    nuisances: Vec<Nuisance>,
    disk: Arc<SimulatedDisk>,
    disk_episode: u64,
    root: PathBuf,
    _dir: TempDir,
}

impl World {
    pub(super) fn new(plan: Plan) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? };
        let syncs = plan.spool.is_some_and(|spool| spool.survives == crate::spool::Survives::PowerLoss);
        let app = |(index, stream): (usize, &usize)| App::new(index, *stream, plan.window);
        let nuisance = |(index, manner): (usize, &_)| Nuisance::new(index, *manner, index % plan.streams);
        Ok(World {
            out: Outside::new(&plan),
            process: None,
            processes: 0,
            apps: plan.apps.iter().enumerate().map(app).collect(),
            texts: (0..plan.texts.len()).map(TextWriter::new).collect(),
            nuisances: plan.nuisances.iter().enumerate().map(nuisance).collect(),
            disk: Arc::new(SimulatedDisk::new(plan.seed, syncs)),
            disk_episode: 0,
            root: dir.path().join("spool"),
            _dir: dir,
            plan,
        })
    }

    /// Plays the plan, heals everything, and says how it went; panics where something is wrong.
    pub(super) fn run(&mut self) -> Told {
        self.heal_disk();
        self.out.agenda.note(Duration::ZERO, Event::Start);
        for (index, (at, _)) in self.plan.acts.iter().enumerate() {
            self.out.agenda.note(*at, Event::Act(index));
        }
        for index in 0..self.nuisances.len() {
            let at = self.out.chance.micros(0, self.plan.length.as_micros() as u64);
            self.out.agenda.wake(Sleeper::Nuisance(index), at);
        }
        while self.out.at < self.plan.length && self.step() {}
        self.heal();
        self.until_quiet();
        self.settle_down();
        // Whoever starts next finds nothing to do.
        self.end_process(true);
        self.start();
        self.until_quiet();
        self.check_end();
        self.told()
    }

    fn told(&self) -> Told {
        let records = self.apps.iter().map(|app| app.channel.last()).sum::<u64>();
        let printed = self.texts.iter().map(|text| text.printed as u64).sum::<u64>();
        let Outside { trace, ledger, .. } = &self.out;
        let spool = self.plan.spool.is_some();
        let dropped = self.process.as_ref().map_or(0, |process| ledger.total(&process.snapshot()).dropped());
        Told {
            events: trace.events,
            trace: trace.sum,
            records: records + printed,
            kills: ledger.kills,
            spools: u64::from(spool),
            blind: u64::from(spool && ledger.blind),
            drops: u64::from(spool && dropped > 0),
        }
    }

    /// One event. False where nothing is going to happen any more.
    fn step(&mut self) -> bool {
        let Some((at, event)) = self.out.agenda.next() else { return false };
        assert!(self.out.trace.events < MOST_EVENTS, "it never ends");
        self.out.at = self.out.at.max(at);
        if let Some(until) = self.process.as_ref().map(|process| process.hangs_until).filter(|until| *until > at) {
            if let Event::Wake(who @ (Sleeper::Intake | Sleeper::Engine | Sleeper::Writer(_))) = event {
                self.out.agenda.wake(who, until);
                return true;
            }
            if let Event::Of(..) = event {
                self.out.agenda.note(until, event);
                return true;
            }
        }
        self.happen(event);
        true
    }

    fn happen(&mut self, event: Event) {
        if let Some(process) = &self.process {
            process.look_at_clock(&self.out);
        }
        let at = self.out.at;
        match event {
            Event::Act(index) => self.act(index),
            Event::DiskHeals(episode) if episode == self.disk_episode => self.heal_disk(),
            Event::DiskHeals(_) => {}
            Event::Start => self.start(),
            Event::Wake(Sleeper::App(app)) => {
                let accepts = self.accepts();
                self.out.trace.note(at, "app", app as u64, 0);
                self.apps[app].turn(accepts, &mut self.out);
            }
            Event::Wake(Sleeper::Text(writer)) => {
                let accepts = self.accepts();
                self.out.trace.note(at, "text", writer as u64, 0);
                self.texts[writer].turn(accepts, &mut self.out);
            }
            Event::Wake(Sleeper::Nuisance(index)) => {
                let accepts = self.accepts();
                self.nuisances[index].turn(accepts, self.plan.length, &mut self.out);
            }
            Event::Wake(who) => {
                self.out.trace.note(at, "wake", u64::from(who == Sleeper::Engine), 0);
                if let Some(process) = &mut self.process {
                    process.wake(who, &mut self.out);
                }
            }
            Event::Arrive(flight) => {
                let wall_ms = self.out.wall_ms();
                let answer = self.out.remote.arrive(flight, at, wall_ms);
                self.out.trace.note(at, "arrive", flight, self.out.remote.copies);
                if let (Some(wait), Some(process)) = (answer, &self.process) {
                    let event = Event::Of(process.number, super::agenda::OfProcess::Answer(flight));
                    self.out.agenda.note(at + wait, event);
                }
            }
            Event::Of(number, event) => {
                let Some(process) = self.process.as_mut().filter(|process| process.number == number) else { return };
                let exits = matches!(event, super::agenda::OfProcess::End(super::agenda::Stage::Exit));
                self.out.trace.note(at, "event", u64::from(number), 0);
                process.happen(event, &mut self.out);
                if exits {
                    let left = process.snapshot().in_memory;
                    assert_eq!(left, 0, "records are neither delivered nor on disk nor dropped at the end");
                    self.end_process(true);
                    let again = at + self.out.chance.millis(1, 3_000);
                    self.out.agenda.note(again, Event::Start);
                }
            }
        }
        if self.disk.has_stopped() {
            self.kill();
        }
        self.check();
    }

    fn accepts(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.intake.draining)
    }

    fn check(&self) {
        if let Some(process) = &self.process {
            self.out.ledger.check(&process.snapshot(), process.budget().used(), &self.out.remote);
        }
    }

    fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.processes += 1;
        self.disk.go_on();
        let started = Process::start(&self.plan, self.processes, &self.root, &self.disk, &mut self.out);
        match started {
            Ok(process) => self.process = Some(process),
            // The disk is not well: it is tried again.
            Err(_) => {
                let again = self.out.at + Duration::from_secs(1);
                self.out.agenda.note(again, Event::Start);
            }
        }
        self.out.trace.note(self.out.at, "start", u64::from(self.processes), u64::from(self.process.is_some()));
    }

    /// `kill -9`, and somebody starts it again.
    fn kill(&mut self) {
        if self.process.is_some() {
            self.end_process(false);
            let again = self.out.at + self.out.chance.millis(1, 3_000);
            self.out.agenda.note(again, Event::Start);
        }
    }

    fn end_process(&mut self, orderly: bool) {
        let Some(process) = self.process.take() else { return };
        process.look_at_clock(&self.out);
        let out = &mut self.out;
        out.trace.note(out.at, if orderly { "ends" } else { "killed" }, u64::from(process.number), 0);
        out.ledger.kills += u64::from(!orderly);
        out.ledger.text_slack += process.text_at_risk();
        out.ledger.duplicates_slack += self.apps.iter().map(|app| unheard(app, out)).sum::<u64>();
        out.ledger.process_ended(&process.snapshot());
        out.remote.forget_process();
        out.agenda.silence(|who| !matches!(who, Sleeper::App(_) | Sleeper::Text(_) | Sleeper::Nuisance(_)));
        out.kernel.forget_backlog();
        for index in 0..out.kernel.len() {
            let mut socket = out.kernel.socket(index);
            if socket.sidecar_open && !out.chance.percent(50) {
                // What it was told last it does not hear.
                socket.down.clear();
            }
            socket.sidecar_open = false;
            socket.up.clear();
        }
        drop(process);
        stir(&out.kernel.clone(), out);
        out.kernel.take_said();
    }

    fn act(&mut self, index: usize) {
        let act = self.plan.acts[index].1;
        self.out.trace.note(self.out.at, act.class(), index as u64, 0);
        match act {
            Act::Log { app, count, size, odd } => self.log(app, count, size, odd),
            Act::Print { writer, count, size } => {
                if let Some(text) = self.texts.get_mut(writer) {
                    (0..count).for_each(|_| text.print(size));
                    self.out.agenda.wake(Sleeper::Text(writer), self.out.at);
                }
            }
            Act::Flush { app, level, timeout_ms } => {
                self.apps[app].flush(level, Duration::from_millis(timeout_ms), self.out.at);
                self.out.agenda.wake(Sleeper::App(app), self.out.at);
            }
            Act::CutApp { app } => {
                self.apps[app].cut(&mut self.out);
                self.out.agenda.wake(Sleeper::App(app), self.out.at);
            }
            Act::CutText { writer } => {
                if let Some(text) = self.texts.get_mut(writer) {
                    text.cut(&mut self.out);
                }
            }
            Act::KillApp { app } => self.replace_app(app),
            Act::Lose { app, count } => {
                self.apps[app].lose(count);
                self.out.agenda.wake(Sleeper::App(app), self.out.at);
            }
            Act::Remote { ailment, lasts } => self.out.remote.fall_ill(self.out.at, lasts, ailment),
            Act::Disk { fault, lasts } => self.break_disk(fault, lasts),
            Act::Kill => self.kill(),
            Act::KillInOrder { operations, stop } => self.disk.stop_after(operations, stop),
            Act::PowerLoss => self.lose_power(),
            Act::Terminate { deadline } => {
                if let Some(process) = self.process.as_mut().filter(|process| !process.ending) {
                    process.terminate(deadline, &mut self.out);
                }
            }
            Act::Pause { lasts } => {
                if let Some(process) = &mut self.process {
                    process.hangs_until = self.out.at + lasts;
                }
            }
            Act::StepClock { by_ms } => self.out.skew_ms += by_ms,
        }
    }

    fn log(&mut self, app: usize, count: usize, size: usize, odd: bool) {
        const HOUR_MS: i64 = 3_600_000;
        let now = self.out.wall_ms();
        for _ in 0..count {
            let (fate, shift) = match self.out.chance.below(12) {
                // On both sides of each limit, so that one batch may hold both.
                0 if odd => (Fate::TooOld, -(14 * 24 + 3) * HOUR_MS),
                6 if odd && !self.plan.retention => (Fate::Accepted, -(14 * 24 - 3) * HOUR_MS),
                6 if odd => (Fate::Accepted, -(3 * 24 - 3) * HOUR_MS),
                1 if odd => (Fate::TooNew, 20 * HOUR_MS),
                2 if odd && self.plan.retention => (Fate::Expired, -(3 * 24 + 3) * HOUR_MS),
                3 if odd && self.out.chance.percent(20) => (Fate::Poison, 0),
                4 if odd => (Fate::Accepted, -30 * HOUR_MS),
                5 if odd => (Fate::Accepted, HOUR_MS),
                _ => (Fate::Accepted, -(self.out.chance.below(2_000) as i64)),
            };
            self.apps[app].log(size, fate, now + shift, self.out.at);
        }
        self.out.agenda.wake(Sleeper::App(app), self.out.at);
    }

    /// An app is killed, and another with a new client takes its place.
    fn replace_app(&mut self, app: usize) {
        if self.apps[app].dead {
            return;
        }
        self.apps[app].kill(&mut self.out);
        let (index, stream) = (self.apps.len(), self.apps[app].stream);
        self.apps.push(App::new(index, stream, self.plan.window));
        self.out.app_streams.push(stream);
    }

    fn break_disk(&mut self, fault: DiskFault, lasts: Duration) {
        use rustix::io::Errno;
        self.heal_disk();
        match fault {
            DiskFault::Full { share } => self.disk.refuse(Some((Errno::NOSPC.raw_os_error(), share as f64 / 100.0))),
            DiskFault::Broken { share } => self.disk.refuse(Some((Errno::IO.raw_os_error(), share as f64 / 100.0))),
            DiskFault::Unreadable => _ = self.disk.refuse_reads(true),
            DiskFault::Slow { millis } => self.out.disk_takes = Duration::from_millis(millis),
        }
        self.out.agenda.note(self.out.at + lasts, Event::DiskHeals(self.disk_episode));
    }

    fn heal_disk(&mut self) {
        self.disk_episode += 1;
        self.disk.refuse(None);
        self.disk.refuse_reads(false);
        self.out.disk_takes = Duration::from_millis(self.plan.spool.map_or(0, |spool| spool.millis));
    }

    /// The machine goes down, with every app on it.
    fn lose_power(&mut self) {
        self.kill();
        for app in 0..self.apps.len() {
            self.replace_app(app);
        }
        for text in &mut self.texts {
            text.cut(&mut self.out);
        }
        self.out.ledger.power_lost = true;
        let lost = self.disk.lose_power(&self.root.join("lanes"));
        lost.unwrap_or_else(|error| panic!("the simulated power loss failed: {error}"));
    }

    /// From now on nothing goes wrong.
    fn heal(&mut self) {
        if let Some(process) = self.process.as_ref().filter(|_| self.plan.stuck && self.plan.refuses_all()) {
            let rejected = process.snapshot().total.rejected();
            let odd = self.apps.iter().flat_map(|app| &app.fates).filter(|fate| **fate != Fate::Accepted).count();
            assert!(rejected <= odd as u64, "{rejected} records are rejected where every call is refused");
        }
        self.heal_disk();
        self.out.remote.heal();
        if !self.disk.has_stopped() {
            self.disk.go_on();
        }
        self.start();
    }

    /// What follows upon the last outcome is done: acks, the cursor on disk, deletions.
    fn settle_down(&mut self) {
        let until = self.out.at + Duration::from_secs(10);
        self.out.agenda.note(until, Event::DiskHeals(0));
        while self.out.at < until && self.step() {}
    }

    fn until_quiet(&mut self) {
        let by = self.out.at + QUIET_WITHIN;
        let mut nudge_at = self.out.at + NUDGE_EVERY;
        while !self.is_quiet() {
            if self.out.at >= nudge_at {
                nudge_at = self.out.at + NUDGE_EVERY;
                (0..self.apps.len()).filter(|app| !self.apps[*app].dead).collect::<Vec<_>>().into_iter().for_each(
                    |app| {
                        self.log(app, 1, 20, false);
                    },
                );
            }
            assert!(self.step(), "records wait, and nothing is going to happen: {}", self.waits());
            assert!(self.out.at < by, "it is not quiet after so long: {}", self.waits());
        }
    }

    fn is_quiet(&self) -> bool {
        let Some(process) = &self.process else { return false };
        if !self.apps.iter().all(App::is_quiet) || !self.texts.iter().all(TextWriter::is_quiet) {
            return false;
        }
        let kernel = &self.out.kernel;
        let unread = (0..kernel.len()).map(|index| kernel.socket(index)).any(|s| s.sidecar_open && !s.up.is_empty());
        let snapshot = process.snapshot();
        let looked_at = snapshot.lanes.iter().all(|lane| lane.state != "recovering");
        !unread
            && snapshot.in_memory + snapshot.spooled == 0
            && looked_at
            && self.out.remote.flights.is_empty()
            && process.budget().used() == 0
            && !process.is_writing()
            && !process.ending
    }

    fn waits(&self) -> String {
        let Some(process) = &self.process else { return "no process".to_owned() };
        let snapshot = process.snapshot();
        let lane = |lane: &crate::engine::snapshot::LaneView| {
            format!("{} {} {:?}+{} in {:?}", lane.destination, lane.state, lane.in_memory, lane.spooled, lane.in_flight)
        };
        let apps: Vec<_> = self
            .apps
            .iter()
            .map(|app| {
                (app.index, app.channel.last(), app.channel.counts(), app.given_up, self.out.ledger.told(app.index))
            })
            .collect();
        format!(
            "{:?}; memory {:?}; {} flights; apps {apps:?}",
            snapshot.lanes.iter().map(lane).collect::<Vec<_>>(),
            snapshot.memory,
            self.out.remote.flights.len()
        )
    }

    fn check_end(&self) {
        let Some(process) = &self.process else { return };
        let snapshot = process.snapshot();
        let out = &self.out;
        assert_eq!(snapshot.total.recovered, 0, "records that had ended were found on disk");
        let total: Account = out.ledger.total(&snapshot);
        for app in &self.apps {
            out.ledger.check_app(app, &total, &out.remote);
        }
        out.ledger.check_duplicates(&total, &out.remote);
        out.ledger.check_text(self.texts.iter().map(|text| text.printed).sum(), &total, &out.remote);
        if self.plan.stuck {
            self.check_delays();
        }
        let segments = crate::spool::simulated::segments(&self.root);
        assert!(segments <= 2 * self.plan.streams, "{segments} segments are left of nothing");
    }

    /// A stream that is stuck held up no other.
    fn check_delays(&self) {
        for app in self.apps.iter().filter(|app| app.stream != 0) {
            let Some(arrived) = self.out.remote.framed.get(app.index) else { continue };
            for (number, (logged, (_, sent))) in app.logged.iter().zip(arrived).enumerate().skip(1) {
                let took = sent.saturating_sub(*logged);
                assert!(took <= HELD_UP, "record {number} of app {} was held up for {took:?}", app.index);
            }
        }
    }
}

/// Records of an app that CloudWatch has or may have, and that the app would send again.
fn unheard(app: &App, out: &Outside) -> u64 {
    let accepted = out.remote.framed.get(app.index);
    let held = app.channel.oldest()..=app.channel.last();
    let has =
        |number: u64| accepted.and_then(|records| records.get(number as usize)).is_some_and(|(times, _)| *times > 0);
    let flying = |number: u64| out.remote.is_flying(app.index, number as usize);
    held.filter(|number| has(*number) || flying(*number)).count() as u64
}
