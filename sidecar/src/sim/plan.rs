//! What a seed stands for: a configuration, clients, and what is done to whom and when.

use std::time::Duration;

use splashdam::wire::Level;

use super::chance::Chance;
use super::nuisance::Manner;
use crate::engine::Overflow;
use crate::spool::simulated::Stop;
use crate::spool::Survives;

/// What may be wrong with the remote end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemoteFault {
    Throttles { retry_after: Option<u64> },
    Fails,
    Unavailable,
    Expired,
    Unsigned,
    ResetsBefore,
    NoRequestId,
    CommitsAndResets,
    Hangs { commits: bool },
    Forbids,
    RefusesAll,
    Forgets,
    CreatesBadly,
}

/// A fault, how often it strikes (in a hundred calls), and where (`None`: everywhere).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ailment {
    pub(super) fault: RemoteFault,
    pub(super) share: u64,
    pub(super) stream: Option<usize>,
}

/// What may be wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskFault {
    Full { share: u64 },
    Broken { share: u64 },
    Unreadable,
    Slow { millis: u64 },
}

/// Something that is done to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Log { app: usize, count: usize, size: usize, odd: bool },
    Print { writer: usize, count: usize, size: usize },
    Flush { app: usize, level: Level, timeout_ms: u64 },
    CutApp { app: usize },
    CutText { writer: usize },
    KillApp { app: usize },
    Lose { app: usize, count: u64 },
    Remote { ailment: Ailment, lasts: Duration },
    Disk { fault: DiskFault, lasts: Duration },
    Kill,
    KillInOrder { operations: u64, stop: Stop },
    PowerLoss,
    Terminate { deadline: Duration },
    Pause { lasts: Duration },
    StepClock { by_ms: i64 },
}

impl Act {
    /// For who looks for the part of a plan that matters.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Act::Log { odd: true, .. } => "odd records",
            Act::Log { .. } => "records",
            Act::Print { .. } => "text",
            Act::Flush { .. } => "flushes",
            Act::CutApp { .. } | Act::CutText { .. } => "cuts",
            Act::KillApp { .. } => "killed apps",
            Act::Lose { .. } => "losses of clients",
            Act::Remote { .. } => "remote faults",
            Act::Disk { .. } => "disk faults",
            Act::Kill | Act::KillInOrder { .. } => "kills",
            Act::PowerLoss => "power losses",
            Act::Terminate { .. } => "orderly ends",
            Act::Pause { .. } => "pauses",
            Act::StepClock { .. } => "clock steps",
        }
    }
}

/// The spool, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpoolPlan {
    pub(super) survives: Survives,
    pub(super) max: u64,
    pub(super) segment: u64,
    /// Each operation takes so much longer than on a quick disk.
    pub(super) millis: u64,
}

/// All that is decided before it begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) spool: Option<SpoolPlan>,
    pub(super) memory: usize,
    pub(super) streams: usize,
    pub(super) streams_exist: bool,
    pub(super) retention: bool,
    pub(super) overflow: Overflow,
    pub(super) batch_events: u32,
    pub(super) in_flight: u32,
    pub(super) window: usize,
    pub(super) socket_bytes: usize,
    /// The stream of each app and of each text writer.
    pub(super) apps: Vec<usize>,
    pub(super) texts: Vec<usize>,
    /// Clients as nobody wants them, as long as the plan is.
    pub(super) nuisances: Vec<Manner>,
    /// The first stream is ill all the time, nothing else ever is, and no other may suffer from it.
    pub(super) stuck: bool,
    pub(super) length: Duration,
    pub(super) acts: Vec<(Duration, Act)>,
}

impl Plan {
    /// The plan of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let chance = &mut Chance::new(seed);
        let large = chance.percent(3);
        let stuck = !large && chance.percent(8);
        let streams = if stuck { chance.between(2, 4) } else { chance.between(1, 4) } as usize;
        let on_disk = chance.percent(65).then(|| SpoolPlan {
            survives: if chance.percent(30) { Survives::PowerLoss } else { Survives::ProcessCrash },
            max: if chance.percent(30) { chance.between(96 << 10, 1 << 20) } else { 1 << 30 },
            segment: chance.pick(&[2 << 10, 8 << 10, 64 << 10, 1 << 20]),
            millis: if chance.percent(25) { chance.between(20, 400) } else { 0 },
        });
        let mut plan = Plan {
            seed,
            spool: on_disk,
            memory: if large { 5 << 20 } else { chance.pick(&[2 << 20, 4 << 20, 8 << 20]) },
            streams,
            streams_exist: chance.percent(50),
            retention: chance.percent(50),
            overflow: chance.pick(&[Overflow::Block, Overflow::Block, Overflow::DropNewest, Overflow::DropOldest]),
            batch_events: chance.pick(&[3, 10, 50, 10_000]),
            in_flight: chance.pick(&[1, 2, 4, 16]),
            window: chance.pick(&[2 << 10, 16 << 10, 1 << 20]),
            socket_bytes: chance.pick(&[700, 8 << 10, 200 << 10]),
            apps: (0..chance.between(1, 4)).map(|_| chance.below(streams)).collect(),
            texts: (0..chance.between(0, 2)).map(|_| chance.below(streams)).collect(),
            nuisances: nuisances(seed),
            stuck,
            length: chance.millis(3_000, 40_000),
            acts: Vec::new(),
        };
        plan.write(chance, large);
        if stuck {
            plan.be_stuck(chance);
        } else {
            plan.disturb(chance);
        }
        plan.acts.sort_by_key(|(at, _)| *at);
        plan
    }

    /// Whether a stream refuses every call for a while: then records without fault may be rejected.
    pub(super) fn refuses_all(&self) -> bool {
        let refuses =
            |act: &Act| matches!(act, Act::Remote { ailment, .. } if ailment.fault == RemoteFault::RefusesAll);
        self.acts.iter().any(|(_, act)| refuses(act))
    }

    /// Whether the disk fails at times.
    pub(super) fn breaks_disk(&self) -> bool {
        self.acts.iter().any(|(_, act)| matches!(act, Act::Disk { .. }))
    }

    /// The plan, a line each for the configuration and every act.
    pub(super) fn show(&self) -> String {
        let acts = self.acts.iter().map(|(at, act)| format!("  {:>12.6} s  {act:?}\n", at.as_secs_f64()));
        let acts: String = acts.collect();
        format!("{:?}\n{acts}", Plan { acts: Vec::new(), ..self.clone() })
    }

    fn at(&self, chance: &mut Chance) -> Duration {
        chance.micros(0, self.length.as_micros() as u64)
    }

    fn add(&mut self, chance: &mut Chance, act: Act) {
        let at = self.at(chance);
        self.acts.push((at, act));
    }

    /// Clients log, print and flush.
    fn write(&mut self, chance: &mut Chance, large: bool) {
        for app in 0..self.apps.len() {
            for _ in 0..chance.between(2, 7) {
                let size = if large { chance.between(2_000, 9_000) } else { chance.between(14, 120) } as usize;
                let most = if large { 120 } else { 30 };
                let count = chance.between(1, most) as usize;
                let odd = chance.percent(15);
                self.add(chance, Act::Log { app, count, size, odd });
                if chance.percent(35) {
                    let level = chance.pick(&[Level::Admitted, Level::Durable, Level::Ended]);
                    let timeout_ms = chance.pick(&[0, 100, 5_000, 60_000]);
                    self.add(chance, Act::Flush { app, level, timeout_ms });
                }
            }
            if chance.percent(10) {
                let count = chance.between(1, 1_000);
                self.add(chance, Act::Lose { app, count });
            }
        }
        for writer in 0..self.texts.len() {
            for _ in 0..chance.between(2, 5) {
                let count = chance.between(1, 30) as usize;
                let size = chance.between(14, 120) as usize;
                self.add(chance, Act::Print { writer, count, size });
            }
        }
    }

    /// The first stream is ill from the beginning.
    fn be_stuck(&mut self, chance: &mut Chance) {
        let fault = chance.pick(&[RemoteFault::Forbids, RemoteFault::Fails, RemoteFault::RefusesAll]);
        self.streams_exist = true;
        let ailment = Ailment { fault, share: 100, stream: Some(0) };
        self.acts.push((Duration::ZERO, Act::Remote { ailment, lasts: self.length + Duration::from_secs(60) }));
    }

    fn disturb(&mut self, chance: &mut Chance) {
        for _ in 0..chance.between(0, 5) {
            let (ailment, lasts) = (self.ailment(chance), self.lasts(chance));
            self.add(chance, Act::Remote { ailment, lasts });
        }
        for _ in 0..chance.between(0, 3) {
            let act = if chance.percent(70) {
                Act::CutApp { app: chance.below(self.apps.len()) }
            } else {
                Act::CutText { writer: chance.below(self.texts.len().max(1)) }
            };
            self.add(chance, act);
        }
        if chance.percent(20) {
            let app = chance.below(self.apps.len());
            self.add(chance, Act::KillApp { app });
        }
        for _ in 0..chance.between(0, 3) {
            let act = self.end_of_process(chance);
            let writes = |(_, act): &&(Duration, Act)| matches!(act, Act::Log { .. } | Act::Flush { .. });
            let busy: Vec<Duration> = self.acts.iter().filter(writes).map(|(at, _)| *at).collect();
            if chance.percent(60) && !busy.is_empty() {
                // While there is something to lose.
                self.acts.push((chance.pick(&busy) + chance.micros(500, 20_000), act));
            } else {
                self.add(chance, act);
            }
        }
        if chance.percent(15) {
            let by_ms = chance.between(0, 3_600_000) as i64 - 1_800_000;
            self.add(chance, Act::StepClock { by_ms });
        }
        if chance.percent(15) {
            let lasts = chance.millis(100, 45_000);
            self.add(chance, Act::Pause { lasts });
        }
        if self.spool.is_some() {
            for _ in 0..chance.between(0, 2) {
                let share = chance.pick(&[20, 60, 100]);
                let (fault, most) = match chance.below(8) {
                    0..=2 => (DiskFault::Full { share }, 30_000),
                    3..=4 => (DiskFault::Broken { share }, 30_000),
                    5 => (DiskFault::Unreadable, 15_000),
                    _ => (DiskFault::Slow { millis: chance.between(10, 3_000) }, 20_000),
                };
                let lasts = chance.millis(10, most);
                self.add(chance, Act::Disk { fault, lasts });
            }
        }
    }

    fn lasts(&self, chance: &mut Chance) -> Duration {
        if chance.percent(10) {
            chance.millis(60_000, 240_000)
        } else {
            chance.millis(10, 15_000)
        }
    }

    fn ailment(&self, chance: &mut Chance) -> Ailment {
        let retry_after = chance.percent(30).then(|| chance.between(1, 20));
        let commits = chance.percent(50);
        let fault = chance.pick(&[
            RemoteFault::Throttles { retry_after },
            RemoteFault::Fails,
            RemoteFault::Unavailable,
            RemoteFault::Expired,
            RemoteFault::Unsigned,
            RemoteFault::ResetsBefore,
            RemoteFault::NoRequestId,
            RemoteFault::CommitsAndResets,
            RemoteFault::Hangs { commits },
            RemoteFault::Forbids,
            RemoteFault::RefusesAll,
            RemoteFault::Forgets,
            RemoteFault::CreatesBadly,
        ]);
        let stream = chance.percent(40).then(|| chance.below(self.streams));
        Ailment {
            fault,
            share: if fault == RemoteFault::RefusesAll { 100 } else { chance.pick(&[20, 50, 90, 100]) },
            stream,
        }
    }

    fn end_of_process(&self, chance: &mut Chance) -> Act {
        let syncs = self.spool.is_some_and(|spool| spool.survives == Survives::PowerLoss);
        match chance.below(10) {
            0..=2 => Act::Kill,
            3..=6 if syncs && chance.percent(60) => Act::PowerLoss,
            3..=5 if self.spool.is_some() => Act::KillInOrder {
                operations: chance.between(0, 12),
                stop: chance.pick(&[Stop::Before, Stop::Torn, Stop::After]),
            },
            _ => Act::Terminate { deadline: chance.millis(300, 25_000) },
        }
    }
}

fn nuisances(seed: u64) -> Vec<Manner> {
    let mut chance = Chance::new(seed ^ 0xbad);
    let some = if chance.percent(40) { chance.between(1, 4) } else { 0 };
    (0..some).map(|_| chance.pick(&Manner::ALL)).collect()
}
