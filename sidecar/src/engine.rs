//! The engine: all lanes, what they share, and who is next. A plain state machine.
//!
//! Events come in as method calls that carry the time; commands go out through [`Engine::take_commands`]. It holds no socket,
//! file, clock, task or random source, and it never builds a body: so it can be checked against a model and run under
//! simulated time. `shell` drives it, and nothing else does.
//!
//! | event | method |
//! |---|---|
//! | a client comes, asks, goes | [`Engine::open_lane`], [`Engine::hello`], [`Engine::flush`], [`Engine::lost`], [`Engine::gone`] |
//! | room is wanted, a chunk is sealed | [`Engine::claim`], [`Engine::append`], [`Engine::append_ended`] |
//! | an attempt or a creation ended | [`Engine::attempt_ended`], [`Engine::created`] |
//! | the disk answered | [`Engine::stored`], [`Engine::read_back`], [`Engine::indexed`]; at the start [`Engine::found`] |
//! | time passed | [`Engine::tick`], due at [`Engine::next_tick`] |
//! | the end is near | [`Engine::drain`], [`Engine::give_up`], [`Engine::abandon`], [`Engine::last_orders`] |

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub mod account;
pub mod batch;
pub mod bisect;
pub mod budget;
pub mod channel;
pub mod chunk;
pub mod command;
pub mod create;
mod disk_use;
mod ending;
mod failing;
pub mod fair;
pub mod flush;
mod flushing;
pub mod histogram;
mod intake_events;
pub mod lane;
pub mod limits;
mod losses;
pub mod marker;
mod outcome;
mod pump;
pub mod retry;
pub mod snapshot;
pub mod spool;
mod spooling;
mod stretch;
pub mod time;

#[cfg(test)]
mod tests;

pub use command::{Attempt, Command, ConnectionId, Outcome, RejectedRange, Report};
pub use intake_events::{Claim, Hello, Welcome};
pub use spooling::SpoolSettings;

use account::{Account, Failed};
use budget::Budget;
use create::Groups;
use flushing::FlushAll;
use histogram::Histogram;
use lane::{LaneId, Lanes};
use retry::{Backoff, Pacer, Waits};
use spooling::Space;
use time::Now;

/// What happens to new records when a lane's share is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The connection is not read until there is room.
    Block,
    /// New records are dropped, counted.
    DropNewest,
    /// The oldest records that no attempt holds make way, counted.
    DropOldest,
}

/// The engine's configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest wait of a sealed chunk for company.
    pub linger: Duration,
    /// After this long without a new record what is there is sent, once a linger.
    pub linger_quiet: Duration,
    /// How far the linger stretches under throttling and with many lanes.
    pub linger_max: Duration,
    /// Attempts in flight a lane: at first and at least; at most.
    pub in_flight_min: u32,
    /// See `in_flight_min`.
    pub in_flight_max: u32,
    /// Attempts in flight of all lanes.
    pub in_flight_total: u32,
    /// Records in a batch, at most; never more than [`limits::BATCH_EVENTS`].
    pub batch_events: u32,
    /// PutLogEvents calls a second, at most.
    pub put_rate: u32,
    /// Creating calls a second, at most.
    pub create_rate: u32,
    /// Waits after failures.
    pub backoff: Backoff,
    /// Longest wait where we may not write.
    pub forbidden: Duration,
    /// Least high-water mark of a healthy lane, in bytes.
    pub high_water: usize,
    /// Least reach, in bytes of chunks beyond the ended watermark.
    pub reach: usize,
    /// Most lanes.
    pub lanes: usize,
    /// What happens when a lane's share is full.
    pub overflow: Overflow,
    /// Create a missing group.
    pub create_group: bool,
    /// Create a missing stream.
    pub create_stream: bool,
    /// The disk behind the memory, if there is one.
    pub spool: Option<SpoolSettings>,
    /// Accept and drop everything.
    pub disabled: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Settings {
    /// How far beyond the ended watermark attempts of a lane may go, in bytes of chunks, when so many may be in flight.
    pub(crate) fn reach_with(&self, in_flight: u32) -> usize {
        self.reach.max((in_flight as usize + 1) * limits::BATCH_BYTES as usize)
    }

    /// How far they may ever go.
    pub(crate) fn most_reach(&self) -> usize {
        self.reach_with(self.in_flight_max)
    }
}

impl Default for Settings {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Settings {
            linger: Duration::from_secs(1),
            linger_quiet: Duration::from_millis(50),
            linger_max: Duration::from_secs(30),
            in_flight_min: 4,
            in_flight_max: 16,
            in_flight_total: 64,
            batch_events: limits::BATCH_EVENTS,
            put_rate: 500,
            create_rate: 10,
            backoff: Backoff { least: Duration::from_millis(100), most: Duration::from_secs(30) },
            forbidden: Duration::from_secs(60),
            high_water: 8 * MIB,
            reach: 8 * MIB,
            lanes: 4_096,
            overflow: Overflow::Block,
            create_group: true,
            create_stream: true,
            spool: None,
            disabled: false,
            seed: 0,
        }
    }
}

/// How far along the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Everything goes at once.
    Draining,
    /// No more attempts; what is not on disk is written there still.
    GivenUp,
    /// What is not on disk is dropped.
    Abandoned,
}

/// What is kept of an attempt while it is out.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    lane: LaneId,
    early: bool,
    /// It was tried before.
    retry: bool,
}

/// The state machine.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    budget: Arc<Budget>,
    phase: Phase,
    lanes: Lanes,
    /// Lanes to look at, each at most once; what is left over waits for an attempt to end or for a token.
    ready: VecDeque<LaneId>,
    timers: BTreeSet<(Duration, LaneId)>,
    /// When the put rate has its next token, while a lane waits for it.
    token_at: Option<Duration>,
    /// Lanes whose connections wait for room.
    waiting: VecDeque<LaneId>,
    /// Lanes that found no memory for what they have on disk.
    hungry: VecDeque<LaneId>,
    /// Destinations with records on disk that nobody has looked at.
    left: HashSet<crate::config::Destination>,
    /// Dead letters lost by lanes that are gone.
    letters_lost: u64,
    /// Lanes that found no room on disk.
    short: VecDeque<LaneId>,
    space: Space,
    in_flight: HashMap<u64, InFlight>,
    next_attempt: u64,
    puts: Pacer,
    creates: Pacer,
    groups: Groups,
    waits: Waits,
    flush_alls: HashMap<u64, FlushAll>,
    /// Lanes with records, as counted at `busy_at`.
    busy: usize,
    busy_at: Duration,
    /// Counts of lanes that are gone, by group.
    retired: HashMap<crate::config::LogGroup, Account>,
    tally: Tally,
    commands: Vec<Command>,
}

/// What happened so far beside the account.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls of first attempts, each counted once it has ended.
    pub first_attempts: u64,
    /// Calls of attempts made again after a failure, each counted once it has ended.
    pub retries: u64,
    /// Answers that said we were too fast.
    pub throttles: u64,
    /// Calls that failed in any other way, by [`Failed`].
    pub failures: [u64; Failed::ALL.len()],
    /// Calls that created something or tried to.
    pub creates: u64,
    /// Records in accepted batches; with the number of batches their mean size.
    pub batch_records: Histogram,
    /// Cost in bytes of accepted batches.
    pub batch_bytes: Histogram,
    /// Seconds from the start of a call to its outcome.
    pub put_seconds: Histogram,
    /// Seconds from taking a batch's oldest record in to its acceptance.
    pub delivery_seconds: Histogram,
}

impl Tally {
    fn failed(&mut self, reason: Failed) {
        self.failures[reason as usize] += 1;
    }
}

impl Engine {
    /// An engine without lanes.
    #[must_use]
    pub fn new(settings: Settings, budget: Arc<Budget>) -> Self {
        Engine {
            puts: Pacer::new(settings.put_rate),
            creates: Pacer::new(settings.create_rate),
            waits: Waits::new(settings.seed),
            settings,
            budget,
            phase: Phase::Serving,
            lanes: Lanes::default(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            token_at: None,
            waiting: VecDeque::new(),
            hungry: VecDeque::new(),
            left: HashSet::new(),
            letters_lost: 0,
            short: VecDeque::new(),
            space: Space::default(),
            in_flight: HashMap::new(),
            next_attempt: 0,
            groups: Groups::default(),
            flush_alls: HashMap::new(),
            busy: 0,
            busy_at: Duration::ZERO,
            retired: HashMap::new(),
            tally: Tally::default(),
            commands: Vec::new(),
        }
    }

    /// What is to be done, in order. The caller does all of it.
    #[must_use]
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// When [`tick`](Self::tick) is due next, if ever.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.token_at).min()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        if now.at >= self.busy_at + COUNT_BUSY_EVERY {
            self.busy = self.lanes.iter().filter(|(_, lane)| !lane.queue.is_empty()).count();
            self.busy_at = now.at;
        }
        while let Some((at, id)) = self.timers.first().copied() {
            if at > now.at {
                break;
            }
            self.timers.pop_first();
            if let Some(lane) = self.lanes.get_mut(id) {
                lane.timer = None;
            }
            self.end_late_flushes(id, now);
            self.let_spill(id, now);
            self.retry_disk(id, now);
            self.mark(id);
            self.retire_if_idle(id, now);
        }
        self.take_up_left(now);
        if self.token_at.is_some_and(|at| at <= now.at) {
            self.token_at = None;
        }
        self.pump(now);
    }

    /// Follows up on records that ended: the watermark moves, acks and answers go out, memory comes free.
    fn after_end(&mut self, id: LaneId, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let news = lane.advance(now);
        if let Some(disk) = &mut lane.disk {
            disk.dirty = true;
        }
        if lane.held < self.settings.high_water / 2 && lane.failures == 0 {
            lane.spilling = false;
        }
        if lane.is_empty() {
            let at = now.at + LANE_IDLE;
            self.set_timer(id, at);
        }
        for channel in news {
            self.acknowledge(id, channel);
        }
        self.answer_flushes(id);
        // Not only when the disk answers: a disk that hangs must not hold up what is in memory.
        self.settle_tail(id);
        self.use_disk(id, now);
        self.feed_hungry(now);
        self.wake_waiting();
        self.tell_if_drained();
    }

    /// Asks to be woken for this lane at `at`; a lane has one timer, the earliest asked for.
    fn set_timer(&mut self, id: LaneId, at: Duration) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        match lane.timer {
            Some(set) if set <= at => return,
            Some(set) => {
                self.timers.remove(&(set, id));
            }
            None => {}
        }
        lane.timer = Some(at);
        self.timers.insert((at, id));
    }

    /// Puts the lane on the list of those to look at.
    fn mark(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(id) {
            if !std::mem::replace(&mut lane.marked, true) {
                self.ready.push_back(id);
            }
        }
    }
}

/// How often the lanes with records are counted.
const COUNT_BUSY_EVERY: Duration = Duration::from_millis(100);

/// How long an empty lane without connections is kept, so that a client that comes back finds it warm.
const LANE_IDLE: Duration = Duration::from_secs(60);
