//! One life of a sidecar: the engine and the spool that ship, driven as the shell and the spool's threads drive them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::{Event, OfProcess, Sleeper, Stage};
use super::intake::Intake;
use super::outside::Outside;
use super::plan::Plan;
use super::remote::{self, Flight};
use super::stream_of;
use crate::config::Destination;
use crate::delivery::body;
use crate::engine::budget::{Budget, Payment};
use crate::engine::lane::LaneId;
use crate::engine::retry::Backoff;
use crate::engine::snapshot::Snapshot;
use crate::engine::spool::{Order, Read};
use crate::engine::time::Now;
use crate::engine::{Attempt, Command, Engine, Outcome, Report, Settings, SpoolSettings};
use crate::intake::open::Host as _;
use crate::spool::simulated::{SimulatedDisk, SimulatedSpool};
use crate::spool::Options;

/// Where the engine's time begins in each process, as in the shell.
const PAST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// As in the shell: cancelled attempts, and what is to reach the disk, have so long.
const GIVE_UP: Duration = Duration::from_millis(200);

struct Core {
    engine: RefCell<Engine>,
    now: Cell<Now>,
    began: Duration,
}

/// The engine and its clock.
#[derive(Clone)]
pub(super) struct Host(Rc<Core>);

impl crate::intake::open::Host for Host {
    fn apply<T>(&self, event: impl FnOnce(&mut Engine, Now) -> T) -> T {
        event(&mut self.0.engine.borrow_mut(), self.now())
    }

    fn now(&self) -> Now {
        self.0.now.get()
    }

    fn claim_partial(&self, bytes: usize) -> Option<Payment> {
        self.0.engine.borrow_mut().claim_partial(bytes)
    }

    fn for_partial(&self) -> usize {
        self.0.engine.borrow().for_partial()
    }
}

impl Host {
    /// The world's time of a moment of this process.
    pub(super) fn world_time(&self, at: Duration) -> Duration {
        self.0.began + at.saturating_sub(PAST)
    }
}

/// The spool of the process, and what it was asked for and has not done.
struct Disk {
    spool: SimulatedSpool,
    disk: Arc<SimulatedDisk>,
    orders: Vec<VecDeque<Box<Order>>>,
    reads: VecDeque<Job>,
}

enum Job {
    Read(Box<Read>, Destination),
    Index(LaneId, Destination),
}

/// A sidecar.
pub(super) struct Process {
    pub(super) number: u32,
    host: Host,
    budget: Arc<Budget>,
    pub(super) intake: Intake,
    disk: Option<Disk>,
    /// It does nothing before this moment.
    pub(super) hangs_until: Duration,
    pub(super) ending: bool,
    given_up: bool,
    drained: bool,
    drain_by: Duration,
}

impl Process {
    pub(super) fn start(
        plan: &Plan,
        number: u32,
        root: &Path,
        disk: &Arc<SimulatedDisk>,
        out: &mut Outside,
    ) -> Result<Self, crate::spool::OpenError> {
        let budget = Budget::new(plan.memory);
        let seed = plan.seed.wrapping_add(u64::from(number) << 32);
        let engine = Engine::new(settings(plan, seed), Arc::clone(&budget));
        let now = Cell::new(Now { at: PAST, wall_ms: out.wall_ms() + out.skew_ms });
        let host = Host(Rc::new(Core { engine: RefCell::new(engine), now, began: out.at }));
        let intake = Intake::new(host.clone(), number as u8, plan, out.kernel.clone());
        let mut process = Process {
            number,
            host,
            budget: Arc::clone(&budget),
            intake,
            disk: None,
            hangs_until: Duration::ZERO,
            ending: false,
            given_up: false,
            drained: false,
            drain_by: Duration::ZERO,
        };
        let Some(spool) = plan.spool else { return Ok(process) };
        let options =
            Options { dir: root.to_owned(), max_bytes: spool.max, survives: spool.survives, budget, lanes: 64 };
        let (spool, found) = SimulatedSpool::open(disk, options, spool.segment, seed)?;
        let orders = (0..spool.writers()).map(|_| VecDeque::new()).collect();
        process.disk = Some(Disk { spool, disk: Arc::clone(disk), orders, reads: VecDeque::new() });
        for found in found {
            process.host.apply(|engine, now| engine.found(&found.destination, now));
        }
        process.settle(out);
        Ok(process)
    }

    /// The moment has come.
    pub(super) fn look_at_clock(&self, out: &Outside) {
        let at = PAST + (out.at - self.host.0.began);
        self.host.0.now.set(Now { at, wall_ms: out.wall_ms() + out.skew_ms });
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.host.0.engine.borrow().snapshot(self.host.now())
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether the disk has something to do for it.
    pub(super) fn is_writing(&self) -> bool {
        let writing = |disk: &Disk| !disk.reads.is_empty() || disk.orders.iter().any(|orders| !orders.is_empty());
        self.disk.as_ref().is_some_and(writing)
    }

    /// Somebody of the process is woken.
    pub(super) fn wake(&mut self, who: Sleeper, out: &mut Outside) {
        match who {
            Sleeper::Intake => self.intake.serve(out),
            Sleeper::Engine => self.host.apply(Engine::tick),
            Sleeper::Writer(writer) => {
                let now = self.host.now();
                if let Some(disk) = &mut self.disk {
                    disk.spool.tick(writer, now.at, now.wall_ms);
                    if disk.spool.ticks(writer) {
                        out.agenda.wake(who, out.at + Duration::from_secs(1));
                    }
                }
            }
            Sleeper::App(_) | Sleeper::Text(_) | Sleeper::Nuisance(_) => {}
        }
        self.settle(out);
    }

    /// Something has come for it.
    pub(super) fn happen(&mut self, event: OfProcess, out: &mut Outside) {
        match event {
            OfProcess::Answer(flight) => self.answer(flight, out),
            OfProcess::Create(lane, what, stream) => {
                let created = out.remote.create(what, stream, out.at);
                let at = out.soon();
                out.agenda.note(at, Event::Of(self.number, OfProcess::Created(lane, what, created)));
            }
            OfProcess::Created(lane, what, created) => {
                self.host.apply(|engine, now| engine.created(lane, what, created, now));
            }
            OfProcess::Order(writer) => self.carry_out(writer, out),
            OfProcess::Stored(stored) => self.host.apply(|engine, now| engine.stored(*stored, now)),
            OfProcess::Read => self.read(out),
            OfProcess::Back(back) => self.host.apply(|engine, now| engine.read_back(*back, now)),
            OfProcess::Found(found) => self.host.apply(|engine, now| engine.indexed(*found, now)),
            OfProcess::End(stage) => self.end(stage, out),
        }
        self.settle(out);
    }

    /// Does what the engine asks for.
    fn settle(&mut self, out: &mut Outside) {
        loop {
            let commands = self.host.apply(|engine, _| engine.take_commands());
            if commands.is_empty() {
                break;
            }
            for command in commands {
                self.perform(command, out);
            }
        }
        let next = self.host.0.engine.borrow().next_tick();
        if let Some(at) = next {
            let at = self.host.world_time(at).max(out.at);
            out.agenda.wake(Sleeper::Engine, at);
        }
    }

    fn perform(&mut self, command: Command, out: &mut Outside) {
        match command {
            Command::Attempt(attempt) => self.send(attempt, out),
            Command::Create { lane, what, destination } => {
                let at = out.soon();
                out.agenda.note(at, Event::Of(self.number, OfProcess::Create(lane, what, stream_of(&destination))));
            }
            Command::Acknowledge { connection, ack } => self.intake.acknowledge(connection, ack, out),
            Command::Flushed { connection, ticket, flushed } => self.intake.flushed(connection, ticket, flushed, out),
            Command::Resume(lane) => self.intake.resume(lane, out),
            Command::Drained => self.drained = true,
            Command::Order(order) => self.order(order, out),
            Command::Read { destination, read } => self.ask(Job::Read(Box::new(read), destination), out),
            Command::Index { lane, destination } => self.ask(Job::Index(lane, destination), out),
            Command::FlushedAll { .. }
            | Command::Failing { .. }
            | Command::LossBegan { .. }
            | Command::LossTold { .. } => {}
        }
    }

    fn send(&mut self, attempt: Attempt, out: &mut Outside) {
        let Attempt { id, destination, batch, body: payment } = attempt;
        out.trace.note(out.at, "attempt", id, u64::from(batch.records));
        let Ok(body) = body::build(&self.budget, &destination, &batch, payment) else {
            let report = Report { id, batch, outcome: Outcome::TooLarge, took: None, growth: None };
            return self.host.apply(|engine, now| engine.attempt_ended(report, now));
        };
        let flight = Flight {
            attempt: id,
            stream: stream_of(&destination),
            events: remote::events(&body.bytes),
            batch: None,
            body: Some(body.bytes),
            growth: body.growth,
            sent: out.at,
            arrived: false,
            outcome: None,
        };
        let number = out.remote.send(flight, &batch);
        if let Some(flight) = out.remote.flights.get_mut(&number) {
            flight.batch = Some(batch);
        }
        let at = out.at + out.chance.millis(1, 30);
        out.agenda.note(at, Event::Arrive(number));
    }

    fn answer(&mut self, number: u64, out: &mut Outside) {
        let Some(flight) = out.remote.flights.remove(&number) else { return };
        let Some(outcome) = flight.outcome else { return };
        self.report(flight.attempt, flight.batch, outcome, out.at - flight.sent, flight.growth);
    }

    fn report(
        &self,
        id: u64,
        batch: Option<crate::engine::batch::Batch>,
        outcome: Outcome,
        took: Duration,
        growth: f32,
    ) {
        let Some(batch) = batch else { return };
        let made = !matches!(outcome, Outcome::Unsigned { .. });
        let report = Report { id, batch, outcome, took: made.then_some(took), growth: made.then_some(growth) };
        self.host.apply(|engine, now| engine.attempt_ended(report, now));
    }

    fn order(&mut self, order: Box<Order>, out: &mut Outside) {
        let Some(disk) = &mut self.disk else { return };
        let writer = stream_of(&order.destination) % disk.orders.len();
        disk.orders[writer].push_back(order);
        if disk.orders[writer].len() == 1 {
            let at = out.at + out.chance.micros(20, 3_000) + out.disk_takes;
            out.agenda.note(at, Event::Of(self.number, OfProcess::Order(writer)));
        }
    }

    /// One writer does the order that is first in line; the process may end meanwhile.
    fn carry_out(&mut self, writer: usize, out: &mut Outside) {
        let now = self.host.now();
        let Some(disk) = &mut self.disk else { return };
        let Some(order) = disk.orders[writer].pop_front() else { return };
        let stored = disk.spool.carry_out(writer, &order, now.at, now.wall_ms);
        drop(order);
        out.trace.note(
            out.at,
            if stored.failure.is_some() { "not stored" } else { "stored" },
            stored.end,
            stored.lane_bytes,
        );
        let at = out.soon();
        out.agenda.note(at, Event::Of(self.number, OfProcess::Stored(Box::new(stored))));
        if disk.spool.ticks(writer) {
            out.agenda.wake(Sleeper::Writer(writer), out.at + Duration::from_secs(1));
        }
        if !disk.orders[writer].is_empty() {
            let at = out.at + out.chance.micros(20, 3_000) + out.disk_takes;
            out.agenda.note(at, Event::Of(self.number, OfProcess::Order(writer)));
        }
    }

    fn ask(&mut self, job: Job, out: &mut Outside) {
        let Some(disk) = &mut self.disk else { return };
        disk.reads.push_back(job);
        let at = out.at + out.chance.micros(20, 3_000) + out.disk_takes;
        out.agenda.note(at, Event::Of(self.number, OfProcess::Read));
    }

    fn read(&mut self, out: &mut Outside) {
        let Some(disk) = &mut self.disk else { return };
        let event = match disk.reads.pop_front() {
            Some(Job::Read(read, destination)) => {
                let back = disk.spool.read(*read, &destination);
                out.trace.note(out.at, "read", back.next, back.pieces.len() as u64);
                OfProcess::Back(Box::new(back))
            }
            Some(Job::Index(lane, destination)) => {
                let unwell = disk.disk.refuse_reads(false);
                let found = disk.spool.index(lane, &destination);
                disk.disk.refuse_reads(unwell);
                out.ledger.blind |= found.failure.is_some();
                out.trace.note(out.at, "indexed", found.cursor.watermark, found.next);
                OfProcess::Found(Box::new(found))
            }
            None => return,
        };
        let at = out.soon();
        out.agenda.note(at, Event::Of(self.number, event));
    }

    /// `SIGTERM`, with so long a deadline.
    pub(super) fn terminate(&mut self, deadline: Duration, out: &mut Outside) {
        self.ending = true;
        let half = deadline / 2;
        let at = out.at + out.chance.micros(0, half.as_micros() as u64);
        let last = out.at + deadline.saturating_sub(Duration::from_millis(250)).max(half);
        let left = last - at;
        for (at, stage) in [(at, Stage::Drain), (last - left / 4, Stage::Hurry), (last, Stage::GiveUp)] {
            out.agenda.note(at, Event::Of(self.number, OfProcess::End(stage)));
        }
        self.drain_by = last;
    }

    fn end(&mut self, stage: Stage, out: &mut Outside) {
        let left = self.drain_by.saturating_sub(out.at);
        match stage {
            Stage::Drain => {
                self.intake.drain(left, out);
                self.settle(out);
                self.host.apply(|engine, now| engine.drain(left, now));
            }
            Stage::Hurry if !self.drained => self.host.apply(|engine, now| engine.drain(left, now)),
            Stage::GiveUp if self.drained => self.exit_in(Duration::ZERO, out),
            Stage::GiveUp => {
                self.given_up = true;
                self.exit_in(GIVE_UP, out);
                self.host.apply(Engine::give_up);
                let ours: Vec<u64> = out.remote.flights.keys().copied().collect();
                for number in ours {
                    let Some(flight) = out.remote.flights.get_mut(&number) else { continue };
                    let (attempt, batch, took) = (flight.attempt, flight.batch.take(), out.at - flight.sent);
                    flight.body = None;
                    self.report(attempt, batch, Outcome::Cancelled, took, flight.growth);
                }
            }
            Stage::Exit => {
                if self.given_up {
                    self.host.apply(Engine::abandon);
                }
                self.host.apply(|engine, _| engine.last_orders());
                self.settle(out);
                self.finish_orders(out);
            }
            Stage::Hurry => {}
        }
    }

    fn exit_in(&self, time: Duration, out: &mut Outside) {
        out.agenda.note(out.at + time, Event::Of(self.number, OfProcess::End(Stage::Exit)));
    }

    /// The spool is closed: what was asked of it is done.
    fn finish_orders(&mut self, out: &mut Outside) {
        let now = self.host.now();
        while let Some(disk) = &mut self.disk {
            let Some(writer) = disk.orders.iter().position(|orders| !orders.is_empty()) else { return };
            let Some(order) = disk.orders[writer].pop_front() else { return };
            let stored = disk.spool.carry_out(writer, &order, now.at, now.wall_ms);
            drop(order);
            self.host.apply(|engine, now| engine.stored(stored, now));
            self.settle(out);
        }
    }

    /// Records that a kill costs text clients: those that are neither on disk nor ended, and what was not taken in yet.
    pub(super) fn text_at_risk(&self) -> u64 {
        self.snapshot().in_memory + self.intake.text_at_risk()
    }
}

fn settings(plan: &Plan, seed: u64) -> Settings {
    Settings {
        batch_events: plan.batch_events,
        in_flight_min: plan.in_flight.min(4),
        in_flight_max: plan.in_flight,
        in_flight_total: 8,
        overflow: plan.overflow,
        backoff: Backoff { least: Duration::from_millis(100), most: Duration::from_secs(30) },
        spool: plan.spool.map(|spool| SpoolSettings { max: spool.max }),
        seed,
        ..Settings::default()
    }
}
