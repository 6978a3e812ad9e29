//! The simulation: what happens, in the order of its time. No clock, no thread, no I/O; the same seed gives the same run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

use fastrand::Rng;
use splashdam_sidecar::config::Config;
use splashdam_sidecar::engine::create::{Created, Target};
use splashdam_sidecar::engine::lane::LaneId;
use splashdam_sidecar::engine::{Attempt, Command, Outcome, Report};

use super::account::{Account, Answer, Streams};
use super::client::exponential;
use super::scenario::{Sabotage, Scenario};
use super::sidecar::{age, configuration, is_noise, moment, Sidecar};
use super::tally::Tally;
use crate::error::Result;

/// A call takes this long, and on average as long again.
const LATENCY: Duration = Duration::from_millis(15);
/// A refused connection is told so soon.
const REFUSAL: Duration = Duration::from_millis(2);
/// How often every sidecar is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where there is a noisy pod it is this one.
const NOISY: usize = 0;

/// Something that is to happen.
#[derive(Debug)]
enum Event {
    Start,
    StartNoise,
    EndNoise,
    Write(usize),
    Tick,
    Put { report: Box<Report>, noisy: bool },
    Created { lane: LaneId, what: Target, created: Created },
    Terminate,
    Look,
}

/// An event in the agenda: earlier ones first, and of one moment those that were noted first.
#[derive(Debug)]
struct Entry {
    key: (Duration, u64),
    sidecar: usize,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// A fleet, its account, and what is going to happen.
pub(super) struct World<'a> {
    scenario: &'a Scenario,
    config: Config,
    account: Account,
    sidecars: Vec<Sidecar>,
    agenda: BinaryHeap<Reverse<Entry>>,
    noted: u64,
    rng: Rng,
    tally: Tally,
    draining: usize,
}

/// Plays a scenario to its end.
pub(super) fn play(scenario: &Scenario) -> Result<Tally> {
    let config = configuration()?;
    let streams = if scenario.warm { Streams::All } else { Streams::Created(HashSet::new()) };
    let sidecar = |name| Sidecar::new(name, &config, scenario.seed, scenario.sabotage);
    let world = World {
        scenario,
        account: Account::new(scenario.quota, scenario.outage.clone(), streams),
        sidecars: (0..scenario.sidecars).map(sidecar).collect(),
        agenda: BinaryHeap::new(),
        noted: 0,
        rng: Rng::with_seed(scenario.seed),
        tally: Tally::new(scenario.sidecars),
        draining: scenario.sidecars,
        config,
    };
    world.run()
}

impl World<'_> {
    fn run(mut self) -> Result<Tally> {
        self.prepare();
        let deadline = self.scenario.until + self.config.shutdown.deadline;
        while let Some(Reverse(entry)) = self.agenda.pop() {
            let at = entry.key.0;
            if at > deadline || self.draining == 0 {
                break;
            }
            self.happen(entry, at)?;
        }
        for (sidecar, fate) in self.sidecars.iter().zip(&mut self.tally.fates) {
            let total = sidecar.snapshot(deadline).total;
            (fate.received, fate.delivered) = (total.received, total.delivered);
            fate.lost = total.came() - total.delivered;
            fate.possible_duplicates = total.possible_duplicates;
        }
        Ok(self.tally)
    }

    fn prepare(&mut self) {
        let (start_within, until) = (self.scenario.start_within, self.scenario.until);
        for sidecar in 0..self.sidecars.len() {
            let at = start_within.mul_f64(self.rng.f64());
            self.tally.fates[sidecar].started = at.as_secs_f64();
            self.note(at, sidecar, Event::Start);
            self.note(until, sidecar, Event::Terminate);
        }
        if let Some(noise) = self.scenario.noise.clone() {
            self.note(noise.start, NOISY, Event::StartNoise);
            self.note(noise.end, NOISY, Event::EndNoise);
        }
        self.note(LOOK_EVERY, 0, Event::Look);
    }

    fn note(&mut self, at: Duration, sidecar: usize, event: Event) {
        self.noted += 1;
        self.agenda.push(Reverse(Entry { key: (at, self.noted), sidecar, event }));
    }

    fn happen(&mut self, entry: Entry, at: Duration) -> Result<()> {
        let Entry { sidecar: index, event, .. } = entry;
        let sidecar = &mut self.sidecars[index];
        match event {
            Event::Start => {
                let client = sidecar.start(at)?;
                self.note(at, index, Event::Write(client));
            }
            Event::StartNoise => {
                for client in sidecar.start_noise(at)? {
                    self.note(at, index, Event::Write(client));
                }
            }
            Event::EndNoise => sidecar.end_noise(at),
            Event::Write(client) => {
                if let Some(pause) = sidecar.write(client, at) {
                    self.note(at + pause, index, Event::Write(client));
                }
            }
            Event::Tick => sidecar.tick(at),
            Event::Put { report, noisy } => self.put_ended(index, *report, noisy, at),
            Event::Created { lane, what, created } => sidecar.engine().created(lane, what, created, moment(at)),
            Event::Terminate => sidecar.terminate(at),
            Event::Look => self.look(at),
        }
        self.follow(index, at);
        Ok(())
    }

    /// Does what the engine asks for after an event, and notes when it wants to be ticked.
    fn follow(&mut self, index: usize, at: Duration) {
        for command in self.sidecars[index].engine().take_commands() {
            for (client, pause) in self.sidecars[index].released(&command) {
                self.note(at + pause, index, Event::Write(client));
            }
            match command {
                Command::Attempt(attempt) => self.put(index, attempt, at),
                Command::Create { lane, what, destination } => {
                    let answer = self.account.create(&destination, at);
                    self.tally.create(at, answer);
                    let took = self.took(answer);
                    let created = created(answer);
                    self.note(at + took, index, Event::Created { lane, what, created });
                }
                Command::Drained => self.drained(index, at),
                _ => {}
            }
        }
        if let Some(due) = self.sidecars[index].due(at) {
            self.note(due, index, Event::Tick);
        }
    }

    fn put(&mut self, index: usize, attempt: Attempt, at: Duration) {
        let answer = self.account.put(&attempt.destination, at);
        let noisy = is_noise(&attempt.destination);
        self.tally.put(at, answer, noisy);
        let took = self.took(answer);
        let outcome = outcome(answer, self.scenario.sabotage);
        // No body is built: its payment goes back as it would with the call's end.
        let report = Report { id: attempt.id, batch: attempt.batch, outcome, took: Some(took), growth: None };
        self.note(at + took, index, Event::Put { report: Box::new(report), noisy });
    }

    /// How long a call takes.
    fn took(&mut self, answer: Answer) -> Duration {
        match answer {
            Answer::Refused => REFUSAL,
            Answer::Silent => self.config.delivery.connect_timeout,
            Answer::Done | Answer::Throttled | Answer::Missing => LATENCY + exponential(&mut self.rng, LATENCY),
        }
    }

    fn put_ended(&mut self, index: usize, report: Report, noisy: bool, at: Duration) {
        if !noisy && matches!(report.outcome, Outcome::Accepted { .. }) {
            let age = age(report.batch.arrived, at).as_secs_f64();
            let fate = &mut self.tally.fates[index];
            let since = at.as_secs_f64() - self.scenario.happens.as_secs_f64().max(fate.started);
            if since >= 0.0 {
                fate.first_delivery.get_or_insert(since);
            }
            if (self.scenario.calm..self.scenario.until).contains(&at) {
                fate.accepted += 1;
                self.tally.ages.push(age);
            }
        }
        self.sidecars[index].engine().attempt_ended(report, moment(at));
    }

    fn drained(&mut self, index: usize, at: Duration) {
        let fate = &mut self.tally.fates[index];
        if fate.drained.is_none() && at >= self.scenario.until {
            fate.drained = Some((at - self.scenario.until).as_secs_f64());
            self.draining -= 1;
        }
    }

    /// Looks at every sidecar's account and at its oldest record.
    fn look(&mut self, at: Duration) {
        let mut oldest = Duration::ZERO;
        for (sidecar, fate) in self.sidecars.iter().zip(&mut self.tally.fates) {
            let snapshot = sidecar.snapshot(at);
            fate.adds_up &= snapshot.adds_up();
            let usual = snapshot.lanes.iter().filter(|lane| !is_noise(&lane.destination));
            oldest = usual.filter_map(|lane| lane.oldest).fold(oldest, Duration::max);
        }
        // The look is at the end of a second.
        self.tally.second(at - Duration::from_millis(1)).oldest = oldest.as_secs_f64();
        self.note(at + LOOK_EVERY, 0, Event::Look);
    }
}

/// The engine's word for an answer to PutLogEvents.
fn outcome(answer: Answer, sabotage: Option<Sabotage>) -> Outcome {
    let unavailable = |what: &str| Outcome::Unavailable { what: what.to_owned(), ambiguous: false, retry_after: None };
    match answer {
        Answer::Done => Outcome::Accepted { rejected: Vec::new() },
        Answer::Throttled if sabotage == Some(Sabotage::NoYield) => unavailable("throttled"),
        Answer::Throttled => Outcome::Throttled { retry_after: None },
        Answer::Missing => Outcome::Missing,
        Answer::Refused => unavailable("connection refused"),
        Answer::Silent => unavailable("no connection in time"),
    }
}

/// The engine's word for an answer to CreateLogStream.
fn created(answer: Answer) -> Created {
    match answer {
        Answer::Done => Created::Exists,
        Answer::Missing => Created::GroupMissing,
        Answer::Throttled | Answer::Refused | Answer::Silent => {
            Created::Failed { what: format!("{answer:?}"), throttled: answer == Answer::Throttled, retry_after: None }
        }
    }
}
